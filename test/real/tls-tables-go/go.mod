module tls-tables-go

go 1.21
