package gate_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// slowClients is how many there are at once, shared out among the kinds, and slowReaders how many of these read slowly: for
// each the kernel's buffers have megabytes.
const (
	slowClients = 1000
	slowReaders = 16
)

// trickle is how long a slow client waits between two bytes: each comes well within a limit for the next piece.
const trickle = 30 * time.Millisecond

// slowKind is a client that is slow or goes away, with what it gets.
type slowKind struct {
	name string
	play func(c *peer) string
	want string // begins what it has got; "": anything
}

// slowKinds are clients that are slow to send or go away, each in another phase.
var slowKinds = []slowKind{
	{"a byte of the head now and then", func(c *peer) string {
		return c.trickle("GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", 50))
	}, "HTTP/1.1 408 "},
	{"a byte of a body now and then", func(c *peer) string {
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
		return c.trickle(strings.Repeat("x", 1000))
	}, "HTTP/1.1 408 "},
	{"a chunk of a body now and then, held back", func(c *peer) string {
		c.send("POST /held/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
		return c.trickle(strings.Repeat("1\r\nx\r\n", 200))
	}, "HTTP/1.1 408 "},
	{"reads nothing", func(c *peer) string {
		c.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
		time.Sleep(5 * short)
		return c.reset()
	}, ""},
	{"resets in the head", func(c *peer) string {
		c.send("GET / HTTP/1.1\r\nHo")
		return c.reset()
	}, ""},
	{"resets in the body", func(c *peer) string {
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabc")
		time.Sleep(trickle)
		return c.reset()
	}, ""},
	{"resets in a body that is held back", func(c *peer) string {
		c.send("POST /held/ HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabc")
		time.Sleep(trickle)
		return c.reset()
	}, ""},
	{"resets before the response", func(c *peer) string {
		c.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
		return c.reset()
	}, ""},
	{"resets in the response", func(c *peer) string {
		c.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
		c.head()
		return c.reset()
	}, ""},
	{"resets in a response that is held back", func(c *peer) string {
		c.send("GET /held/large HTTP/1.1\r\nHost: h\r\n\r\n")
		c.head()
		return c.reset()
	}, ""},
	{"resets after the response", func(c *peer) string {
		c.send(getRoot)
		c.message(false)
		return c.reset()
	}, ""},
	{"ends its side and waits", func(c *peer) string {
		c.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
		c.Conn.(*net.TCPConn).CloseWrite()
		return c.rest()
	}, "HTTP/1.1 "},
}

// rest reads to the end.
func (p *peer) rest() string {
	b, _ := io.ReadAll(p.r)
	return string(b)
}

// reset ends the connection without a word.
func (p *peer) reset() string {
	p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
	return ""
}

// trickle sends a byte now and then until the gate has had enough, and reads what it says.
func (p *peer) trickle(s string) string {
	said := make(chan string)
	go func() { said <- p.rest() }()
	for i := 0; ; i++ {
		select {
		case all := <-said:
			return all
		case <-time.After(trickle):
			if i < len(s) {
				p.send(s[i : i+1])
			}
		}
	}
}

// sip asks for something huge and reads a byte now and then, until nobody sends any more.
func (p *peer) sip(path string, over <-chan struct{}) {
	p.Conn.(*net.TCPConn).SetReadBuffer(4096)
	p.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
	if head, _ := p.head(); !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		p.t.Errorf("a slow reader got %q", head)
	}
	for b := make([]byte, 1); ; p.Read(b) {
		select {
		case <-over:
			p.reset()
			return
		case <-time.After(trickle):
		}
	}
}

// large takes a while to send, and huge is more than the kernel takes from a client which does not read.
const (
	largeSize = 256 << 10
	hugeSize  = 64 << 20
)

var block = strings.Repeat("x", largeSize)

