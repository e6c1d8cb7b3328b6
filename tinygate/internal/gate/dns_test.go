package gate_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// names is a DNS server that gives every name the same addresses.
type names struct {
	mu    sync.Mutex
	addrs []netip.Addr
}

func (n *names) set(addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addrs = nil
	for _, a := range addrs {
		n.addrs = append(n.addrs, netip.MustParseAddr(a))
	}
}

// hold has nobody get an answer until release is called, which may be called again.
func (n *names) hold() (release func()) {
	n.mu.Lock()
	return sync.OnceFunc(n.mu.Unlock)
}

// serve has the process resolve names here until the test ends.
func (n *names) serve(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	was := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 512); ; {
			size, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(n.answer(buf[:size]), from)
		}
	}()
	t.Cleanup(func() {
		net.DefaultResolver = was
		pc.Close()
		<-done
	})
}

// answer makes a message out of a query with one question (RFC 1035 4.1). Names have addresses of IPv4 only.
func (n *names) answer(query []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	end := 12 + slices.Index(query[12:], 0) + 5 // of the question: the name, its zero, type and class
	p := append([]byte(nil), query[:end]...)
	p[2], p[3] = 0x81, 0x80
	clear(p[6:12])
	if binary.BigEndian.Uint16(query[end-4:]) != 1 {
		return p
	}
	binary.BigEndian.PutUint16(p[6:], uint16(len(n.addrs)))
	for _, a := range n.addrs {
		p = append(p, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4)
		p = append(p, a.AsSlice()...)
	}
	return p
}

// A server that its name does not stand for any more gets no requests, and its idle connections are closed at once.
func TestServerGoesAwayFromDNS(t *testing.T) {
	dns := new(names)
	dns.serve(t)
	first, second := twoAddresses(t)
	_, port, _ := net.SplitHostPort(first.Addr().String())
	seen := make(chan string, 100)
	for _, ln := range []net.Listener{first, second} {
		go serveListener(t, ln, func(c *peer) {
			for {
				if _, err := c.request(); err != nil {
					return
				}
				seen <- c.LocalAddr().String()
				c.send(ok)
			}
		})
	}
	change := func(cfg *config.Config) {
		cfg.Upstreams[0].DNS = 20 * time.Millisecond
		cfg.Upstreams[0].Pool.Max = 10
	}
	dns.set("127.0.0.1", "127.0.0.2")
	eachEngine(t, setup{Upstreams: []string{"web.test:" + port}, Change: change}, func(w *world) {
		defer dns.set("127.0.0.1", "127.0.0.2") // for the next engine
		w.eventually("both addresses", func() bool { return len(w.g.Servers()) == 2 && w.g.Servers()[0].Addr != "" })
		for range 2 {
			w.ask("GET", "/", 0)
			await(w, seen, "the request")
		}
		if n := w.g.Connections().Upstreams; n != 2 {
			w.Errorf("%d connections to two servers", n)
		}
		dns.set("127.0.0.1")
		w.eventually("the end of the idle connection", func() bool { return w.g.Connections().Upstreams == 1 })
		for range 4 {
			w.ask("GET", "/", 0)
			if addr := await(w, seen, "the request"); !strings.HasPrefix(addr, "127.0.0.1:") {
				w.Errorf("%s has got a request", addr)
			}
		}
	})
}

// A request that comes before its upstream's name has been looked up for the first time waits for that, at the start and after a
// reload that has changed the name.
func TestRequestWaitsForTheFirstLookup(t *testing.T) {
	dns := new(names)
	dns.serve(t)
	dns.set("127.0.0.1")
	server := replies(ok)(t)
	_, port, _ := net.SplitHostPort(server)
	of := func(name string) *config.Config {
		return parse(t, "{listen: '127.0.0.1:0', upstreams: {web: '%s:%s'}, routes: [{to: web, times: {total: 300ms}, path: /soon}, {to: web}]}", name, port)
	}
	release := dns.hold()
	defer func() { release() }() // or the server would not end, if the test ends early
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		w := newWorldOf(t, rt, of("first.test"))
		for _, name := range []string{"first.test", "second.test"} {
			if name != "first.test" {
				release = dns.hold()
				w.reload(of(name))
			}
			c := w.dial()
			c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if status := w.ask("GET", "/soon", 0); status != "504" {
				w.Errorf("%s: status %s when the limit of all was reached", name, status)
			}
			gone := w.dial()
			gone.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			w.eventually("the wait", func() bool { n, _ := w.g.InFlight(); return len(n) == 2 })
			gone.Conn.(*net.TCPConn).SetLinger(0)
			gone.Close()
			w.eventually("the end of a request whose client has left", func() bool { n, _ := w.g.InFlight(); return len(n) == 1 })
			release()
			c.wantStatus("200")
		}
		dns.set()
		w.reload(of("none.test"))
		w.eventually("the end of the lookup", func() bool { return w.g.Servers()[0].Reason != "" })
		began := time.Now()
		status := w.ask("GET", "/", 0)
		if took := time.Since(began); status != "503" || took >= w.g.Config().Times.Connect {
			w.Errorf("status %s after %v of a name without addresses", status, took)
		}
		dns.set("127.0.0.1")
		release = dns.hold() // for the next engine
	})
}

// twoAddresses listens on one port of 127.0.0.1 and 127.0.0.2.
func twoAddresses(t *testing.T) (first, second net.Listener) {
	for range 20 {
		a, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
		_, port, _ := net.SplitHostPort(a.Addr().String())
		b, err := net.Listen("tcp", "127.0.0.2:"+port)
		if err == nil {
			t.Cleanup(func() { b.Close() })
			return a, b
		}
	}
	t.Skip("lacks: a second address of the loopback interface")
	return nil, nil
}

// serveListener plays a function for each connection until the listener is closed.
func serveListener(t *testing.T, ln net.Listener, play func(c *peer)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			play(newPeer(t, c))
		}()
	}
}
