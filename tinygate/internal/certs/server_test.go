package certs_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/stream"
	"github.com/unio-go/unio/uniotest"
)

func TestNamesChooseCertificates(t *testing.T) {
	s := newSite(t)
	pairs := map[string]certtest.Pair{
		"first": s.ECDSA(t, "first.example"),
		"wild":  s.ECDSA(t, "*.example.com"),
		"exact": s.ECDSA(t, "www.example.com", "EXAMPLE.com"),
	}
	for _, name := range []string{"first", "wild", "exact"} {
		s.add(name, pairs[name])
	}
	srv := s.open(t, nil)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, srv, make(chan error, 100))
		for name, want := range map[string]string{
			"first.example": "first", "www.example.com": "exact", "WWW.example.COM": "exact", "example.com": "exact",
			"api.example.com": "wild", "a.b.example.com": "first", "other.example": "first", "": "first",
		} {
			cfg := s.client(name)
			cfg.InsecureSkipVerify = true // the default is for another name
			c := open(t, addr, cfg)
			if got := leaf(c); got != serial(t, pairs[want]) {
				t.Errorf("%q got certificate %s, not that of %s", name, got, want)
			}
			c.Close()
		}
	})
}

func TestClientsGetTheKeyThatTheyCanUse(t *testing.T) {
	s := newSite(t)
	s.add("rsa", s.RSA(t, "www.example.com"))
	s.add("other", s.ECDSA(t, "other.example"))
	s.add("ecdsa", s.ECDSA(t, "www.example.com"))
	srv := s.open(t, nil)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, srv, make(chan error, 100))
		for _, name := range []string{"www.example.com", "unknown.example"} {
			cfg := s.client(name)
			cfg.InsecureSkipVerify = true
			modern := open(t, addr, cfg)
			if _, ok := modern.ConnectionState().PeerCertificates[0].PublicKey.(*ecdsa.PublicKey); !ok {
				t.Errorf("%s: a client that can use ECDSA got another key", name)
			}
			old := s.client(name)
			old.InsecureSkipVerify, old.MaxVersion = true, tls.VersionTLS12
			old.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
			if _, ok := open(t, addr, old).ConnectionState().PeerCertificates[0].PublicKey.(*rsa.PublicKey); !ok {
				t.Errorf("%s: a client that cannot use ECDSA got it", name)
			}
		}
		none := s.client("other.example")
		none.MaxVersion, none.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		refused(t, addr, none, "handshake failure")
	})
}

func TestVersionsAndProtocols(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	srv := s.open(t, nil)
	s.cfg.MinVersion = tls.VersionTLS13
	strict := s.open(t, nil)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, srv, make(chan error, 100))
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			cfg := s.client("www.example.com")
			cfg.MinVersion, cfg.MaxVersion, cfg.NextProtos = version, version, []string{"h2", "http/1.1"}
			state := open(t, addr, cfg).ConnectionState()
			if state.Version != version || state.NegotiatedProtocol != "http/1.1" {
				t.Errorf("%s became %s with %q", tls.VersionName(version), tls.VersionName(state.Version), state.NegotiatedProtocol)
			}
		}
		old := s.client("www.example.com")
		old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		refused(t, addr, old, "protocol version not supported")
		addr = serve(t, rt, strict, make(chan error, 100))
		old.MaxVersion = tls.VersionTLS12
		refused(t, addr, old, "protocol version not supported")
		open(t, addr, s.client("www.example.com"))
	})
}

