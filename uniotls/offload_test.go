package uniotls_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// gatedSigner is a private key whose operations wait until the test lets them go.
type gatedSigner struct {
	crypto.Signer
	entered chan struct{}
	leave   chan struct{}
}

// Sign waits and signs.
func (s *gatedSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.entered <- struct{}{}
	<-s.leave
	return s.Signer.Sign(r, digest, opts)
}

// gatedIdentity is a certificate with such a key.
func gatedIdentity() (tls.Certificate, *gatedSigner) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	cert := ca().issue(key.Public())
	s := &gatedSigner{key, make(chan struct{}, 1), make(chan struct{})}
	cert.PrivateKey = s
	return cert, s
}

func TestSlowSignerDoesNotHoldTheLoop(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		cert, signer := gatedIdentity()
		addr := serve(t, rt, &tls.Config{Certificates: []tls.Certificate{cert}}, echo)
		ask := neighbour(t, rt)
		c := tls.Client(dialPlain(t, addr), clientConfig())
		done := make(chan error, 1)
		go func() { done <- c.Handshake() }()
		await(t, signer.entered, "the signer")
		for range 100 {
			ask()
		}
		close(signer.leave)
		if err := await(t, done, "the handshake"); err != nil {
			t.Fatal(err)
		}
		exchange(t, c)
	})
}

// Every callback may block: a neighbour on the same loop is answered meanwhile.
func TestCallbacksDoNotHoldTheLoop(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		ask := neighbour(t, rt)
		called := make(chan string, 100)
		block := func(name string) {
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				ask()
			}()
			<-asked // on the loop this would never end
			called <- name
		}
		inner := serverConfig()
		inner.Certificates = nil
		inner.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			block("GetCertificate")
			cert := identity()
			return &cert, nil
		}
		inner.ClientAuth, inner.ClientCAs = tls.RequireAndVerifyClientCert, ca().pool
		inner.VerifyPeerCertificate = func(_ [][]byte, chains [][]*x509.Certificate) error {
			if len(chains) == 0 {
				t.Error("VerifyPeerCertificate was called without verified chains")
			}
			block("VerifyPeerCertificate")
			return nil
		}
		inner.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
			block("WrapSession")
			return inner.EncryptTicket(cs, s)
		}
		inner.UnwrapSession = func(id []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
			block("UnwrapSession")
			return inner.DecryptTicket(id, cs)
		}
		cfg := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			block("GetConfigForClient")
			return inner, nil
		}}
		addr := serve(t, rt, cfg, echo)
		client := clientConfig()
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			block("GetClientCertificate")
			cert := identity()
			return &cert, nil
		}
		client.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.VerifiedChains) == 0 {
				t.Error("VerifyConnection was called without verified chains")
			}
			block("VerifyConnection")
			return nil
		}
		for range 2 { // the second resumes the session
			dialTask(t, rt, addr, client, func(c *uniotls.Conn) { exchange(t, c) })
		}
		close(called)
		count := map[string]int{}
		for name := range called {
			count[name]++
		}
		for _, name := range []string{
			"GetConfigForClient", "GetCertificate", "GetClientCertificate", "VerifyPeerCertificate", "VerifyConnection",
			"WrapSession", "UnwrapSession",
		} {
			if count[name] == 0 {
				t.Errorf("%s was not called", name)
			}
		}
	})
}

// The failure: a callback that ended its goroutine, as t.FailNow does, passed for one that had found nothing wrong.
func TestCallbackThatExitsEndsTheHandshake(t *testing.T) {
	exit := func() error { runtime.Goexit(); return nil }
	for _, by := range []struct {
		name   string
		client bool // whose callback it is
		set    func(cfg *tls.Config)
	}{
		{"VerifyPeerCertificate", true, func(cfg *tls.Config) {
			cfg.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return exit() }
		}},
		{"VerifyConnection", true, func(cfg *tls.Config) {
			cfg.VerifyConnection = func(tls.ConnectionState) error { return exit() }
		}},
		{"GetConfigForClient", false, func(cfg *tls.Config) {
			cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, exit() }
		}},
		{"VerifyConnection", false, func(cfg *tls.Config) {
			cfg.VerifyConnection = func(tls.ConnectionState) error { return exit() }
		}},
	} {
		t.Run(fmt.Sprintf("%s/client=%v", by.name, by.client), func(t *testing.T) {
			each(t, func(t *testing.T, rt *unio.Runtime) {
				server, client := serverConfig(), clientConfig()
				client.InsecureSkipVerify = true // the callback is all that verifies
				if by.client {
					by.set(client)
				} else {
					by.set(server)
				}
				shaken := func(c *uniotls.Conn, which bool) {
					defer c.Abort()
					err := c.Handshake()
					if which == by.client {
						t.Errorf("the handshake came back: %v", err)
					}
				}
				addr := serve(t, rt, server, func(c *uniotls.Conn) { shaken(c, false) })
				inTask(t, rt, func() {
					u, err := rt.Dial(t.Context(), "tcp", addr.String(), nil)
					if err != nil {
						t.Error(err)
						return
					}
					shaken(uniotls.Client(u, client), true)
				})
			})
		})
	}
}

