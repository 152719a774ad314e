// Asks a server over TLS as a Go program does and prints what came of it: the status and body of the answer, or the
// error as crypto/tls words it. Usage: tls-go-client URL CAFILE [CERTFILE KEYFILE]. With TLS_MAX_VERSION=1.2 it offers
// nothing newer.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	url, caFile := os.Args[1], os.Args[2]
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(caFile)
	if err != nil || !pool.AppendCertsFromPEM(ca) {
		fmt.Println("cannot load", caFile, err)
		os.Exit(2)
	}
	config := &tls.Config{RootCAs: pool}
	if os.Getenv("TLS_MAX_VERSION") == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	if len(os.Args) > 4 {
		pair, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
		if err != nil {
			fmt.Println("cannot load", os.Args[3], err)
			os.Exit(2)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config}}
	answer, err := client.Get(url)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(body))
}
