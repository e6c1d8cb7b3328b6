package gate_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// mirror tells in its answer what it was asked, and answers in the way that the path names.
func mirror(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var lines []string
	for name, values := range r.Header {
		if name != "Via" && name != "Connection" { // where TE stands, only one of the two names it
			lines = append(lines, fmt.Sprintf("%s: %q", name, values))
		}
	}
	slices.Sort(lines)
	text := fmt.Sprintf("%s %s %s\n%s\n%d %q %v %v %v\n", r.Method, r.RequestURI, r.Host, strings.Join(lines, "\n"),
		r.ContentLength, body, r.TransferEncoding, r.Trailer, err)
	w.Header().Set("X-Mine", "1")
	switch r.URL.Path {
	case "/chunked":
		w.Header().Set("Trailer", "X-After")
		io.WriteString(w, text[:1])
		w.(http.Flusher).Flush()
		io.WriteString(w, text[1:])
		w.Header().Set("X-After", "yes")
	case "/hints":
		w.Header().Set("Link", "x")
		w.WriteHeader(103)
		io.WriteString(w, text)
	case "/204":
		w.WriteHeader(204)
	case "/304":
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(304)
	case "/404":
		http.Error(w, text, 404)
	default:
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		io.WriteString(w, text)
	}
}

// Clients see through tinygate what they see through the standard library's proxy, and so do upstreams, but
// for Via.
func TestAgreesWithHTTPUtil(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(mirror))
	defer up.Close()
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true} // idle ones would seem to leak
	other := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.Header.Set("X-Real-IP", "127.0.0.1")
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		},
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
	})
	defer other.Close()
	eachEngine(t, setup{Upstreams: []string{target.Host}}, func(w *world) {
		for _, path := range []string{"/", "/chunked", "/hints", "/204", "/304", "/404", "/a%2Fb?c=d%20e"} {
			for _, sent := range []string{
				"GET %s HTTP/1.1\r\nHost: h\r\n\r\n",
				"HEAD %s HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n",
				"GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: a\r\nCookie: b\r\n\r\n",
				"POST %s HTTP/1.1\r\nHost: h:80\r\nContent-Length: 3\r\n\r\nabc",
				"PUT %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
				"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
				"DELETE %s HTTP/1.1\r\nHost: h\r\nConnection: x-drop\r\nX-Drop: 1\r\nX-Keep: 2\r\n\r\n",
				"GET %s HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n",
			} {
				sent := fmt.Sprintf(sent, path)
				got, want := ask(t, w.addr, sent), ask(t, other.Listener.Addr().String(), sent)
				// The standard library's proxy cuts a response now and then whose server answers before it has the request's body.
				for tries := 0; tries < 3 && strings.Contains(want, io.ErrUnexpectedEOF.Error()); tries++ {
					want = ask(t, other.Listener.Addr().String(), sent)
				}
				if got != want {
					w.Errorf("of %q came\n%s\nand not\n%s", sent, got, want)
				}
			}
		}
	})
}

// ask sends a request and describes the answer.
func ask(t *testing.T, addr, sent string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	io.WriteString(c, sent)
	method, _, _ := strings.Cut(sent, " ")
	in := bufio.NewReader(c)
	var all strings.Builder
	for {
		r, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return fmt.Sprintf("%s%v", &all, err)
		}
		body, err := io.ReadAll(r.Body)
		r.Header.Del("Via")
		r.Header.Del("Date")
		fmt.Fprintf(&all, "%s %v %d %q %v %v %v\n", r.Status, r.Header, r.ContentLength, body, r.Trailer, r.Close, err)
		if r.StatusCode >= 200 {
			return all.String()
		}
	}
}
