module spire-keylime/trust-go

go 1.21
