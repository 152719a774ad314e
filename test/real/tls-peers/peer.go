// A TLS peer of Go's crypto/tls for captures. Usage:
//
//	peer server PORT VERSION DIR KEYLOG           asks for a client certificate below DIR/ca.crt, answers and closes
//	peer client PORT VERSION DIR KEYLOG NAME...   one connection for each name: NAME.crt and NAME.key in DIR are presented;
//	                                              none: no certificate; wrongKey: plugin.crt with foreign.key; distrust: no CA
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

func main() {
	role, port, dir := os.Args[1], os.Args[2], os.Args[4]
	version := map[string]uint16{"2": tls.VersionTLS12, "3": tls.VersionTLS13}[os.Args[3]]
	keyLog := must(os.OpenFile(os.Args[5], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600))
	cas := x509.NewCertPool()
	cas.AppendCertsFromPEM(must(os.ReadFile(dir + "/ca.crt")))
	config := tls.Config{
		MinVersion: version, MaxVersion: version, KeyLogWriter: keyLog, ServerName: "localhost",
		RootCAs: cas, ClientCAs: cas, ClientAuth: tls.RequireAndVerifyClientCert,
	}
	if role == "server" {
		serve(port, dir, &config)
		return
	}
	for _, name := range os.Args[6:] {
		connect(port, dir, name, config.Clone())
	}
}

func serve(port, dir string, config *tls.Config) {
	config.Certificates = []tls.Certificate{must(tls.LoadX509KeyPair(dir+"/server.crt", dir+"/server.key"))}
	listener := must(net.Listen("tcp", "127.0.0.1:"+port))
	fmt.Println("ready")
	for {
		connection := tls.Server(must(listener.Accept()), config)
		connection.SetDeadline(time.Now().Add(5 * time.Second))
		if connection.Handshake() == nil {
			connection.Read(make([]byte, 100))
			connection.Write([]byte("bye"))
		}
		connection.Close()
	}
}

func connect(port, dir, name string, config *tls.Config) {
	var own tls.Certificate
	switch name {
	case "none":
	case "distrust":
		config.RootCAs = x509.NewCertPool()
	case "wrongKey":
		own = must(tls.LoadX509KeyPair(dir+"/plugin.crt", dir+"/plugin.key"))
		own.PrivateKey = must(tls.LoadX509KeyPair(dir+"/foreign.crt", dir+"/foreign.key")).PrivateKey
	default:
		own = must(tls.LoadX509KeyPair(dir+"/"+name+".crt", dir+"/"+name+".key"))
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	connection, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	if err != nil {
		return
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(5 * time.Second))
	connection.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	io.Copy(io.Discard, connection)
}
