// Judges chains as crypto/x509 does. Reads one JSON document per line: chain and anchors as lists of base64 DER, purpose
// "client" or "server", now in Unix seconds, server name if one is wanted. Prints one line each: "ok N" (certificates in the
// first path) or the error.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

type question struct {
	Chain   [][]byte
	Anchors [][]byte
	Purpose string
	Now     int64
	// Empty for none.
	ServerName string
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			fmt.Println("unreadable", err)
			continue
		}
		fmt.Println(judge(q))
	}
}

func judge(q question) string {
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   time.Unix(q.Now, 0),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if q.Purpose == "server" {
		options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	options.DNSName = q.ServerName
	var leaf *x509.Certificate
	for i, der := range q.Chain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return "unparsable " + err.Error()
		}
		if i == 0 {
			leaf = certificate
		} else {
			options.Intermediates.AddCert(certificate)
		}
	}
	for _, der := range q.Anchors {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return "unparsable " + err.Error()
		}
		options.Roots.AddCert(certificate)
	}
	chains, err := leaf.Verify(options)
	if err == nil {
		return fmt.Sprint("ok ", len(chains[0]))
	}
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var misnamed x509.HostnameError
	var critical x509.UnhandledCriticalExtension
	switch {
	case errors.As(err, &unknown):
		return "UnknownAuthorityError"
	case errors.As(err, &misnamed):
		return err.Error()
	case errors.As(err, &critical):
		return "UnhandledCriticalExtension"
	case errors.As(err, &invalid):
		return map[x509.InvalidReason]string{
			x509.NotAuthorizedToSign:        "NotAuthorizedToSign",
			x509.Expired:                    "Expired",
			x509.CANotAuthorizedForThisName: "CANotAuthorizedForThisName",
			x509.TooManyIntermediates:       "TooManyIntermediates",
			x509.IncompatibleUsage:          "IncompatibleUsage",
		}[invalid.Reason]
	}
	return err.Error()
}
