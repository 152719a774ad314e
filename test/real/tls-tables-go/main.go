// Prints every number that crypto/tls has a name for: registry, number, name, tab-separated.
package main

import (
	"crypto/tls"
	"fmt"
	"strings"
)

func main() {
	for number := 0; number < 0x100; number++ {
		if text := tls.AlertError(number).Error(); text != fmt.Sprintf("tls: alert(%d)", number) {
			fmt.Printf("alert\t%d\t%s\n", number, strings.TrimPrefix(text, "tls: "))
		}
	}
	for _, suites := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, suite := range suites {
			fmt.Printf("cipher suite\t%d\t%s\n", suite.ID, suite.Name)
		}
	}
	for number := 0; number < 0x10000; number++ {
		named("group", number, tls.CurveID(number).String())
		named("signature scheme", number, tls.SignatureScheme(number).String())
		if name := tls.VersionName(uint16(number)); name != fmt.Sprintf("0x%04X", number) {
			fmt.Printf("version\t%d\t%s\n", number, name)
		}
	}
}

func named(registry string, number int, name string) {
	if !strings.HasSuffix(name, fmt.Sprintf("(%d)", number)) {
		fmt.Printf("%s\t%d\t%s\n", registry, number, name)
	}
}