func TestClientCertificates(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	clients, strangers := certtest.New(t), certtest.New(t)
	good, bad := clients.ECDSA(t).TLS(t), strangers.ECDSA(t).TLS(t)
	s.clientCA(config.ClientAuthOptional, clients.PEM)
	optional := s.open(t, nil)
	s.cfg.ClientAuth = config.ClientAuthRequired
	required := s.open(t, nil)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		failed := make(chan error, 100)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			with := func(chain ...tls.Certificate) *tls.Config {
				cfg := s.client("www.example.com")
				cfg.MaxVersion = version
				cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(chain) == 0 {
						return new(tls.Certificate), nil
					}
					return &chain[0], nil
				}
				return cfg
			}
			addr := serve(t, rt, optional, failed)
			open(t, addr, with())
			open(t, addr, with(good))
			refused(t, addr, with(bad), "unknown certificate authority")
			addr = serve(t, rt, required, failed)
			open(t, addr, with(good))
			refused(t, addr, with(bad), "unknown certificate authority")
			alert := "certificate required"
			if version == tls.VersionTLS12 {
				alert = "handshake failure" // RFC 5246 7.4.6
			}
			refused(t, addr, with(), alert)
			for range 3 {
				await(t, failed, "a handshake that fails")
			}
		}
	})
}

// A session does not outlive the authority that its client was checked by.
func TestAuthoritiesChange(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	before, after := certtest.New(t), certtest.New(t)
	s.clientCA(config.ClientAuthRequired, before.PEM)
	srv := s.open(t, nil)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		certtest.File(t, s.cfg.ClientCA, before.PEM)
		srv.Poll()
		addr := serve(t, rt, srv, make(chan error, 100))
		old := s.client("www.example.com")
		old.Certificates = []tls.Certificate{before.ECDSA(t).TLS(t)}
		c := open(t, addr, old)
		certtest.File(t, s.cfg.ClientCA, after.PEM)
		if !srv.Poll() {
			t.Error("new authorities are not a change")
		}
		exchange(t, c) // goes on
		refused(t, addr, old, "unknown certificate authority")
		fresh := s.client("www.example.com")
		fresh.Certificates = []tls.Certificate{after.ECDSA(t).TLS(t)}
		open(t, addr, fresh)

		certtest.File(t, s.cfg.ClientCA, append(after.PEM, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...))
		if srv.Poll() {
			t.Error("a broken file of authorities was taken")
		}
		open(t, addr, fresh)
	})
}

func TestNewFilesAreTaken(t *testing.T) {
	s := newSite(t)
	first := s.ECDSA(t, "www.example.com")
	s.add("only", first)
	srv := s.open(t, nil)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		first.Write(t, s.folder, "only")
		srv.Poll()
		addr := serve(t, rt, srv, make(chan error, 100))
		old := open(t, addr, s.client("www.example.com"))
		if srv.Poll() {
			t.Error("the same files are a change")
		}
		// The certificate comes before its key, as most tools write them.
		next := s.ECDSA(t, "www.example.com")
		files := s.cfg.Certificates[0]
		certtest.File(t, files.Cert, next.Cert)
		if srv.Poll() {
			t.Error("half a pair was taken")
		}
		if st := srv.Status()[0]; st.Err == nil || !strings.Contains(st.Err.Error(), files.Key) {
			t.Errorf("half a pair is no error that names its files: %v", st.Err)
		}
		if got := leaf(open(t, addr, s.client("www.example.com"))); got != serial(t, first) {
			t.Error("half a pair is in use")
		}
		certtest.File(t, files.Key, next.Key)
		if !srv.Poll() {
			t.Error("the new pair was not taken")
		}
		exchange(t, old)
		if got := leaf(old); got != serial(t, first) {
			t.Error("an open connection has changed")
		}
		if got := leaf(open(t, addr, s.client("www.example.com"))); got != serial(t, next) {
			t.Error("the new pair is not in use")
		}
		if st := srv.Status()[0]; st.Err != nil || !st.NotAfter.Equal(next.TLS(t).Leaf.NotAfter) {
			t.Errorf("the status of a new pair is %+v", st)
		}
	})
}

