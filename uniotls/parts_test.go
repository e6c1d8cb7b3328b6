package uniotls_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// BenchmarkHandshakeParts is what the parts of a handshake take, to judge what may stay on a loop.
func BenchmarkHandshakeParts(b *testing.B) {
	digest := sha256.Sum256([]byte("a handshake"))
	for _, k := range []struct {
		name string
		key  crypto.Signer
	}{
		{"sign/ecdsa-p256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))},
		{"sign/rsa-2048", must(rsa.GenerateKey(rand.Reader, 2048))},
		{"sign/rsa-4096", must(rsa.GenerateKey(rand.Reader, 4096))},
	} {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				must(k.key.Sign(rand.Reader, digest[:], crypto.SHA256))
			}
		})
	}
	b.Run("agree/server-x25519mlkem768", func(b *testing.B) {
		peer, key := must(ecdh.X25519().GenerateKey(rand.Reader)), must(mlkem.GenerateKey768()).EncapsulationKey().Bytes()
		for b.Loop() {
			must(must(ecdh.X25519().GenerateKey(rand.Reader)).ECDH(peer.PublicKey()))
			must(mlkem.NewEncapsulationKey768(key)).Encapsulate()
		}
	})
	benchVerify(b, "verify/ecdsa-p256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	benchVerify(b, "verify/rsa-4096", must(rsa.GenerateKey(rand.Reader, 4096)))
	b.Run("offload", benchOffload)
}

// benchVerify verifies a chain of a leaf and an intermediate authority, as a handshake does.
func benchVerify(b *testing.B, name string, key crypto.Signer) {
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	root := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key))))
	between := &authority{key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	tmpl.Subject.CommonName, tmpl.SerialNumber = "between", big.NewInt(4)
	between.cert = must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, tmpl, root, between.key.Public(), key))))
	leaf := must(x509.ParseCertificate(between.issue(identity().Leaf.PublicKey).Certificate[0]))
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			o := x509.VerifyOptions{DNSName: "example.com", Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
			o.Roots.AddCert(root)
			o.Intermediates.AddCert(between.cert)
			must(leaf.Verify(o))
		}
	})
}

func benchOffload(b *testing.B) {
	rt := uniotest.New(b, &unio.Options{Loops: 1})
	done := make(chan struct{})
	rt.Go(func() {
		defer close(done)
		for b.Loop() {
			unio.Offload(func() {})
		}
	})
	<-done
}
