//lint:file-ignore SA1019 what x/net has of HTTP/2 is deprecated, and what many programs run

package interop

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/atonce"
	"github.com/unio-go/unio/uniotest"
)

// site is a server with a client that asks it.
type site struct {
	*testing.T
	protocol string
	mux      *http.ServeMux
	server   *http.Server
	client   *http.Client
	addr     string
	base     string // http://address or https://address
}

// sides are which of the two ends is on unio.
var sides = []struct{ name, server, client string }{
	{"both", "unio", "unio"},
	{"server", "unio", "net"},
	{"client", "net", "unio"},
}

// protocols are the ways in which net/http and x/net/http2 talk.
var protocols = []string{"http1", "https1", "https2", "h2c"}

// cases are what a program does with HTTP.
var cases = []struct {
	name string
	run  func(s *site)
	only string // the beginning of the only protocol that has it
}{
	{"small", func(s *site) { s.echoes(strings.NewReader("small"), "small") }, ""},
	{"large", func(s *site) { s.echoes(strings.NewReader(large), large) }, ""},
	{"chunked", func(s *site) {
		s.echoes(io.MultiReader(strings.NewReader(large), strings.NewReader("more")), large+"more")
	}, ""},
	{"trailers", trailers, ""},
	{"flush", flush, ""},
	{"expect-continue", expectContinue, ""},
	{"expect-refused", expectRefused, ""},
	{"keep-alive", keepAlive, ""},
	{"parallel", parallel, ""},
	{"client-cancels", clientCancels, ""},
	{"read-deadline", readDeadline, ""},
	{"write-deadline", writeDeadline, ""},
	{"shutdown", shutdown, ""},
	{"client-goes", clientGoes, "http1"},
	{"hijack", hijack, "http1"},
	{"pipelined-before-hijack", pipelinedHijack, "http1"},
}

// large is a body that fits no buffer.
var large = strings.Repeat("0123456789abcdef", 1<<16)

func TestHTTP(t *testing.T) {
	atonce.Run(t, uniotest.Engines(), 2, func(t *testing.T, rt *unio.Runtime) {
		for _, side := range sides {
			for _, protocol := range protocols {
				for _, c := range cases {
					if !strings.HasPrefix(protocol, c.only) {
						continue
					}
					t.Run(side.name+"/"+protocol+"/"+c.name, func(t *testing.T) {
						c.run(newSite(t, pick(rt, side.server), pick(rt, side.client), protocol))
					})
				}
			}
		}
		uniotest.Idle(t, rt)
	})
}

func pick(rt *unio.Runtime, name string) stack {
	if name == "net" {
		return netStack()
	}
	return unioStack(rt)
}

// newSite starts a server with the handlers of the cases, and a client.
func newSite(t *testing.T, server, client stack, protocol string) *site {
	t.Helper()
	ln, err := server.listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, protocol: protocol, addr: ln.Addr().String()}
	s.mux = handlers()
	s.server = &http.Server{Handler: s.mux, ErrorLog: log.New(errorLog{t}, "", 0)}
	s.base = "http://" + s.addr
	if strings.HasPrefix(protocol, "https") {
		s.base = "https://" + s.addr
		s.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	if protocol == "https1" {
		s.server.Protocols = new(http.Protocols)
		s.server.Protocols.SetHTTP1(true)
	}
	if protocol == "h2c" {
		s.server.Handler = h2c.NewHandler(s.mux, &http2.Server{})
	}
	ended := make(chan error, 1)
	go func() {
		if s.server.TLSConfig != nil {
			ended <- s.server.ServeTLS(ln, "", "")
		} else {
			ended <- s.server.Serve(ln)
		}
	}()
	t.Cleanup(func() {
		s.server.Close()
		if err := await(ended); err != http.ErrServerClosed {
			t.Errorf("Serve ended with %v", err)
		}
	})
	s.client = newClient(t, client.tracked(t), protocol)
	return s
}

// tracked closes what it has dialled when the test ends. A connection that h2c has taken over ends only so.
func (s stack) tracked(t *testing.T) stack {
	dial := s.dial
	s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
		return c, err
	}
	return s
}

