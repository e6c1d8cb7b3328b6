package gate_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// drip is a server that answers by a body of unknown length, a byte every now and then.
func drip(every time.Duration) func(*testing.T) string {
	return script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for c.send("1\r\nx\r\n") == nil {
			time.Sleep(every)
		}
	})
}

// within wants a time to have passed, and not much more.
func (w *world) within(since time.Time, least time.Duration) {
	w.Helper()
	if d := time.Since(since); d < least || d > bound/2 {
		w.Errorf("it took %v, want %v", d, least)
	}
}

// The limit of all of a request: before the head of the response it is told, and in its body the response is cut off, both
// however lively the server is.
func TestTotalTime(t *testing.T) {
	eachEngineAtOnce(t, setup{Times: config.Times{Total: 5 * short}}, func(w *world) {
		c, began := w.dial(), time.Now()
		c.send(getRoot)
		c.head()
		body, err := io.ReadAll(c.r)
		if len(body) < 3 || strings.HasSuffix(string(body), "0\r\n\r\n") || err != nil {
			w.Errorf("%q, %v", body, err)
		}
		w.within(began, 5*short)
	}, drip(short/10))
	interims := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		for c.send("HTTP/1.1 102 Processing\r\n\r\n") == nil {
			time.Sleep(short / 10)
		}
	})
	eachEngineAtOnce(t, setup{Times: config.Times{Total: 2 * short, Response: short}}, func(w *world) {
		c, began := w.dial(), time.Now()
		c.send(getRoot)
		m, err := c.message(false)
		for strings.HasPrefix(m, "HTTP/1.1 102") {
			m, err = c.message(false)
		}
		if !strings.HasPrefix(m, "HTTP/1.1 504 ") || err != nil {
			w.Errorf("%q, %v", m, err)
		}
		w.within(began, 2*short)
	}, interims)
}

// The limit of all may be reached between an interim response's arrival and its way to the client, who is told of that as well.
func TestTotalTimeBetweenInterimResponses(t *testing.T) {
	interims := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		for c.send("HTTP/1.1 102 Processing\r\n\r\n") == nil {
			time.Sleep(20 * time.Microsecond)
		}
	})
	eachEngine(t, setup{Times: config.Times{Total: short / 10}}, func(w *world) {
		for range 50 {
			c := w.dial()
			c.send(getRoot)
			m, err := c.message(false)
			for strings.HasPrefix(m, "HTTP/1.1 102") {
				m, err = c.message(false)
			}
			if !strings.HasPrefix(m, "HTTP/1.1 504 ") || err != nil {
				w.Fatalf("%q, %v", m, err)
			}
			c.Close()
		}
	}, interims)
}

// The limit of all ends the tries too, and the wait for a turn.
func TestTotalTimeEndsTries(t *testing.T) {
	silent := script(func(t *testing.T, c *peer, _ int) { io.Copy(io.Discard, c) })
	change := func(cfg *config.Config) { retryConfig(cfg, config.Retry{Tries: 3, Timeout: true}) }
	times := config.Times{Response: 5 * short, Total: 8 * short} // between them is what a busy machine may be late
	eachEngine(t, setup{Times: times, Change: change}, func(w *world) {
		began := time.Now()
		if status := w.ask("GET", "/", 0); status != "504" {
			w.Errorf("status %s", status)
		}
		w.within(began, 8*short)
		if n := w.g.Opened(); n != 2 {
			w.Errorf("%d tries", n)
		}
	}, silent, silent, silent)
}

// A client that is too slow with its body is told so also when the limit of all is what it has reached, every time, and the
// server is not blamed.
func TestTotalTimeOfASlowUpload(t *testing.T) {
	silent := script(func(t *testing.T, c *peer, _ int) { io.Copy(io.Discard, c) })
	// Long enough for a connection to the server, which is blamed where that takes all of it.
	eachEngineAtOnce(t, setup{Times: config.Times{Total: 5 * short}}, func(w *world) {
		all := make([]*peer, 5)
		for i := range all {
			all[i] = w.dial()
			all[i].send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\nabc")
		}
		for _, c := range all {
			c.wantStatus("408")
		}
		w.eventually("the outcomes", func() bool { return w.g.Servers()[0].Outcomes[cluster.ClientGone] == 5 })
	}, silent)
}

// The limit of a try bounds all that comes before the head of the response, and begins anew behind a body that was still
// to come.
func TestTryTime(t *testing.T) {
	slow := script(func(t *testing.T, c *peer, _ int) {
		head, _ := c.head()
		io.CopyN(io.Discard, c.r, int64(length(head)))
		if strings.HasPrefix(head, "GET") {
			io.Copy(io.Discard, c.r)
		}
		c.send(lastOK)
	})
	eachEngineAtOnce(t, setup{Times: config.Times{Try: 2 * short}}, func(w *world) {
		c, began := w.dial(), time.Now()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n")
		for range 3 {
			time.Sleep(short)
			c.send("x")
		}
		c.wantStatus("200")
		w.within(began, 3*short)
		began = time.Now()
		c.send(getRoot)
		c.wantStatus("504")
		w.within(began, 2*short)
	}, slow)
}