// The failure: a file that is being written was taken with what was there of it, a chain without its last certificates, or
// authorities that did not know some clients.
func TestHalfWrittenFilesAreNotTaken(t *testing.T) {
	s := newSite(t)
	pair, other := s.ECDSA(t, "www.example.com"), certtest.New(t)
	pair.Cert = append(pair.Cert, s.PEM...)
	s.add("only", pair)
	both := append(bytes.Clone(s.PEM), other.PEM...)
	s.clientCA(config.ClientAuthRequired, both)
	srv := s.open(t, nil)
	before := srv.Config()
	for name, whole := range map[string][]byte{s.cfg.Certificates[0].Cert: pair.Cert, s.cfg.ClientCA: both} {
		second := bytes.LastIndex(whole, []byte("-----BEGIN"))
		for n := second + len("-----BEGIN "); n < len(whole)-1; n += 7 {
			certtest.File(t, name, whole[:n])
			if srv.Poll() || srv.Config() != before {
				t.Fatalf("%d of %d bytes of %s were taken", n, len(whole), name)
			}
		}
		failed := 0
		for _, st := range srv.Status() {
			if st.Err != nil && st.Cert == name && strings.Contains(st.Err.Error(), name) {
				failed++
			}
		}
		if failed != 1 {
			t.Errorf("the status does not tell of %s: %+v", name, srv.Status())
		}
		if _, err := certs.NewServer(&s.cfg, nil, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("a new Server takes a part of %s", name)
		}
		certtest.File(t, name, whole)
		if srv.Poll(); srv.Status()[0].Err != nil || srv.Status()[1].Err != nil {
			t.Errorf("the whole is there, and yet %+v", srv.Status())
		}
	}
}

// What is wrong with a file is logged once, and again when it is wrong again.
func TestBrokenFilesAreLoggedOnce(t *testing.T) {
	s := newSite(t)
	pair := s.ECDSA(t, "www.example.com")
	s.add("only", pair)
	srv := s.open(t, nil)
	files := s.cfg.Certificates[0]
	count := func() int { return strings.Count(s.log.String(), "cannot be used") }
	for i, spoil := range []func(){
		func() { certtest.File(t, files.Cert, []byte("not PEM")) },
		func() { certtest.File(t, files.Key, nil) },
		func() { os.Remove(files.Key) },
		func() { os.Remove(files.Cert) },
		func() { certtest.File(t, files.Key, certtest.New(t).ECDSA(t).Key) },
	} {
		before := count()
		spoil()
		for range 3 {
			if srv.Poll() {
				t.Errorf("%d: a broken pair was taken", i)
			}
		}
		if n := count() - before; n != 1 {
			t.Errorf("%d: a broken pair was logged %d times", i, n)
		}
		if srv.Status()[0].Err == nil || srv.Config().Certificates[0].Leaf == nil {
			t.Errorf("%d: %+v", i, srv.Status()[0])
		}
		pair.Write(t, s.folder, "only")
		srv.Poll()
		if err := srv.Status()[0].Err; err != nil {
			t.Errorf("%d: mended, and yet %v", i, err)
		}
	}
}

// A certificate that is over is told of when it is there at the start and when it comes later.
func TestExpiredCertificatesAreTold(t *testing.T) {
	s := newSite(t)
	s.add("only", s.Expired(t, "www.example.com"))
	srv := s.open(t, nil)
	for times := 1; ; times++ {
		if n := strings.Count(s.log.String(), "has expired"); n != times {
			t.Errorf("%d warnings of %d expired certificates:\n%s", n, times, s.log.String())
		}
		if times == 2 {
			return
		}
		s.ECDSA(t, "www.example.com").Write(t, s.folder, "only")
		srv.Poll()
		s.Expired(t, "www.example.com").Write(t, s.folder, "only")
		if !srv.Poll() {
			t.Error("new files were not taken")
		}
	}
}