func newClient(t *testing.T, st stack, protocol string) *http.Client {
	config := &tls.Config{RootCAs: roots, ServerName: "unio.test"}
	var rt http.RoundTripper
	switch protocol {
	case "h2c":
		rt = &http2.Transport{
			AllowHTTP: true,
			DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
				return st.dial(ctx, network, addr)
			},
		}
	default:
		rt = &http.Transport{
			DialContext:           st.dial,
			TLSClientConfig:       config,
			ForceAttemptHTTP2:     protocol == "https2",
			ExpectContinueTimeout: bound,
		}
	}
	c := &http.Client{Transport: rt}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// errorLog shows what a server complains of beside a failure.
type errorLog struct{ t *testing.T }

func (l errorLog) Write(p []byte) (int, error) {
	l.t.Logf("the server's log: %s", p)
	return len(p), nil
}

// request makes a request that ends with the test.
func (s *site) request(method, path string, body io.Reader) *http.Request {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), bound)
	s.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// do performs a request and wants the protocol that the test is about.
func (s *site) do(r *http.Request) *http.Response {
	s.Helper()
	resp, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { resp.Body.Close() })
	if want := 1 + strings.Count(s.protocol, "2"); resp.ProtoMajor != want {
		s.Fatalf("the protocol is %s, want HTTP/%d", resp.Proto, want)
	}
	return resp
}

// body reads all of a response.
func (s *site) body(resp *http.Response) string {
	s.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatalf("after %d bytes of the body: %v", len(b), err)
	}
	resp.Body.Close()
	return string(b)
}

func (s *site) echoes(body io.Reader, want string) {
	s.Helper()
	if got := s.body(s.do(s.request("POST", "/echo", body))); got != want {
		s.Fatalf("%d bytes came back, %d were sent, or they differ", len(got), len(want))
	}
}

// handlers are those that the cases ask.
func handlers() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Write(b)
	})
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("Sum", fmt.Sprintf("%d %s", n, r.Trailer.Get("Count")))
	})
	return mux
}

// handle gives one case's server a handler of its own.
func (s *site) handle(path string, h http.HandlerFunc) { s.mux.HandleFunc(path, h) }

func trailers(s *site) {
	r := s.request("POST", "/trailers", io.MultiReader(strings.NewReader("twelve bytes")))
	r.Trailer = http.Header{"Count": {"12"}}
	resp := s.do(r)
	if got := s.body(resp); got != "twelve bytes" {
		s.Errorf("the body is %q", got)
	}
	if got := resp.Trailer.Get("Sum"); got != "12 12" {
		s.Errorf("the trailers are %v", resp.Trailer)
	}
}

// flush has the server go on only when the client has read what was flushed.
func flush(s *site) {
	read := make(chan struct{})
	s.handle("/flush", func(w http.ResponseWriter, r *http.Request) {
		for i := range 5 {
			fmt.Fprintln(w, i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				s.Errorf("Flush: %v", err)
			}
			select {
			case <-read:
			case <-r.Context().Done():
				return
			}
		}
	})
	lines := bufio.NewScanner(s.do(s.request("GET", "/flush", nil)).Body)
	for i := range 5 {
		if !lines.Scan() || lines.Text() != strconv.Itoa(i) {
			s.Fatalf("line %d is %q, %v", i, lines.Text(), lines.Err())
		}
		read <- struct{}{}
	}
	if lines.Scan() || lines.Err() != nil {
		s.Errorf("after the end: %q, %v", lines.Text(), lines.Err())
	}
}

func expectContinue(s *site) {
	r := s.request("POST", "/echo", strings.NewReader(large))
	r.Header.Set("Expect", "100-continue")
	continued := false
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got100Continue: func() { continued = true }}))
	if got := s.body(s.do(r)); got != large {
		s.Errorf("%d bytes came back", len(got))
	}
	if !continued && s.protocol != "h2c" { // x/net's transport does not wait unless told to
		s.Error("the server has not said 100 Continue")
	}
}

