package gate_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// The metrics have each certificate of a listener, as it is after a reload too.
func TestCertificatesAreKnown(t *testing.T) {
	dir := t.TempDir()
	ca := certtest.New(t)
	first, firstKey := ca.ECDSA(t, "first.example").Write(t, dir, "first")
	second, secondKey := ca.ECDSA(t, "second.example").Write(t, dir, "second")
	renewed := 0
	listener := func(pairs ...config.Certificate) func(*config.Config) {
		return func(cfg *config.Config) {
			cfg.Listeners[0].TLS = &config.ServerTLS{Certificates: pairs, MinVersion: tls.VersionTLS12}
		}
	}
	s := setup{Change: listener(config.Certificate{Cert: first, Key: firstKey})}
	eachEngine(t, s, func(w *world) {
		if all := w.g.Certificates(); len(all) != 1 || all[0].Names[0] != "first.example" || time.Until(all[0].NotAfter) < time.Hour {
			w.Errorf("%+v", all)
		}
		text := scrape(w)
		if !strings.Contains(text, `certificate_expiry_timestamp_seconds{certificate="`+first+`"}`) {
			w.Errorf("%s is not in\n%s", first, text)
		}
		again := setup{Upstreams: []string{"127.0.0.1:1"}, Change: listener(config.Certificate{Cert: second, Key: secondKey})}
		if _, err := w.g.Reload(again.config(w)); err != nil {
			w.Fatal(err)
		}
		if text := scrape(w); !strings.Contains(text, second) || strings.Contains(text, first) {
			w.Errorf("after the reload:\n%s", text)
		}
		// Who renews a certificate under its old name and reloads does not have to wait for the next look at the files.
		renewed++
		name := fmt.Sprintf("renewed-%d.example", renewed)
		ca.ECDSA(t, name).Write(t, dir, "second")
		if _, err := w.g.Reload(again.config(w)); err != nil {
			w.Fatal(err)
		}
		if all := w.g.Certificates(); len(all) != 1 || all[0].Names[0] != name {
			w.Errorf("after the reload with new files: %+v", all)
		}
	}, script(func(*testing.T, *peer, int) {}))
}

// scrape is what Prometheus would get.
func scrape(w *world) string {
	w.Helper()
	rec := httptest.NewRecorder()
	w.g.Metrics().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	b, err := io.ReadAll(rec.Result().Body)
	if err != nil || rec.Code != http.StatusOK {
		w.Fatal(rec.Code, err)
	}
	return string(b)
}