// Kubernetes gives secrets as files behind a link to a folder, which is replaced.
func TestLinksAreFollowed(t *testing.T) {
	s := newSite(t)
	data := filepath.Join(s.folder, "..data")
	var pairs []certtest.Pair
	for _, version := range []string{"..1", "..2"} {
		folder := filepath.Join(s.folder, version)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		p := s.ECDSA(t, "www.example.com")
		p.Write(t, folder, "tls")
		pairs = append(pairs, p)
	}
	link := func(to string) {
		os.Remove(data + ".tmp")
		if err := os.Symlink(to, data+".tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(data+".tmp", data); err != nil {
			t.Fatal(err)
		}
	}
	link("..1")
	for _, name := range []string{"tls.pem", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(s.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.cfg.Certificates = []config.Certificate{{Cert: filepath.Join(s.folder, "tls.pem"), Key: filepath.Join(s.folder, "tls.key")}}
	srv := s.open(t, nil)
	link("..2")
	if !srv.Poll() || srv.Config().Certificates[0].Leaf.SerialNumber.String() != serial(t, pairs[1]) {
		t.Error("a swap of a link was not seen")
	}
}

// The looks happen by themselves.
func TestFilesAreLookedAt(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	srv := s.open(t, nil)
	next := s.ECDSA(t, "www.example.com")
	next.Write(t, s.folder, "only")
	eventually(t, "the new certificate", func() bool {
		return srv.Config().Certificates[0].Leaf.SerialNumber.String() == serial(t, next)
	})
	srv.Close()
	srv.Close() // is allowed
	if srv.Poll() {
		t.Error("a look after Close")
	}
}

func TestNewServerTellsAllThatIsWrong(t *testing.T) {
	s := newSite(t)
	s.add("good", s.ECDSA(t, "www.example.com"))
	s.add("torn", certtest.Pair{Cert: s.ECDSA(t).Cert, Key: s.ECDSA(t).Key})
	s.cfg.Certificates = append(s.cfg.Certificates, config.Certificate{Cert: "/nowhere.pem", Key: "/nowhere.key"})
	s.clientCA(config.ClientAuthRequired, []byte("nothing"))
	_, err := certs.NewServer(&s.cfg, nil, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("a broken configuration was taken")
	}
	for _, word := range []string{"torn.pem", "/nowhere.pem", "ca.pem"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not name %s: %v", word, err)
		}
	}
	wantIs(t, "a missing file", err, os.ErrNotExist)
	if _, err := certs.NewServer(new(config.ServerTLS), nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no certificate at all was taken")
	}
}

func TestStatusTellsNamesAndEnds(t *testing.T) {
	s := newSite(t)
	pair := s.ECDSA(t, "www.example.com", "*.example.com")
	s.add("only", pair)
	s.clientCA(config.ClientAuthOptional, s.PEM)
	st := s.open(t, nil).Status()
	if len(st) != 2 || strings.Join(st[0].Names, " ") != "www.example.com *.example.com" || st[0].Err != nil ||
		!st[0].NotAfter.Equal(pair.TLS(t).Leaf.NotAfter) || st[0].Key != s.cfg.Certificates[0].Key {
		t.Errorf("%+v", st)
	}
	if ca := st[1]; ca.Cert != s.cfg.ClientCA || ca.Key != "" || ca.NotAfter.IsZero() {
		t.Errorf("%+v", ca)
	}
}

func TestUpstreamTLS(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	clients := certtest.New(t)
	s.clientCA(config.ClientAuthRequired, clients.PEM)
	srv := s.open(t, nil)
	ca := filepath.Join(s.folder, "upstream-ca.pem")
	certtest.File(t, ca, s.PEM)
	cert, key := clients.ECDSA(t).Write(t, s.folder, "client")
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		failed := make(chan error, 100)
		addr := serve(t, rt, srv, failed)
		make := func(cfg config.ClientTLS, host string) *tls.Config {
			c, err := certs.NewClients().Config(&cfg, host)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		good := make(config.ClientTLS{CA: ca, Cert: cert, Key: key}, "www.example.com")
		for resumed := range 2 {
			if c := open(t, addr, good); c.ConnectionState().DidResume != (resumed == 1) {
				t.Errorf("connection %d resumed: %v", resumed, c.ConnectionState().DidResume)
			}
		}
		open(t, addr, make(config.ClientTLS{CA: ca, Cert: cert, Key: key, ServerName: "www.example.com"}, "10.0.0.1"))
		open(t, addr, make(config.ClientTLS{Insecure: true, Cert: cert, Key: key}, ""))
		refused(t, addr, make(config.ClientTLS{CA: ca, Cert: cert, Key: key}, "other.example"), "not other.example")
		refused(t, addr, make(config.ClientTLS{Cert: cert, Key: key}, "www.example.com"), "unknown authority")
		refused(t, addr, make(config.ClientTLS{CA: ca}, "www.example.com"), "certificate required")
	})
	for _, bad := range []config.ClientTLS{
		{}, {CA: "/nowhere.pem", ServerName: "x"}, {CA: key, ServerName: "x"}, {Cert: cert, ServerName: "x"}, {Cert: ca, Key: key, ServerName: "x"},
	} {
		if _, err := certs.NewClients().Config(&bad, ""); err == nil || !strings.HasPrefix(err.Error(), "tls: ") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestFilesAreReadOnceForAllServers has the files gone when the second server's turn comes.
func TestFilesAreReadOnceForAllServers(t *testing.T) {
	s := newSite(t)
	ca := filepath.Join(s.folder, "ca.pem")
	certtest.File(t, ca, s.PEM)
	cert, key := s.ECDSA(t).Write(t, s.folder, "client")
	cfg, clients := config.ClientTLS{CA: ca, Cert: cert, Key: key}, certs.NewClients()
	first, err := clients.Config(&cfg, "a.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{ca, cert, key} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	second, err := clients.Config(&cfg, "b.example")
	if err != nil {
		t.Fatal(err)
	}
	if first.RootCAs != second.RootCAs || second.ServerName != "b.example" || first.ClientSessionCache == second.ClientSessionCache {
		t.Error("two servers have their authorities apart, or their name or sessions together")
	}
}

// curl checks the certificate with the system's own library, by the version of TLS that it is told.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("lacks: curl")
	}
	s := newSite(t)
	s.add("first", s.RSA(t, "first.example"))
	s.add("second", s.ECDSA(t, "www.example.com"))
	srv := s.open(t, nil)
	ca := filepath.Join(s.folder, "ca.pem")
	certtest.File(t, ca, s.PEM)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serveBy(t, rt, srv, make(chan error, 100), func(c stream.Conn) {
			b, err := c.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			b.Release()
			text := "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + c.State().ServerName
			out, err := rt.Alloc(context.Background(), len(text))
			if err != nil {
				t.Error(err)
				return
			}
			copy(out.Bytes(), text)
			c.Send(out)
		})
		_, port, _ := strings.Cut(addr, ":")
		for _, version := range []string{"1.2", "1.3"} {
			ctx, cancel := context.WithTimeout(context.Background(), bound)
			defer cancel()
			out, err := exec.CommandContext(ctx, curl, "-sS", "--noproxy", "*", "--cacert", ca, "--tls-max", version, "--tlsv"+version,
				"--resolve", "www.example.com:"+port+":127.0.0.1", "https://www.example.com:"+port+"/").CombinedOutput()
			if string(out) != "www.example.com" || err != nil {
				t.Errorf("curl with TLS %s: %q, %v", version, out, err)
			}
		}
	})
}

// Names are looked up once for each handshake.
func TestChoosingAllocatesNothing(t *testing.T) {
	s := newSite(t)
	s.add("first", s.ECDSA(t, "first.example"))
	s.add("wild", s.ECDSA(t, "*.example.com"))
	cfg := s.open(t, nil).Config()
	for _, name := range []string{"first.example", "www.example.com", "unknown.example", ""} {
		hello := &tls.ClientHelloInfo{ServerName: name}
		if n := testing.AllocsPerRun(100, func() { cfg.GetCertificate(hello) }); n > 0 {
			t.Errorf("%q costs %v allocations", name, n)
		}
	}
}