func expectRefused(s *site) {
	body := &countingReader{r: strings.NewReader(large)}
	r := s.request("POST", "/refuse", body)
	r.Header.Set("Expect", "100-continue")
	if resp := s.do(r); resp.StatusCode != http.StatusTeapot {
		s.Errorf("status %d", resp.StatusCode)
	}
	if n := body.n.Load(); n != 0 && s.protocol != "h2c" {
		s.Errorf("%d bytes of the body were read though the server refused it", n)
	}
	s.echoes(strings.NewReader("still good"), "still good")
}

func keepAlive(s *site) {
	reused := 0
	for range 20 {
		r := s.request("POST", "/echo", strings.NewReader("again"))
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(i httptrace.GotConnInfo) {
				if i.Reused {
					reused++
				}
			},
		}))
		if got := s.body(s.do(r)); got != "again" {
			s.Fatalf("the body is %q", got)
		}
	}
	if reused != 19 {
		s.Errorf("%d of 19 requests reused the connection", reused)
	}
}

func parallel(s *site) {
	errs := make(chan error)
	const clients, requests = 8, 10
	for i := range clients {
		go func() {
			errs <- func() error {
				for j := range requests {
					want := strings.Repeat(fmt.Sprint(i, j), 5000)
					resp, err := s.client.Do(s.request("POST", "/echo", strings.NewReader(want)))
					if err != nil {
						return err
					}
					got, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || string(got) != want {
						return fmt.Errorf("%d bytes of %d, %w", len(got), len(want), err)
					}
				}
				return nil
			}()
		}()
	}
	for range clients {
		if err := await(errs); err != nil {
			s.Error(err)
		}
	}
}

// begins waits for a handler.
func (s *site) begins(started <-chan struct{}) {
	s.Helper()
	select {
	case <-started:
	case <-time.After(bound):
		s.Fatal("the request does not come to its handler")
	}
}

// clientCancels has the client give a request up, which the handler must hear of while it neither reads nor writes.
func clientCancels(s *site) {
	started, gone, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	s.handle("/wait", func(w http.ResponseWriter, r *http.Request) {
		close(started)
		select {
		case <-r.Context().Done():
			ended <- nil
		case <-time.After(bound):
			ended <- errors.New("the handler's context goes on")
		}
		// net/http's client takes an answer that comes between TLS's close_notify and the end of the connection.
		<-gone
	})
	r := s.request("GET", "/wait", nil)
	ctx, cancel := context.WithCancel(r.Context())
	go func() { <-started; cancel() }()
	if _, err := s.client.Do(r.WithContext(ctx)); !errors.Is(err, context.Canceled) {
		s.Errorf("the client's error is %v", err)
	}
	close(gone)
	if err := await(ended); err != nil {
		s.Error(err)
	}
	s.echoes(strings.NewReader("still good"), "still good")
}

// readDeadline has the handler wait in vain for a body.
func readDeadline(s *site) {
	got := make(chan error, 1)
	s.handle("/slow", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(pause)); err != nil {
			s.Errorf("SetReadDeadline: %v", err)
		}
		_, err := io.ReadAll(r.Body)
		got <- err
		w.WriteHeader(http.StatusRequestTimeout)
	})
	body, end := io.Pipe()
	r, asked := s.request("POST", "/slow", body), make(chan error, 1)
	go func() {
		resp, err := s.client.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		asked <- nil // whatever the client is told
	}()
	if err := await(got); !errors.Is(err, os.ErrDeadlineExceeded) {
		s.Errorf("the handler's error is %v", err)
	}
	end.Close() // the client's request ends with its body
	if err := await(asked); err != nil {
		s.Error(err)
	}
	s.echoes(strings.NewReader("still good"), "still good")
}

// writeDeadline has the handler write to a client that does not read.
func writeDeadline(s *site) {
	got := make(chan error, 1)
	s.handle("/flood", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * pause)); err != nil {
			s.Errorf("SetWriteDeadline: %v", err)
		}
		for {
			if _, err := io.WriteString(w, large); err != nil {
				got <- err
				return
			}
		}
	})
	if resp, err := s.client.Do(s.request("GET", "/flood", nil)); err == nil {
		defer resp.Body.Close()
	}
	err := await(got)
	if strings.Contains(s.protocol, "1") && !errors.Is(err, os.ErrDeadlineExceeded) { // HTTP/2 has errors of its own
		s.Errorf("the handler's error is %v", err)
	}
	if strings.Contains(fmt.Sprint(err), "goes on") {
		s.Error(err)
	}
}