// A connection on which no request has begun waits as one between two requests does, whatever came before, and ends without a
// word. The limit of a head begins with its first byte.
func TestIdleBeforeTheFirstByte(t *testing.T) {
	const header, idle = 3 * short, 15 * short
	cert, key := certtest.New(t).ECDSA(t, "h").Write(t, t.TempDir(), "h")
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		var l accessLog
		w := newWorldOf(t, rt, parse(t, "listen: [127.0.0.1:0, {address: '127.0.0.1:0', proxy_protocol: 127.0.0.0/8}, "+
			"{address: '127.0.0.1:0', tls: {cert: %s, key: %s}}]\n"+
			"times: {header: %v, idle: %v}\naccess_log: %s\nto: %s\n", cert, key, header, idle, l.path(t), echo(t)))
		opens := []func() *peer{w.afterAnEmptyLine, w.behindProxy, w.throughTLS}
		silent, slow, late := make([]*peer, 3), make([]*peer, 3), make([]*peer, 3)
		began := time.Now()
		for i, open := range opens {
			silent[i], slow[i], late[i] = open(), open(), open()
		}
		time.Sleep(2 * header)
		if all, err := w.g.InFlight(); len(all) > 0 || err != nil {
			w.Errorf("in flight: %+v, %v", all, err)
		}
		for i := range opens {
			late[i].send(getRoot)
			slow[i].send("GET / HT")
		}
		for i := range opens {
			late[i].wantStatus("200")
			slow[i].wantStatus("408")
			late[i].Close()
		}
		for _, c := range silent {
			c.wantEnd()
			w.within(began, idle)
		}
		const requests = 3 + 3 + 3 // late, slow, and those before an empty line
		w.line(&l, requests-1)
		if b, err := os.ReadFile(filepath.Join(l.dir, "access.log")); strings.Count(string(b), "\n") != requests || err != nil {
			w.Errorf("the log has %s, %v", b, err)
		}
	})
}

// The limit of a reload holds on listeners that are there, before the first byte too.
func TestIdleOfAReloadBeforeTheFirstByte(t *testing.T) {
	text := "listen: 127.0.0.1:0\ntimes: {idle: %v}\nroutes: [{answer: 204}]\n"
	eachEngineOf(t, func(t *testing.T) *config.Config { return parse(t, text, time.Hour) }, func(w *world) {
		w.reload(parse(t, text, short))
		began := time.Now()
		w.dial().wantEnd()
		w.within(began, short)
	})
}

// afterAnEmptyLine is a connection over which a request has come, and empty lines that are not part of it, one of them with its body.
func (w *world) afterAnEmptyLine() *peer {
	w.Helper()
	c := w.dial()
	c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx\r\n")
	c.wantStatus("200")
	c.send("\r\n")
	return c
}

// behindProxy is a connection over which a PROXY header has come.
func (w *world) behindProxy() *peer {
	w.Helper()
	c := w.dialTo(w.g.Addrs()[1])
	c.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
	return c
}

// throughTLS is a connection with TLS.
func (w *world) throughTLS() *peer {
	w.Helper()
	c := tls.Client(w.dialTo(w.g.Addrs()[2]), &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		w.Fatal(err)
	}
	return newPeer(w.T, c)
}

// A server that does not go on in its body, and one that takes nothing of the request's.
func TestBodyTime(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		over := make(chan struct{})
		defer close(over)
		w := newWorld(t, rt, setup{Times: config.Times{Body: 5 * short}}, script(func(t *testing.T, c *peer, _ int) {
			head, _ := c.head()
			if strings.HasPrefix(head, "GET") {
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
			}
			<-over // and reads nothing
		}))
		c := w.dial()
		c.send(getRoot)
		c.head()
		if got, err := io.ReadAll(c.r); string(got) != "abc" || err != nil {
			w.Errorf("%q, %v", got, err)
		}
		w.eventually("the outcome", func() bool { return w.g.Servers()[0].Outcomes[cluster.Timeout] == 1 })
		c = w.dial()
		const size = 64 << 20
		c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", size))
		go func() {
			for b := strings.Repeat("x", 1<<20); c.send(b) == nil; {
			}
		}()
		c.wantStatus("504")
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
		w.eventually("the outcome", func() bool { return w.g.Servers()[0].Outcomes[cluster.Timeout] == 2 })
	})
}

// TestABodyThatComesWhenAllTimeIsOverIsLate: a piece of it that the gate finds only then had no time left to be sent in, for which the
// server was blamed.
func TestABodyThatComesWhenAllTimeIsOverIsLate(t *testing.T) {
	asked := make(chan string, 1)
	server := script(func(t *testing.T, c *peer, _ int) {
		head, _ := c.head()
		asked <- head
		c.rest()
	})
	const total = 5 * short
	eachEngine(t, setup{Times: config.Times{Total: total}}, func(w *world) {
		c := w.dial()
		began := time.Now()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx")
		await(w, asked, "the request")
		held := make(chan bool)
		w.rt.GoOn(0, func() {
			c.send("y")
			time.Sleep(time.Until(began.Add(total + short))) // a task that holds its loop
			close(held)
		})
		await(w, held, "the loop")
		c.wantStatus("408")
		w.eventually("the outcome", func() bool { return w.g.Servers()[0].Outcomes[cluster.ClientGone] == 1 })
	}, server)
}
