package gate_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/gate"
	"github.com/unio-go/unio/uniotest"
)

// recorder is an upstream that keeps what it gets, answers each request that net/http finds in it by a
// number, and refuses to go on behind what net/http refuses.
type recorder struct {
	ln    net.Listener
	mu    sync.Mutex
	reply []byte   // what is sent instead of an answer, before the connection ends; nil: answers only
	got   []string // requests, as net/http sees them
	bad   []string // what net/http refused, with the reason
	all   sync.WaitGroup
}

func newRecorder(t testing.TB) *recorder {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{ln: ln}
	r.all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r.all.Go(func() { r.serve(c) })
		}
	})
	return r
}

func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &raw))
	for {
		q, err := http.ReadRequest(in)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(q.Body)
		}
		if err != nil {
			// An upload that breaks off is cut short; nothing that came may be understood differently.
			if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed) && !cutOff(err) {
				r.note(&r.bad, fmt.Sprintf("%v in %q", err, raw.Bytes()))
			}
			return
		}
		r.note(&r.got, fmt.Sprintf("%s %s %s %d", q.Method, q.RequestURI, q.Host, len(body)))
		if reply := r.instead(); reply != nil {
			c.Write(reply)
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Answer: %s\r\nContent-Length: 0\r\n\r\n", q.Method)
	}
}

func cutOff(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

func (r *recorder) note(to *[]string, s string) {
	r.mu.Lock()
	*to = append(*to, s)
	r.mu.Unlock()
}

func (r *recorder) instead() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reply
}

func (r *recorder) setReply(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reply = b
}

// take gives what has come since the last call.
func (r *recorder) take() (got, bad []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	got, bad, r.got, r.bad = r.got, r.bad, nil, nil
	return got, bad
}

func (r *recorder) close() {
	r.ln.Close()
	r.all.Wait()
}

// fuzzGate is a gate for many inputs.
type fuzzGate struct {
	rt   *unio.Runtime
	g    *gate.Gate
	addr string
	up   *recorder
	std  bool
}

// newFuzzGate makes a gate whose waits are short. The engine is std where none is named: it holds no
// buffers of its own, so that one which is out after an input has been leaked.
func newFuzzGate(t testing.TB) *fuzzGate {
	engine := unio.Engine(os.Getenv(uniotest.EngineVariable))
	if engine == "" {
		engine = unio.Std
	}
	rt := uniotest.New(t, &unio.Options{Engine: engine, Loops: 1})
	f := &fuzzGate{rt: rt, up: newRecorder(t), std: engine == unio.Std}
	t.Cleanup(f.up.close)
	s := setup{
		Upstreams: []string{f.up.ln.Addr().String()},
		Times:     config.Times{Header: short, Body: short, Response: 10 * short, Tunnel: short},
	}
	f.g = startGate(t, rt, s.config(t), slog.New(slog.DiscardHandler))
	f.addr = f.g.Addrs()[0].String()
	return f
}

// exchange sends bytes, ends the sending side and returns everything that comes back.
func (f *fuzzGate) exchange(t *testing.T, sent []byte, cut int) []byte {
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	c.Write(sent[:cut])
	if cut < len(sent) {
		time.Sleep(200 * time.Microsecond)
		c.Write(sent[cut:])
	}
	c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the gate hangs on %q after %q", sent, got)
	}
	return got
}

// settle waits until the gate has nothing more to do, and looks for what it has left behind.
func (f *fuzzGate) settle(t *testing.T, sent []byte) {
	busy := func() bool {
		s := f.rt.Stats()
		return s.Tasks > 0 || f.std && s.BuffersOut > 0
	}
	for end := time.Now().Add(bound); busy(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("after %q there are left: %+v", sent, f.rt.Stats())
		}
	}
	if n := f.rt.Stats().Panics; n > 0 {
		t.Fatalf("panic on %q", sent)
	}
}

// check holds the answers against what the upstream has got.
func (f *fuzzGate) check(t *testing.T, sent, back []byte) {
	got, bad := f.up.take()
	if len(bad) > 0 {
		t.Errorf("the upstream cannot read what came of %q: %v", sent, bad)
	}
	answers := strings.Count(string(back), "\r\nX-Answer: ")
	if answers > len(got) {
		t.Errorf("%d requests %q were answered %d times; sent %q, got %q", len(got), got, answers, sent, back)
	}
	// A request that has reached the upstream whole is answered, unless a limit has ended it just then.
	if answers < len(got) && !bytes.Contains(back, []byte(" 502 ")) && !bytes.Contains(back, []byte(" 408 ")) {
		t.Errorf("%d requests %q were answered %d times; sent %q, got %q", len(got), got, answers, sent, back)
	}
}

var fuzzSeeds = []string{
	getRoot,
	"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + getRoot,
	"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: v\r\n\r\n" + getRoot,
	"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
	"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET http://a/b HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nabc",
	"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
	"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}

// FuzzGateClient: whatever a client sends, the upstream gets requests that net/http reads as those which
// were answered.
func FuzzGateClient(f *testing.F) {
	for i, s := range fuzzSeeds {
		f.Add([]byte(s), uint16(i*7))
	}
	fg := newFuzzGate(f)
	f.Fuzz(func(t *testing.T, sent []byte, cut uint16) {
		back := fg.exchange(t, sent, min(int(cut), len(sent)))
		fg.settle(t, sent)
		fg.check(t, sent, back)
	})
}

var fuzzReplies = []string{
	ok,
	"HTTP/1.1 200 OK\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3;x\r\nabc\r\n0\r\nT: v\r\n\r\n" + ok,
	"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc",
	"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
}

// FuzzGateUpstream: whatever an upstream sends, a response that the client sees as whole is the one that
// net/http sees in what the upstream has sent.
func FuzzGateUpstream(f *testing.F) {
	for _, s := range fuzzReplies {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	fg := newFuzzGate(f)
	f.Fuzz(func(t *testing.T, reply []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		fg.up.setReply(append([]byte{}, reply...))
		sent := []byte(method + " / HTTP/1.1\r\nHost: h\r\n\r\n")
		back := fg.exchange(t, sent, len(sent))
		fg.settle(t, reply)
		got, gotErr := readFinal(back, method)
		if gotErr == nil && got.via == "" {
			return // an answer of the gate itself
		}
		want, wantErr := readFinal(reply, method)
		if gotErr == nil && (wantErr != nil || got.status != want.status || got.body != want.body) {
			t.Errorf("of %q came %q: %v is not %v, %v", reply, back, got, want, wantErr)
		}
		if gotErr != nil && wantErr == nil && len(back) == 0 {
			t.Errorf("no answer to %q: %v", reply, gotErr)
		}
	})
}

type finalResponse struct {
	status    int
	body, via string
}

// readFinal reads the response behind the interim ones, as net/http does.
func readFinal(raw []byte, method string) (r finalResponse, err error) {
	in := bufio.NewReader(bytes.NewReader(raw))
	for {
		p, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return r, err
		}
		b, err := io.ReadAll(p.Body)
		if p.StatusCode >= 200 || err != nil {
			return finalResponse{p.StatusCode, string(b), p.Header.Get("Via")}, err
		}
	}
}
