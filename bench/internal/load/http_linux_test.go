package load

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// httpServer answers with bodies of the length of their path, by TLS or without.
func httpServer(t *testing.T, tls bool, handle http.HandlerFunc) netip.AddrPort {
	t.Helper()
	s := httptest.NewUnstartedServer(handle)
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

func TestHTTPIsCountedAndVerified(t *testing.T) {
	for _, tls := range []bool{false, true} {
		addr := httpServer(t, tls, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Repeat("y", 40<<10))
		})
		target, err := Open(addr, Shape{Conns: 5, Depth: 1, Path: "/x", TLS: tls})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := target.Run(Slice{Duration: 20 * time.Millisecond, Verify: true})
			if err != nil || r.Messages < 5 || r.P50 == 0 {
				t.Errorf("tls %v: %+v, %v", tls, r, err)
			}
		}
		target.Close()
	}
}

func TestWrongAnswerIsSeen(t *testing.T) {
	for _, tls := range []bool{false, true} {
		var asked atomic.Int64
		addr := httpServer(t, tls, func(w http.ResponseWriter, r *http.Request) {
			body := "right"
			if asked.Add(1) > 3 {
				body = "wrong"
			}
			io.WriteString(w, body)
		})
		target, err := Open(addr, Shape{Conns: 1, Depth: 1, Path: "/", TLS: tls})
		if err != nil {
			t.Fatal(err)
		}
		_, err = target.Run(Slice{Duration: time.Second, Verify: true})
		if !errors.Is(err, ErrMismatch) {
			t.Errorf("tls %v: %v, want %v", tls, err, ErrMismatch)
		}
		target.Close()
	}
}

func TestRefusedPathIsAnError(t *testing.T) {
	addr := httpServer(t, false, http.NotFound)
	if _, err := Open(addr, Shape{Conns: 1, Depth: 1, Path: "/"}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v, want 404", err)
	}
}