// shutdown has the server wait for a request that runs, and take no other.
func shutdown(s *site) {
	started, release := make(chan struct{}), make(chan struct{})
	s.handle("/wait", func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-release
		io.WriteString(w, "served")
	})
	s.echoes(strings.NewReader("before"), "before")
	got, down := make(chan error, 1), make(chan error, 1)
	r := s.request("GET", "/wait", nil)
	go func() {
		resp, err := s.client.Do(r)
		if err == nil {
			defer resp.Body.Close()
			var b []byte
			if b, err = io.ReadAll(resp.Body); string(b) != "served" {
				err = fmt.Errorf("the body is %q, %w", b, err)
			}
		}
		got <- err
	}()
	s.begins(started)
	if s.protocol == "h2c" {
		// A hijacked connection is none of the server's to wait for; so it is with package net.
		close(release)
		if err := await(got); err != nil {
			s.Error(err)
		}
		return
	}
	go func() { down <- s.server.Shutdown(s.Context()) }()
	until(s, "the listener to be closed", func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(release)
	if err := await(got); err != nil {
		s.Errorf("the request that ran: %v", err)
	}
	s.client.CloseIdleConnections()
	if err := await(down); err != nil {
		s.Errorf("Shutdown: %v", err)
	}
}

// clientGoes closes the connection while the handler works; net/http's background read notices.
func clientGoes(s *site) {
	gone := make(chan error, 1)
	started := make(chan struct{})
	s.handle("/wait", func(w http.ResponseWriter, r *http.Request) {
		close(started)
		select {
		case <-r.Context().Done():
			gone <- nil
		case <-time.After(bound):
			gone <- errors.New("the handler's context goes on")
		}
	})
	c := s.dial()
	io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	s.begins(started)
	c.Close()
	if err := await(gone); err != nil {
		s.Error(err)
	}
}

// dial is a bare connection to the server.
func (s *site) dial() net.Conn {
	s.Helper()
	tr := s.client.Transport.(*http.Transport)
	c, err := tr.DialContext(s.Context(), "tcp", s.addr)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(bound))
	return c
}

// hijack takes the connection while net/http's background read waits on it: that read is ended by a deadline in the past,
// and the connection must be good afterwards.
func hijack(s *site) {
	done := make(chan error, 1)
	s.handle("/raw", func(w http.ResponseWriter, r *http.Request) { done <- rawEcho(w) })
	c := s.dial()
	in := bufio.NewReader(c)
	io.WriteString(c, "GET /raw HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, line := range []string{"hello\n", "after hijack\n", "again\n"} {
		if got, err := in.ReadString('\n'); err != nil || got != line {
			s.Fatalf("got %q, %v", got, err)
		}
		io.WriteString(c, map[string]string{"hello\n": "after hijack\n", "after hijack\n": "again\n", "again\n": "end\n"}[line])
	}
	if err := await(done); err != nil {
		s.Error(err)
	}
}

// rawEcho says hello and sends lines back, on a connection taken from net/http, until one says end.
func rawEcho(w http.ResponseWriter) error {
	c, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return fmt.Errorf("Hijack: %w", err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	io.WriteString(c, "hello\n")
	for {
		line, err := rw.ReadString('\n')
		if err != nil || line == "end\n" {
			return err
		}
		if _, err := io.WriteString(c, line); err != nil {
			return err
		}
	}
}

// pipelinedHijack sends bytes right behind the request, which the background read takes.
func pipelinedHijack(s *site) {
	done := make(chan error, 1)
	s.handle("/raw", func(w http.ResponseWriter, r *http.Request) { done <- rawEcho(w) })
	c := s.dial()
	io.WriteString(c, "GET /raw HTTP/1.1\r\nHost: x\r\n\r\nbehind\nend\n")
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "hello\nbehind\n" {
		s.Errorf("got %q, %v", got, err)
	}
	if err := await(done); err != nil {
		s.Error(err)
	}
}
