// Package authorities reads the certificates of authorities. The check of a configuration and the server use the same
// reader, so that what the check accepts can be served.
package authorities

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Whole is an error where a block of PEM begins in a text that package pem leaves out: one that has no end, as in a file that
// is being written, or one that cannot be decoded. What follows the first certificate of a file would be missed in silence.
func Whole(text []byte) error {
	begun := bytes.Count(append([]byte("\n"), text...), []byte("\n-----BEGIN "))
	for n := range begun {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return fmt.Errorf("%d blocks of PEM begin in it and %d can be read: write the whole file", begun, n)
		}
	}
	return nil
}

// Parse reads certificates in PEM; notAfter is when the first of them expires. x509.CertPool.AppendCertsFromPEM leaves
// out what it cannot read; here a file is good as a whole or not at all.
func Parse(text []byte) (pool *x509.CertPool, notAfter time.Time, err error) {
	if err := Whole(text); err != nil {
		return nil, notAfter, err
	}
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
