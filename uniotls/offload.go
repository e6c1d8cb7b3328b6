package uniotls

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"io"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio"
)

// offloads is a configuration with what it takes to keep its private keys and callbacks off the loop. The wrapped
// certificates are made once; a *tls.Config is made for each connection, so that a change of the session ticket keys by
// SetSessionTicketKeys is seen by the connections after it.
type offloads struct {
	user  *tls.Config
	certs []tls.Certificate
	named map[string]*tls.Certificate
}

func newOffloads(cfg *tls.Config) *offloads {
	if cfg == nil {
		cfg = new(tls.Config)
	}
	o := &offloads{user: cfg, certs: make([]tls.Certificate, len(cfg.Certificates))}
	for i := range cfg.Certificates {
		o.certs[i] = *offCert(&cfg.Certificates[i])
	}
	//lint:ignore SA1019 crypto/tls still honours the field
	if named := cfg.NameToCertificate; named != nil {
		o.named = make(map[string]*tls.Certificate, len(named))
		for name, cert := range named {
			o.named[name] = offCert(cert)
		}
	}
	return o
}

// serverConfig is config for a server, which shares the session tickets of all its connections.
func (o *offloads) serverConfig() *tls.Config {
	// The user's configuration makes and changes its ticket keys when they are asked for; what is asked does not matter.
	if o.user.GetConfigForClient != nil || !o.user.SessionTicketsDisabled {
		o.user.DecryptTicket(nil, tls.ConnectionState{})
	}
	return o.config()
}

// config is the configuration for one connection.
func (o *offloads) config() *tls.Config {
	c := o.user.Clone()
	c.Certificates = o.certs
	//lint:ignore SA1019 crypto/tls still honours the field
	c.NameToCertificate = o.named
	c.GetCertificate = offCall(c.GetCertificate, offCert)
	c.GetClientCertificate = offCall(c.GetClientCertificate, offCert)
	c.GetConfigForClient = offCall(c.GetConfigForClient, func(cfg *tls.Config) *tls.Config {
		if cfg == nil {
			return nil
		}
		return newOffloads(cfg).config()
	})
	c.GetEncryptedClientHelloKeys = offCall(c.GetEncryptedClientHelloKeys,
		func(k []tls.EncryptedClientHelloKey) []tls.EncryptedClientHelloKey { return k })
	c.VerifyConnection = offCheck(c.VerifyConnection)
	c.EncryptedClientHelloRejectionVerify = offCheck(c.EncryptedClientHelloRejectionVerify)
	if verify := c.VerifyPeerCertificate; verify != nil {
		c.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) (err error) {
			unio.Offload(func() { err = verify(raw, chains) })
			return err
		}
	}
	if wrap := c.WrapSession; wrap != nil {
		c.WrapSession = func(s tls.ConnectionState, state *tls.SessionState) (ticket []byte, err error) {
			unio.Offload(func() { ticket, err = wrap(s, state) })
			return ticket, err
		}
	}
	if unwrap := c.UnwrapSession; unwrap != nil {
		c.UnwrapSession = func(ticket []byte, s tls.ConnectionState) (state *tls.SessionState, err error) {
			unio.Offload(func() { state, err = unwrap(ticket, s) })
			return state, err
		}
	}
	return c
}

// offCall has a callback run off the loop, and its result changed.
func offCall[In, Out any](call func(In) (Out, error), change func(Out) Out) func(In) (Out, error) {
	if call == nil {
		return nil
	}
	return func(in In) (out Out, err error) {
		unio.Offload(func() { out, err = call(in) })
		if err != nil {
			return out, err
		}
		return change(out), nil
	}
}

// offCheck has a callback run off the loop.
func offCheck(check func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	if check == nil {
		return nil
	}
	return func(s tls.ConnectionState) (err error) {
		unio.Offload(func() { err = check(s) })
		return err
	}
}

// offCert is a copy of a certificate whose key works off the loop.
func offCert(cert *tls.Certificate) *tls.Certificate {
	if cert == nil {
		return nil
	}
	c := *cert
	c.PrivateKey = offKey(c.PrivateKey)
	return &c
}

// offKey has the operations of a private key run off the loop. It can exactly what the key can, since crypto/tls chooses
// by that; what is no crypto.Signer stays as it is, for crypto/tls to refuse.
func offKey(key crypto.PrivateKey) crypto.PrivateKey {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return key
	}
	s := offSigner{signer}
	m, isMessage := key.(crypto.MessageSigner)
	d, isDecrypter := key.(crypto.Decrypter)
	switch {
	case isMessage && isDecrypter:
		return struct {
			offSigner
			offMessage
			offDecrypter
		}{s, offMessage{m}, offDecrypter{d}}
	case isMessage:
		return struct {
			offSigner
			offMessage
		}{s, offMessage{m}}
	case isDecrypter:
		return struct {
			offSigner
			offDecrypter
		}{s, offDecrypter{d}}
	}
	return s
}

type offSigner struct{ key crypto.Signer }

// Public is the public key.
func (s offSigner) Public() crypto.PublicKey { return s.key.Public() }

// Sign signs a digest.
func (s offSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	unio.Offload(func() { sig, err = s.key.Sign(rand, digest, opts) })
	return sig, err
}

type offMessage struct{ message crypto.MessageSigner }

// SignMessage signs a message.
func (s offMessage) SignMessage(rand io.Reader, msg []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	unio.Offload(func() { sig, err = s.message.SignMessage(rand, msg, opts) })
	return sig, err
}

type offDecrypter struct{ decrypter crypto.Decrypter }

// Decrypt decrypts, for the key exchange of RSA in TLS 1.2.
func (d offDecrypter) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) (plain []byte, err error) {
	unio.Offload(func() { plain, err = d.decrypter.Decrypt(rand, msg, opts) })
	return plain, err
}

var (
	rootsLoaded atomic.Bool
	rootsOnce   sync.Once
)

// loadRoots has crypto/x509 read the system's certificates, which it does once and which takes a loop too long.
func loadRoots() {
	if rootsLoaded.Load() {
		return
	}
	unio.Offload(func() {
		rootsOnce.Do(func() {
			x509.SystemCertPool() // an error comes again where a chain is verified
			rootsLoaded.Store(true)
		})
	})
}
