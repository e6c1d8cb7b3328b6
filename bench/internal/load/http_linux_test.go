package load

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
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
		target, err := Open(addr, Shape{Conns: 5, Depth: 1, Path: "/x", Answer: []byte(strings.Repeat("y", 40<<10)), TLS: tls})
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
		target, err := Open(addr, Shape{Conns: 1, Depth: 1, Path: "/", Answer: []byte("right"), TLS: tls})
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

// What a server answered first was what all its answers were compared with, so that one which is always wrong was never seen.
func TestAnAnswerThatIsAlwaysWrongIsSeen(t *testing.T) {
	for _, tls := range []bool{false, true} {
		addr := httpServer(t, tls, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "wrong") })
		target, err := Open(addr, Shape{Conns: 1, Depth: 1, Path: "/", Answer: []byte("right"), TLS: tls})
		if !errors.Is(err, ErrMismatch) {
			t.Errorf("tls %v: %v, want %v", tls, err, ErrMismatch)
		}
		if err == nil {
			target.Close()
		}
	}
}

func TestRefusedPathIsAnError(t *testing.T) {
	addr := httpServer(t, false, http.NotFound)
	if _, err := Open(addr, Shape{Conns: 1, Depth: 1, Path: "/"}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v, want 404", err)
	}
}

// A connection for each request: each answer is followed by the server's close, with TLS and without.
func TestFreshConnections(t *testing.T) {
	request := []byte("POST /x HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
	for _, tls := range []bool{false, true} {
		conns, asked := map[string]bool{}, 0
		var mu sync.Mutex
		addr := httpServer(t, tls, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			conns[r.RemoteAddr] = true
			asked++
			mu.Unlock()
			body, _ := io.ReadAll(r.Body)
			w.Write(body)
		})
		target, err := Open(addr, Shape{Conns: 3, Depth: 1, Request: request, Answer: []byte("hello"), Fresh: true, TLS: tls})
		if err != nil {
			t.Fatal(err)
		}
		r, err := target.Run(Slice{Duration: 50 * time.Millisecond, Verify: true})
		mu.Lock()
		if err != nil || r.Messages < 3 || len(conns) != asked || asked != int(r.Messages)+1 {
			t.Errorf("tls %v: %+v, %v; %d requests on %d connections", tls, r, err, asked, len(conns))
		}
		mu.Unlock()
		target.Close()
	}
}

// A server that keeps the connection open although it was asked to close it has not done what is measured.
func TestFreshConnectionThatStaysOpen(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
		}
	})
	request := []byte("GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
	target, err := Open(addr, Shape{Conns: 1, Depth: 1, Request: request, Answer: []byte("x"), Fresh: true})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if _, err := target.Run(Slice{Duration: time.Millisecond}); !errors.Is(err, ErrStalled) {
		t.Errorf("%v, want %v", err, ErrStalled)
	}
}

// Where a generator shares its CPU it sleeps between what is due, and still sends all of it.
func TestOpenLoopOnASharedCPU(t *testing.T) {
	target, err := Open(serve(t, echo), Shape{Conns: 4, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	r, err := target.Run(Slice{Duration: 100 * time.Millisecond, Rate: 1000, Verify: true, Shared: true})
	if err != nil || r.Messages < 98 || r.Messages > 102 {
		t.Errorf("%d messages in 100 ms at 1000 a second, %v", r.Messages, err)
	}
}

// Every byte but those of the Date is compared, wherever a piece begins and ends.
func TestMatches(t *testing.T) {
	answer := []byte("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 3\r\n\r\nabc")
	s := &script{in: answer, inLen: len(answer)}
	s.anyFrom, s.anyTo = placeOfDate(answer)
	later := []byte(strings.Replace(string(answer), "now", "wow", 1))
	twice := append(later, answer...)
	for from := range answer {
		for to := from; to <= len(twice); to++ {
			if !s.matches(twice[from:to], from) {
				t.Fatalf("%d to %d: no match", from, to)
			}
		}
	}
	for i := range twice {
		bad := slices.Clone(twice)
		bad[i] ^= 1
		if free := i%len(answer) >= s.anyFrom && i%len(answer) < s.anyTo; s.matches(bad, 0) != free {
			t.Errorf("byte %d is wrong: %v", i, !free)
		}
	}
}
