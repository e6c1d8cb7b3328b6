package uniotls_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotls"
)

// net/http on unio by crypto/tls itself: both versions, many requests at once, at both ends.
func TestHTTP(t *testing.T) {
	requests := scale(400, 100)
	each(t, func(t *testing.T, rt *unio.Runtime) {
		server := &http.Server{
			TLSConfig: serverConfig(), Handler: http.HandlerFunc(httpEcho), ErrorLog: log.New(io.Discard, "", 0),
		}
		served := awaitServed(server)
		ln := listen(t, rt)
		ended := make(chan error, 1)
		go func() { ended <- server.ServeTLS(ln, "", "") }()
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			tr := &http.Transport{
				DialContext: rt.DialContext, TLSClientConfig: clientConfig(), ForceAttemptHTTP2: proto == "HTTP/2.0",
				MaxIdleConnsPerHost: 8,
			}
			ask(t, &http.Client{Transport: tr, Timeout: bound}, "https://"+ln.Addr().String(), proto, requests)
			tr.CloseIdleConnections()
		}
		server.Close()
		if err := await(t, ended, "the server"); err != http.ErrServerClosed {
			t.Error(err)
		}
		served()
	})
}

// http.Server takes the connections of a Listener too, by HTTP/1.1.
func TestHTTPServerOnAListener(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		server := &http.Server{Handler: http.HandlerFunc(httpEcho), ErrorLog: log.New(io.Discard, "", 0)}
		served := awaitServed(server)
		ln := uniotls.NewListener(listen(t, rt), serverConfig())
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(ln) }()
		tr := &http.Transport{TLSClientConfig: clientConfig(), MaxIdleConnsPerHost: 8}
		ask(t, &http.Client{Transport: tr, Timeout: bound}, "https://"+ln.Addr().String(), "HTTP/1.1", scale(200, 50))
		tr.CloseIdleConnections()
		server.Close()
		if err := await(t, ended, "the server"); err != http.ErrServerClosed {
			t.Error(err)
		}
		served()
	})
}

// awaitServed gives what waits for all who serve the server's connections. Its Close does not, and they may have buffers.
func awaitServed(server *http.Server) (wait func()) {
	var conns sync.WaitGroup
	server.ConnState = func(_ net.Conn, now http.ConnState) {
		switch now {
		case http.StateNew:
			conns.Add(1)
		case http.StateClosed:
			conns.Done()
		}
	}
	return conns.Wait
}

// httpEcho answers with the protocol and what came.
func httpEcho(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil {
		http.Error(w, "no TLS", http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Write(append([]byte(r.Proto+" "), body...))
}

// ask makes requests, eight at a time, and checks the answers.
func ask(t *testing.T, client *http.Client, url, proto string, requests int) {
	t.Helper()
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for i := range requests / 8 {
				body := strings.Repeat(fmt.Sprintf("%d of %d, ", i, k), 1+i*50)
				resp, err := client.Post(url, "text/plain", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := proto + " " + body; err != nil || string(got) != want {
					t.Errorf("got %d bytes %.40q (%v), want %d", len(got), got, err, len(want))
					return
				}
			}
		})
	}
	wg.Wait()
}
