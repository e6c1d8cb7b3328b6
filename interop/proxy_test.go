package interop

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// TestReverseProxy has net/http's proxy between a client and a server, all three on unio.
func TestReverseProxy(t *testing.T) {
	cases := []struct {
		name string
		run  func(front *site)
	}{
		{"small", func(s *site) { s.echoes(strings.NewReader("small"), "small") }},
		{"large", func(s *site) { s.echoes(strings.NewReader(large), large) }},
		{"chunked", func(s *site) { s.echoes(io.MultiReader(strings.NewReader(large)), large) }},
		{"trailers", proxiedTrailers},
		{"parallel", parallel},
		{"upgrade", upgrade},
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				st := unioStack(rt)
				back := newSite(t, st, st, "http1")
				back.handle("/upgrade", func(w http.ResponseWriter, r *http.Request) { upgraded(t, w) })
				front := newSite(t, st, st, "http1")
				target, err := url.Parse(back.base)
				if err != nil {
					t.Fatal(err)
				}
				proxy := httputil.NewSingleHostReverseProxy(target)
				proxy.Transport = back.client.Transport
				front.handle("/proxied/", http.StripPrefix("/proxied", proxy).ServeHTTP)
				front.base += "/proxied"
				c.run(front)
			})
		}
		uniotest.Idle(t, rt)
	})
}

// proxiedTrailers wants the server's trailers; those of a request the proxy keeps to itself.
func proxiedTrailers(s *site) {
	resp := s.do(s.request("POST", "/trailers", strings.NewReader("twelve bytes")))
	if got := s.body(resp); got != "twelve bytes" || resp.Trailer.Get("Sum") != "12" {
		s.Errorf("the body is %q, the trailers are %v", got, resp.Trailer)
	}
}

// upgraded answers an upgrade and sends lines back.
func upgraded(t *testing.T, w http.ResponseWriter) {
	c, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Errorf("Hijack: %v", err)
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	io.Copy(c, rw)
}

// upgrade has the proxy copy in both directions between connections that it has taken over.
func upgrade(s *site) {
	c := s.dial()
	io.WriteString(c, "GET /proxied/upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		s.Fatalf("response %v, %v", resp, err)
	}
	for _, line := range []string{"one\n", strings.Repeat("long", 1000) + "\n", "three\n"} {
		io.WriteString(c, line)
		if got, err := in.ReadString('\n'); err != nil || got != line {
			s.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
}
