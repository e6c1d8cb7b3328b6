package gate_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

const (
	chaosTime    = 2 * time.Second // on each engine, or more until chaosLeast requests have been answered
	chaosLeast   = 100
	chaosClients = 24
	chaosBodyMax = 200 << 10
)

// chaos is clients and servers that do anything. Each request has a number, and its bodies are of one letter, so that bytes
// which get into another's are seen.
type chaos struct {
	*testing.T
	number   atomic.Int64
	requests atomic.Int64 // that reached a server whole
	answered atomic.Int64
}

// letter is what the bodies of a request are made of.
func letter(number string) byte {
	n, _ := strconv.Atoi(number)
	return byte('a' + n%26)
}

// TestChaos has clients and servers cut, pause, reset, answer early and lie about lengths, and looks whether anything got
// mixed up or is left behind.
func TestChaos(t *testing.T) {
	times := config.Times{
		Header: short, Body: short, Response: short, Idle: 3 * short, Try: 2 * short, Total: 8 * short, Tunnel: short,
	}
	ch := new(chaos) // of all engines
	eachEngine(t, setup{Times: times, Change: chaosConfig}, func(w *world) {
		ch.T = w.T
		answered := ch.answered.Load()
		seed := rand.Uint64()
		defer func() {
			if w.Failed() {
				w.Logf("the seed was %d", seed)
			}
		}()
		end, most := time.Now().Add(chaosTime), time.Now().Add(bound)
		over := func() bool {
			now := time.Now()
			return now.After(end) && (now.After(most) || ch.answered.Load()-answered >= chaosLeast)
		}
		var all sync.WaitGroup
		for i := range chaosClients {
			all.Go(func() {
				for r := rand.New(rand.NewPCG(seed, uint64(i))); !over(); {
					ch.client(r, w.addr)
				}
			})
		}
		all.Wait()
		w.wantQuiet()
		w.Logf("%d requests, %d reached a server, %d were answered by one", ch.number.Load(), ch.requests.Load(), ch.answered.Load())
		if ch.answered.Load()-answered < chaosLeast {
			w.Error("hardly a request was answered")
		}
	}, script(ch.server), script(ch.server), script(ch.server))
}

// chaosConfig has a route for each kind of buffering, with all retries, and few turns with a server.
func chaosConfig(cfg *config.Config) {
	u := cfg.Upstreams[0]
	u.Eject.Failures = 0
	u.Pool.Max, u.Pool.Wait, u.Pool.IdleMax = 8, short, 4
	r := cfg.Routes[0]
	r.Retry = config.Retry{Tries: 3, Connect: true, Reset: true, Timeout: true, Status: sorry, Budget: 100}
	r.BodyBytes = chaosBodyMax * 3 / 4
	for i := range 4 {
		one := *r
		one.Name, one.Path = fmt.Sprint("buffer ", i), config.Path{Kind: config.PathPrefix, Text: fmt.Sprintf("/%d/", i)}
		one.Buffer = config.Buffer{Request: i&1 != 0, Response: i&2 != 0, Bytes: 16 << 10}
		cfg.Routes = append(cfg.Routes, &one)
	}
}

// wantQuiet wants nothing to be left of requests and clients, and no task to have panicked. Buffers and descriptors are
// looked at when the runtime ends.
func (w *world) wantQuiet() {
	w.Helper()
	w.eventually("the end of all clients", func() bool {
		c, s := w.g.Connections(), w.rt.Stats()
		return c.Clients == 0 && c.Requests == 0 && s.Tasks == 0 && int64(s.Conns) == c.Upstreams
	})
	if left, err := w.g.InFlight(); len(left) > 0 || err != nil {
		w.Errorf("in flight: %+v, %v", left, err)
	}
	for _, s := range w.g.Servers() {
		if s.InFlight != 0 {
			w.Errorf("%d requests with %s", s.InFlight, s.Addr)
		}
	}
	if n := w.rt.Stats().Panics; n > 0 {
		w.Errorf("%d panics", n)
	}
	if w.Failed() {
		w.Logf("%+v, %+v", w.g.Connections(), w.rt.Stats())
	}
}