// slowServer answers by the path, and reads all bodies.
var slowServer = script(func(t *testing.T, c *peer, _ int) {
	for {
		m, err := c.request()
		if err != nil {
			return
		}
		size := 0
		switch path := strings.Fields(m)[1]; path {
		case "/large", "/held/large":
			size = largeSize
		case "/huge", "/held/huge":
			size = hugeSize
		case "/late":
			time.Sleep(trickle)
		}
		for err := c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)); size > 0; size -= largeSize {
			if err == nil {
				err = c.send(block)
			}
			if err != nil {
				return
			}
		}
	}
})

// crowdTakes is how long as many clients as there are slow ones take for a request each when they come at once, which is what the limits
// are measured by: short, unless the machine has other things to do.
func crowdTakes(t *testing.T) time.Duration {
	t.Helper()
	addr := replies(ok)(t)
	began := time.Now()
	var all sync.WaitGroup
	for range slowClients {
		all.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			p := newPeer(t, c)
			p.send(getRoot)
			p.message(false)
			p.reset()
		})
	}
	all.Wait()
	return min(max(short, time.Since(began)), 4*short)
}

// However many clients are slow or go away, each gets its end in time, and nothing is left of them: no buffer, no task, no
// descriptor, no request in flight. A client that is not slow is served meanwhile.
func TestThousandSlowClients(t *testing.T) {
	unit := crowdTakes(t)
	times := config.Times{Header: 10 * unit, Body: 10 * unit, Total: 20 * unit}
	change := func(cfg *config.Config) {
		retryConfig(cfg, config.Retry{Tries: 2, Connect: true, Reset: true})
		for _, r := range cfg.Routes {
			r.Buffer.Response = r.Buffer.Request
			r.Buffer.Bytes = 64 << 10
		}
	}
	eachEngine(t, setup{Times: times, Change: change}, func(w *world) {
		var all, readers sync.WaitGroup
		over := make(chan struct{})
		for i := range slowReaders {
			readers.Go(func() { w.dial().sip([]string{"/huge", "/held/huge"}[i%2], over) })
		}
		for i := range slowClients {
			all.Go(func() {
				kind := slowKinds[i%len(slowKinds)]
				c, err := net.Dial("tcp", w.addr)
				if err != nil {
					w.Error(err)
					return
				}
				defer c.Close()
				if got := kind.play(newPeer(w.T, c)); !strings.HasPrefix(got, kind.want) {
					w.Errorf("a client that %s got %.200q", kind.name, got)
				}
			})
		}
		w.eventually("the response to a quick client", func() bool { return w.ask("GET", "/", 0) == "200" })
		all.Wait()
		w.eventually("the end of what is read slowly", func() bool { return w.g.Connections().Requests == 0 })
		close(over)
		readers.Wait()
		w.wantQuiet()
	}, slowServer)
}

// Clients that had all buffers between them waited for one more each, for ever and long after they had left, and so did everybody
// else: those whose head was late for the answer, those whose head came in pieces for a larger buffer, and those with a body
// for the head that goes to the server.
func TestClientsThatHoldAllBuffersLetGoOfThem(t *testing.T) {
	for name, pieces := range map[string][]string{
		"heads in pieces": {"G", "E"},
		"bodies":          {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nx"},
	} {
		t.Run(name, func(t *testing.T) {
			uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 64 << 10}, func(t *testing.T, rt *unio.Runtime) {
				w := newWorld(t, rt, setup{Times: config.Times{Header: short, Body: short}}, replies(ok))
				all := make([]*peer, 24)
				for i := range all {
					all[i] = w.dial()
				}
				for _, piece := range pieces {
					for _, c := range all {
						c.send(piece)
					}
					time.Sleep(short / 4)
				}
				for _, c := range all {
					c.reset()
				}
				// Who waits beside them may be told 503, until the last of them has waited for as long as anybody does.
				w.eventually("200 behind those who have left", func() bool { return w.ask("GET", "/", 0) == "200" })
			})
		})
	}
}
