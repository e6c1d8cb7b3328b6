package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/unio-go/unio/tinygate/internal/authorities"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// pair is a certificate with its key, and the files that it is from.
type pair struct {
	cert, key file
	good      *tls.Certificate // the last one that could be used
	err       error            // why what is in the files cannot be
}

func newPair(c config.Certificate) *pair {
	return &pair{cert: file{name: c.Cert}, key: file{name: c.Key}}
}

// poll reads the files if one of them may have changed, and reports whether there is a new certificate. Where they cannot
// be used the old one stays, and err says why.
func (p *pair) poll() (changed bool) {
	certInfo, certChanged, err := p.cert.look()
	if err != nil {
		p.err = fmt.Errorf("certificate: %w", err)
		return false
	}
	keyInfo, keyChanged, err := p.key.look()
	if err != nil {
		p.err = fmt.Errorf("private key: %w", err)
		return false
	}
	if !certChanged && !keyChanged {
		return false
	}
	certText, err := p.cert.read(certInfo)
	if err != nil {
		p.err = fmt.Errorf("certificate: %w", err)
		return false
	}
	keyText, err := p.key.read(keyInfo)
	if err != nil {
		p.err = fmt.Errorf("private key: %w", err)
		return false
	}
	if err := authorities.Whole(certText); err != nil {
		p.err = fmt.Errorf("certificate: %s: %w", p.cert.name, err)
		return false
	}
	next, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		p.err = fmt.Errorf("%s and %s are no pair of a certificate and its key, both in PEM: %w", p.cert.name, p.key.name, err)
		return false
	}
	p.err = nil
	if p.good != nil && slices.EqualFunc(p.good.Certificate, next.Certificate, bytes.Equal) {
		return false
	}
	p.good = &next
	return true
}

// rank orders certificates of the same name: those come first that cost less, and clients that cannot use them get the
// others.
func rank(c *tls.Certificate) int {
	switch c.Leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return 0
	case *rsa.PublicKey:
		return 2
	}
	return 1
}

// authorityFile is a file of certificates that those of clients are checked by.
type authorityFile struct {
	file
	pool     *x509.CertPool
	notAfter time.Time // of the first one that ends
	err      error
}

// poll reads the file if it may have changed, and reports whether it was taken.
func (a *authorityFile) poll() (changed bool) {
	info, changed, err := a.look()
	if err == nil && !changed {
		return false
	}
	var text []byte
	if err == nil {
		text, err = a.read(info)
	}
	if err != nil {
		a.err = fmt.Errorf("certificates of authorities: %w", err)
		return false
	}
	pool, notAfter, err := authorities.Parse(text)
	if err != nil {
		a.err = fmt.Errorf("certificates of authorities: %s: %w", a.name, err)
		return false
	}
	a.err = nil
	if a.pool != nil && a.pool.Equal(pool) {
		return false
	}
	a.pool, a.notAfter = pool, notAfter
	return true
}