// maybe is true once in n times.
func maybe(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// pause lets the other side run, seldom longer than a limit.
func pause(r *rand.Rand) {
	switch {
	case maybe(r, 100):
		time.Sleep(short * 3 / 2)
	case maybe(r, 4):
		time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
	}
}

// pieces sends s in pieces, and reports whether all of it was taken.
func pieces(r *rand.Rand, c net.Conn, s string) bool {
	for len(s) > 0 {
		n := len(s)
		if maybe(r, 2) {
			n = 1 + r.IntN(n)
		}
		if _, err := io.WriteString(c, s[:n]); err != nil {
			return false
		}
		s = s[n:]
		pause(r)
	}
	return true
}

// cut is s, or seldom only its beginning.
func cut(r *rand.Rand, s string, n int) (string, bool) {
	if len(s) > 0 && maybe(r, n) {
		return s[:r.IntN(len(s))], true
	}
	return s, false
}

// size is that of a body.
func size(r *rand.Rand) int {
	switch r.IntN(6) {
	case 0:
		return 0
	case 1:
		return r.IntN(chaosBodyMax)
	}
	return r.IntN(5000)
}

// framed is a body with the field that announces it.
func framed(r *rand.Rand, b byte, n int) (field, body string) {
	if maybe(r, 2) {
		return fmt.Sprintf("Content-Length: %d\r\n", n), strings.Repeat(string(b), n)
	}
	var s strings.Builder
	for n > 0 {
		m := 1 + r.IntN(n)
		fmt.Fprintf(&s, "%x\r\n%s\r\n", m, strings.Repeat(string(b), m))
		n -= m
	}
	s.WriteString("0\r\n\r\n")
	return "Transfer-Encoding: chunked\r\n", s.String()
}

// client plays a client's connection.
func (ch *chaos) client(r *rand.Rand, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		ch.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	if maybe(r, 10) {
		defer c.(*net.TCPConn).SetLinger(0)
	}
	in := bufio.NewReaderSize(c, 1+r.IntN(8000))
	for range 1 + r.IntN(4) {
		number := strconv.FormatInt(ch.number.Add(1), 10)
		method := []string{"GET", "HEAD", "PUT", "POST", "DELETE"}[r.IntN(5)]
		field, body := "", ""
		if method == "PUT" || method == "POST" {
			field, body = framed(r, letter(number), size(r))
		}
		if body != "" && maybe(r, 5) {
			field += "Expect: 100-continue\r\n"
		}
		text, short := cut(r, fmt.Sprintf("%s /%d/%s HTTP/1.1\r\nHost: h\r\n%s\r\n%s", method, r.IntN(4), number, field, body), 12)
		var sent sync.WaitGroup
		sent.Go(func() {
			pieces(rand.New(rand.NewPCG(1, uint64(len(text)))), c, text)
			if short {
				c.(*net.TCPConn).CloseWrite()
			}
		})
		again := !maybe(r, 20) && ch.response(in, number, method)
		if !again {
			c.Close()
		}
		sent.Wait()
		if !again || short {
			return
		}
	}
}

// response reads a response, holds it against the request, and reports whether the connection goes on.
func (ch *chaos) response(in *bufio.Reader, number, method string) bool {
	for {
		p, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			if strings.Contains(err.Error(), "malformed") {
				ch.Errorf("request %s: %v", number, err)
			}
			ch.inTime(number, err)
			return false
		}
		b, err := io.ReadAll(p.Body)
		ch.inTime(number, err)
		if p.StatusCode < 200 {
			continue
		}
		if of := p.Header.Get("X-Number"); of != "" {
			ch.answered.Add(1)
			if of != number {
				ch.Errorf("request %s got the response to %s", number, of)
			}
			if i := strings.IndexFunc(string(b), func(c rune) bool { return byte(c) != letter(number) }); i >= 0 {
				ch.Errorf("response %s has %q at %d of %d bytes", number, b[i:min(i+100, len(b))], i, len(b))
			}
			if n := p.Header.Get("X-Size"); err == nil && method != "HEAD" && n != strconv.Itoa(len(b)) {
				ch.Errorf("response %s has %d bytes and looks whole, of %s", number, len(b), n)
			}
		}
		return err == nil && !p.Close
	}
}

// inTime wants the gate not to have left a client without an end.
func (ch *chaos) inTime(number string, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		ch.Errorf("request %s hangs", number)
	}
}

// server plays a server's connection.
func (ch *chaos) server(t *testing.T, c *peer, _ int) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for {
		head, err := c.head()
		if err != nil {
			return
		}
		line := strings.Fields(head)
		if len(line) < 3 || strings.Count(line[1], "/") != 2 {
			t.Errorf("a server has got %q", head)
			return
		}
		number := line[1][strings.LastIndexByte(line[1], '/')+1:]
		early := maybe(r, 8)
		if value(head, "Expect") != "" && !early {
			c.send("HTTP/1.1 100 Continue\r\n\r\n")
		}
		if !early && !ch.requestBody(t, c, head, number) {
			return
		}
		pause(r)
		if !reply(r, c, number, line[0]) || early {
			return
		}
	}
}

// requestBody reads the body of a request and wants its letter.
func (ch *chaos) requestBody(t *testing.T, c *peer, head, number string) bool {
	var body string
	var err error
	if value(head, "Transfer-Encoding") != "" {
		if body, err = c.chunked(); err == nil {
			body = unchunk(body)
		}
	} else {
		b := make([]byte, length(head))
		_, err = io.ReadFull(c.r, b)
		body = string(b)
	}
	if err != nil {
		return false
	}
	ch.requests.Add(1)
	if i := strings.IndexFunc(body, func(c rune) bool { return byte(c) != letter(number) }); i >= 0 {
		t.Errorf("request %s has %q at %d of %d bytes", number, body[i:min(i+100, len(body))], i, len(body))
	}
	return true
}

// reply answers in some way, and reports whether the connection goes on.
func reply(r *rand.Rand, c *peer, number, method string) bool {
	switch r.IntN(16) {
	case 0:
		return false
	case 1:
		c.Conn.(*net.TCPConn).SetLinger(0)
		return false
	case 2:
		io.Copy(io.Discard, c.r) // says nothing
		return false
	case 3:
		c.send("nonsense\r\n\r\n")
		return false
	case 4:
		return c.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") == nil
	case 5:
		c.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
	}
	n := size(r)
	field, body := framed(r, letter(number), n)
	again, untilEnd := !maybe(r, 6), maybe(r, 10)
	if untilEnd {
		field, body, again = "", strings.Repeat(string(letter(number)), n), false // the end of the connection is that of the body
	}
	if !again {
		field += "Connection: close\r\n"
	}
	if method == "HEAD" {
		body = ""
	}
	text := fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Number: %s\r\nX-Size: %d\r\n%s\r\n%s", number, n, field, body)
	text, short := cut(r, text, 16)
	if short || maybe(r, 30) {
		c.Conn.(*net.TCPConn).SetLinger(0)
		again = false
	}
	if !untilEnd && !short && maybe(r, 20) {
		text, again = text+"more than was announced", false
	}
	return pieces(r, c.Conn, text) && again
}
