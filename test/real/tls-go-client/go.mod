module spire-keylime/tls-go-client

go 1.21
