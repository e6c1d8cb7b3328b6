// Package authorities reads the certificates of authorities. Who serves with them and who checks a configuration read them
// alike by it, so that what is found good can be served.
package authorities

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Parse reads certificates in PEM; notAfter is the end of the first one that ends. x509.CertPool.AppendCertsFromPEM leaves
// out what it cannot read; here a file is good as a whole or not at all.
func Parse(text []byte) (pool *x509.CertPool, notAfter time.Time, err error) {
	pool = x509.NewCertPool()
	for n := 1; ; n++ {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, notAfter, fmt.Errorf("block %d is %q: put nothing but certificates into it", n, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, notAfter, fmt.Errorf("certificate %d: %w", n, err)
		}
		pool.AddCert(cert)
		if notAfter.IsZero() || cert.NotAfter.Before(notAfter) {
			notAfter = cert.NotAfter
		}
	}
	if notAfter.IsZero() {
		return nil, notAfter, errors.New("there is no certificate in PEM in it")
	}
	return pool, notAfter, nil
}