// Keys of each kind, also for RSA key exchange, where the key decrypts.
func TestKeysOfEachKind(t *testing.T) {
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	_, edKey := must2(ed25519.GenerateKey(rand.Reader))
	exchangeRSA := &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}
	for _, k := range []struct {
		name string
		key  crypto.Signer
		cfg  *tls.Config
	}{
		{"ecdsa", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), &tls.Config{}},
		{"ed25519", edKey, &tls.Config{}},
		{"rsa", rsaKey, &tls.Config{}},
		{"rsa 1.2", rsaKey, &tls.Config{MaxVersion: tls.VersionTLS12}},
		{"rsa key exchange", rsaKey, exchangeRSA},
		{"message signer", messageSigner{rsaKey}, &tls.Config{}},
	} {
		t.Run(k.name, func(t *testing.T) {
			each(t, func(t *testing.T, rt *unio.Runtime) {
				cert := ca().issue(k.key.Public())
				cert.PrivateKey = k.key
				k.cfg.Certificates = []tls.Certificate{cert}
				addr := serve(t, rt, k.cfg, echo)
				client := clientConfig()
				client.CipherSuites = k.cfg.CipherSuites
				dialTask(t, rt, addr, client, func(c *uniotls.Conn) { exchange(t, c) })
			})
		})
	}
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// messageSigner is a key that hashes itself, and refuses to sign what others have hashed.
type messageSigner struct{ key *rsa.PrivateKey }

// Public is the public key.
func (s messageSigner) Public() crypto.PublicKey { return s.key.Public() }

// Sign refuses.
func (s messageSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("this key signs messages only")
}

// SignMessage signs.
func (s messageSigner) SignMessage(r io.Reader, msg []byte, opts crypto.SignerOpts) ([]byte, error) {
	return crypto.SignMessage(s.key, r, msg, opts)
}

func TestServerNameAndTrustAreChecked(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), echo)
		inTask(t, rt, func() {
			for _, cfg := range []*tls.Config{
				{RootCAs: ca().pool, ServerName: "another.example"},
				{ServerName: "example.com"}, // the system's authorities
				nil,
			} {
				c, err := uniotls.Dial(t.Context(), rt, "tcp", addr.String(), cfg)
				if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok || c != nil {
					t.Errorf("%v: error %v", cfg, err)
				}
			}
			c, err := uniotls.Dial(t.Context(), rt, "tcp", addr.String(), &tls.Config{RootCAs: ca().pool})
			if err != nil {
				t.Errorf("the address is the name: %v", err)
				return
			}
			c.Close()
		})
	})
}

func TestRenegotiationIsRefused(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), echo)
		cfg := clientConfig()
		cfg.Renegotiation = tls.RenegotiateFreelyAsClient
		inTask(t, rt, func() {
			if _, err := uniotls.Dial(t.Context(), rt, "tcp", addr.String(), cfg); err == nil {
				t.Error("a connection with renegotiation was made")
			}
		})
	})
}

// resumes makes a connection and reports whether it resumed a session.
func resumes(t *testing.T, rt *unio.Runtime, addr interface {
	Network() string
	String() string
}, cfg *tls.Config) (did bool) {
	t.Helper()
	dialTask(t, rt, addr, cfg, func(c *uniotls.Conn) {
		exchange(t, c) // the tickets come with it
		did = c.ConnectionState().DidResume
	})
	return did
}

func TestSessionsResume(t *testing.T) {
	plain := serverConfig()
	for _, s := range []struct {
		name string
		cfg  *tls.Config
	}{
		{"own keys", serverConfig()},
		{"another configuration's certificate", &tls.Config{
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return plain, nil },
		}},
	} {
		for _, vers := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(s.name+"/"+tls.VersionName(vers), func(t *testing.T) {
				each(t, func(t *testing.T, rt *unio.Runtime) {
					addr := serve(t, rt, s.cfg, echo)
					client := clientConfig()
					client.MinVersion, client.MaxVersion = vers, vers
					client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
					if resumes(t, rt, addr, client) {
						t.Error("the first connection resumed a session")
					}
					if !resumes(t, rt, addr, client) {
						t.Error("the second connection did not resume the session")
					}
				})
			})
		}
	}
}

// The keys of session tickets may be changed while the server runs.
func TestSetSessionTicketKeysWhileServing(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		cfg := serverConfig()
		cfg.SetSessionTicketKeys([][32]byte{{1}})
		addr := serve(t, rt, cfg, echo)
		client := clientConfig()
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		resumes(t, rt, addr, client)
		cfg.SetSessionTicketKeys([][32]byte{{2}})
		if resumes(t, rt, addr, client) {
			t.Error("a ticket was taken that was sealed with a key that is no more")
		}
		cfg.SetSessionTicketKeys([][32]byte{{3}, {2}})
		if !resumes(t, rt, addr, client) {
			t.Error("a ticket was refused that is sealed with an older key")
		}
	})
}

// A deadline ends a handshake in which a callback or a key is slow, once that is over.
func TestHandshakeDeadlineWithSlowSigner(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		cert, signer := gatedIdentity()
		result, conns := make(chan error, 1), make(chan *uniotls.Conn, 1)
		addr := serve(t, rt, &tls.Config{Certificates: []tls.Certificate{cert}}, func(c *uniotls.Conn) {
			conns <- c
			result <- c.Handshake()
		})
		c := tls.Client(dialPlain(t, addr), clientConfig())
		go c.Handshake()
		await(t, signer.entered, "the signer")
		// Not before: it would end a handshake that has to wait for the client.
		(<-conns).SetDeadline(time.Now().Add(10 * time.Millisecond))
		time.AfterFunc(20*time.Millisecond, func() { close(signer.leave) })
		if err := await(t, result, "the handshake"); err == nil {
			t.Error("the handshake ended well after its deadline")
		}
	})
}
