package gate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// accessLog is a log that a test reads.
type accessLog struct{ dir string }

// path is that of the log of a test on one engine.
func (l *accessLog) path(t *testing.T) string {
	l.dir = t.TempDir()
	return filepath.Join(l.dir, "access.log")
}

// line waits for the line number i of the log that has been reopened, so that all is written, and returns it.
func (w *world) line(l *accessLog, i int) string {
	w.Helper()
	var all []string
	w.eventually(fmt.Sprintf("line %d", i), func() bool {
		if err := w.g.ReopenLog(); err != nil { // which writes what there is
			w.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(l.dir, "access.log"))
		if err != nil {
			w.Fatal(err)
		}
		all = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		return len(all) > i && all[i] != ""
	})
	if len(all) <= i {
		w.Fatalf("the log is %q", all)
	}
	return all[i]
}

// entry is a line of JSON.
func (w *world) entry(l *accessLog, i int) map[string]any {
	w.Helper()
	e := map[string]any{}
	if line := w.line(l, i); json.Unmarshal([]byte(line), &e) != nil {
		w.Fatalf("line %d is no JSON: %q", i, line)
	}
	return e
}

// wants compares fields.
func (w *world) wants(e map[string]any, want map[string]any) {
	w.Helper()
	for k, v := range want {
		if fmt.Sprint(e[k]) != fmt.Sprint(v) {
			w.Errorf("%s is %v, want %v, in %v", k, e[k], v, e)
		}
	}
}

func TestAccessLogHasAllFields(t *testing.T) {
	var l accessLog
	ids := make(chan string, 1)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			ids <- value(m, "X-Id")
			time.Sleep(20 * time.Millisecond)
			c.send("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello")
		}
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nupstreams: {web: {servers: [%s, %s], eject: off}}\naccess_log: %s\n"+
			"routes: [{name: site, to: web, request_headers: {set: {X-Id: '${request_id}'}}}]\n", dead(t), up(t), l.path(t))
	}, func(w *world) {
		server := w.g.Config().Upstreams[0].Servers[1].Address
		began := time.Now()
		c := w.dial()
		c.send("PUT /a/../b?q=1&r=%20 HTTP/1.1\r\nHost: Example.org:1\r\nUser-Agent: test \"1\"\r\nReferer: http://r/\r\nContent-Length: 7\r\n\r\nmessage")
		c.wantStatus("201")
		e := w.entry(&l, 0)
		w.wants(e, map[string]any{
			"client": "127.0.0.1", "method": "PUT", "host": "Example.org:1", "path": "/a/../b", "query": "q=1&r=%20",
			"protocol": "HTTP/1.1", "status": 201, "bytes_sent": 5, "bytes_received": 7, "route": "site", "upstream": "web",
			"server": server, "tries": 2, "request_id": await(w, ids, "the request"), "user_agent": `test "1"`, "referer": "http://r/",
			"tls": nil, "error": nil,
		})
		took, of := e["duration"].(float64), e["upstream_duration"].(float64)
		if of < 0.02 || took < of || took > time.Since(began).Seconds() {
			w.Errorf("it took %v, the server %v of them", took, of)
		}
		if at, err := time.Parse(time.RFC3339, e["time"].(string)); err != nil || at.Before(began.Add(-time.Second)) || at.After(time.Now()) {
			w.Errorf("it began %v, %v", e["time"], err)
		}
	})
}

func TestAccessLogCombined(t *testing.T) {
	var l accessLog
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\naccess_log: {path: %s, format: combined}\n", replies(ok)(t), l.path(t))
	}, func(w *world) {
		c := w.dial()
		c.send("GET /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: x\"y\r\n\r\n")
		c.wantStatus("200")
		line := w.line(&l, 0)
		if !strings.HasPrefix(line, "127.0.0.1 - - [") || !strings.HasSuffix(line, `] "GET /a?b=c HTTP/1.1" 200 2 "-" "x\x22y"`) {
			w.Errorf("the line is %s", line)
		}
	})
}

// What a line says of the connection is that of its own client, also when there was no request that could be read.
func TestRefusedRequestsAreLoggedWithTheirClient(t *testing.T) {
	var l accessLog
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: {address: '127.0.0.1:0', proxy_protocol: 127.0.0.0/8}\naccess_log: %s\n"+
			"routes: [{path: /quiet, log: false, answer: 204}, {answer: {body: hello}}]\n", l.path(t))
	}, func(w *world) {
		for i, tc := range []struct {
			sent string
			want map[string]any
		}{
			{"GET / HTTP/1.1\r\nHost: h\r\nX-Request-ID: theirs\r\n\r\n", map[string]any{"status": 200, "method": "GET", "bytes_sent": 5}},
			{"nonsense\r\n\r\n", map[string]any{"status": 400, "method": nil, "path": nil, "request_id": nil}},
			{"HEAD /quiet HTTP/1.1\r\nHost: h\r\n\r\nHEAD /b HTTP/1.0\r\n\r\n", map[string]any{"status": 200, "bytes_sent": 0, "protocol": "HTTP/1.0", "path": "/b"}},
			{"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", map[string]any{"status": 501, "method": "CONNECT"}},
		} {
			from := fmt.Sprintf("192.0.2.%d", i)
			c := w.dial()
			c.send("PROXY TCP4 " + from + " 192.0.2.99 1 2\r\n" + tc.sent)
			c.CloseWriteHalf()
			io.Copy(io.Discard, c)
			tc.want["client"] = from
			e := w.entry(&l, i)
			w.wants(e, tc.want)
			if e["duration"].(float64) > 1 {
				w.Errorf("the time that a client is listened out for is in the duration: %v", e)
			}
		}
	})
}

// What was read of a request that is refused, and is sound, is in the log: who sends it can be found.
func TestRefusedRequestsAreLoggedAsFarAsTheyWereRead(t *testing.T) {
	var l accessLog
	long := strings.Repeat("a", 9000)
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\naccess_log: %s\ntimes: {header: %v}\nroutes: [{answer: 204}]\n", l.path(t), short)
	}, func(w *world) {
		for i, tc := range []struct {
			sent string
			want map[string]any
		}{
			{"GET /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nContent-Length: x\r\n\r\n", map[string]any{"status": 400, "method": "GET",
				"path": "/a", "query": "b=c", "host": "h", "protocol": "HTTP/1.1", "user_agent": "u"}},
			{"GET /a HTTP/2.0\r\nHost: h\r\n\r\n", map[string]any{"status": 505, "method": "GET", "path": "/a", "host": nil, "protocol": nil}},
			{"GET /a?" + long, map[string]any{"status": 414, "method": "GET", "path": "/a"}},
			{"GET /a HTTP/1.1\r\nHost: h\r\nA: " + long, map[string]any{"status": 431, "path": "/a", "host": "h"}},
			{"GET /a HTTP/1.1\r\nHost: h\r\nUser-Ag", map[string]any{"status": 408, "path": "/a", "host": "h", "user_agent": nil}},
			{"GET /a\x1b[31mb HTTP/1.1\r\nHost: h\r\n\r\n", map[string]any{"status": 400, "path": "/a", "host": nil}},
			{"GET /%22%zz HTTP/1.1\r\nHost: \"h\r\n\r\n", map[string]any{"status": 400, "path": "/%22%zz", "host": nil}},
			{"G\"T / HTTP/1.1\r\n\r\n", map[string]any{"status": 400, "method": nil, "path": nil}},
		} {
			c := w.dial()
			c.send(tc.sent)
			c.message(false)
			c.Close()
			w.wants(w.entry(&l, i), tc.want)
		}
	})
}

// CloseWriteHalf ends what the peer sends.
func (p *peer) CloseWriteHalf() { p.Conn.(*net.TCPConn).CloseWrite() }

// A client that leaves in its body is who has failed, and not the server whose request was given up for that.
func TestClientGoneInUploadIsWhatTheLogSays(t *testing.T) {
	var l accessLog
	up := script(func(t *testing.T, c *peer, _ int) {
		m, _ := c.head()
		if strings.Contains(m, " /begun ") {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		}
		io.Copy(io.Discard, c.r)
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\naccess_log: %s\nroutes: [{to: &u %s}, {path: /held, to: *u, buffer: {request: true}}]\n",
			l.path(t), up(t))
	}, func(w *world) {
		for i, tc := range []struct {
			target string
			status int
		}{{"/", 499}, {"/held", 499}, {"/begun", 200}} {
			c := w.dial()
			c.send("POST " + tc.target + " HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\nabc")
			switch tc.target {
			case "/":
				w.eventually("the request", func() bool { return w.g.Opened() == 1 })
			case "/begun":
				c.head()
			}
			c.reset()
			e := w.entry(&l, i)
			w.wants(e, map[string]any{"status": tc.status, "path": tc.target})
			if text, _ := e["error"].(string); !strings.HasPrefix(text, "the client has gone") || !strings.Contains(text, "reset") {
				w.Errorf("%s: the error is %q", tc.target, text)
			}
		}
	})
}

// A client that goes before its response is complete is status 499, and what has gone over counts.
func TestClientGoneIsLogged(t *testing.T) {
	const size = 64 << 20
	var l accessLog
	up := script(func(t *testing.T, c *peer, _ int) {
		if _, err := c.request(); err != nil {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		io.Copy(c, bytes.NewReader(make([]byte, size)))
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\naccess_log: %s\n", up(t), l.path(t))
	}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		c.head()
		c.Close()
		e := w.entry(&l, 0)
		w.wants(e, map[string]any{"status": 499})
		if n := e["bytes_sent"].(float64); n == 0 || n >= size {
			w.Errorf("%v bytes were sent", n)
		}
	})
}

// Bodies that are passed on while they come are counted, and so is what a tunnel carries.
func TestBytesOfStreamsAreLogged(t *testing.T) {
	var l accessLog
	up := script(func(t *testing.T, c *peer, _ int) {
		m, err := c.request()
		switch {
		case err != nil:
		case value(m, "Upgrade") != "":
			c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			io.Copy(c, c.r)
		default:
			c.send("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
		}
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\naccess_log: %s\n", up(t), l.path(t))
	}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
		c.wantStatus("200")
		w.wants(w.entry(&l, 0), map[string]any{"bytes_received": 5, "bytes_sent": 7})
		s := w.dial().socket()
		s.CloseWriteHalf()
		s.wantEnd()
		w.wants(w.entry(&l, 1), map[string]any{"status": 101, "bytes_received": 4, "bytes_sent": 4})
	})
}

// The log can change its path and format while requests go on, and no line is lost.
func TestAccessLogChangesUnderLoad(t *testing.T) {
	const clients, changes = 3, 20
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nroutes: [{answer: 204}]\n")
	}, func(w *world) {
		dir := w.TempDir()
		change := func(path, format string) {
			w.reload(parse(w, "listen: 127.0.0.1:0\naccess_log: {path: %s/%s, format: '%s'}\nroutes: [{answer: 204}]\n", dir, path, format))
		}
		change("0", "json")
		stop := make(chan struct{})
		var all sync.WaitGroup
		counts := make([]int, clients)
		for i := range clients {
			c := w.dial()
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					c.send(getRoot)
					c.wantStatus("204")
					counts[i]++
				}
			})
		}
		for i := range changes {
			change(fmt.Sprint(i%3), []string{"json", "${status} ${path}"}[i%2])
		}
		close(stop)
		all.Wait()
		w.reload(parse(w, "listen: 127.0.0.1:0\nroutes: [{answer: 204}]\n")) // which closes the log
		want, got := counts[0]+counts[1]+counts[2], 0
		for i := range 3 {
			b, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
			if err != nil {
				w.Fatal(err)
			}
			got += strings.Count(string(b), "\n")
		}
		if got != want {
			w.Errorf("%d lines for %d requests", got, want)
		}
	})
}

// What is secret is told to nobody: not by the log, nor by the list of requests.
func TestQueriesAndFieldsAreNotTold(t *testing.T) {
	const secret = "s3cr3tm4rk"
	asked, end := make(chan struct{}, 10), make(chan struct{}, 10)
	hang := script(func(t *testing.T, c *peer, _ int) {
		if m, err := c.request(); err == nil && strings.HasPrefix(m, "GET /hang") {
			asked <- struct{}{}
			c.awaits(end, "leave to end")
		}
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nlog_level: debug\nupstreams: {u: {servers: [%s, %s], eject: off}}\nroutes: [{to: u}]\n", dead(t), hang(t))
	}, func(w *world) {
		tail := "?k=" + secret + " HTTP/1.1\r\nHost: h\r\nCookie: a=" + secret + "\r\nAuthorization: Bearer " + secret + "\r\n\r\n"
		for range 2 {
			c := w.dial()
			c.send("GET /fail" + tail)
			c.head()
		}
		c := w.dial()
		c.send("GET /hang" + tail)
		await(w, asked, "the request")
		all, err := w.g.InFlight()
		if err != nil || len(all) != 1 || all[0].Path != "/hang" || all[0].Phase != "waiting for the response" {
			w.Errorf("in flight are %+v, %v", all, err)
		}
		w.wantLog("/fail")
		if text := w.log.String() + fmt.Sprintf("%+v", all); strings.Contains(text, secret) {
			w.Errorf("a secret is told: %s", text)
		}
		end <- struct{}{}
		c.wantStatus("502")
	})
}

// The duration of a request whose response is held back was the time until its head.
func TestDurationHasTheTimeOfAHeldResponse(t *testing.T) {
	const late = 100 * time.Millisecond
	var l accessLog
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			if strings.HasPrefix(m, "GET /chunked ") {
				c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
				time.Sleep(late)
				c.send("0\r\n\r\n")
				continue
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
			time.Sleep(late)
			c.send("b")
		}
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\nbuffer: {response: true}\naccess_log: %s\n", up(t), l.path(t))
	}, func(w *world) {
		for i, path := range []string{"/length", "/chunked"} {
			w.ask("GET", path, 0)
			if d := w.entry(&l, i)["duration"].(float64); d < late.Seconds()*0.9 {
				w.Errorf("%s took %v s, and its body came after %v", path, d, late)
			}
		}
	})
}

// Of a response that is held back what the client has not taken is not counted as sent.
func TestClientGoneFromAHeldResponseIsLogged(t *testing.T) {
	const size = 16 << 20
	var l accessLog
	up := replies(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size)))
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\nbuffer: {response: true, bytes: 32MiB}\naccess_log: %s\n", up(t), l.path(t))
	}, func(w *world) {
		c := w.dial()
		c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		c.send(getRoot)
		c.head()
		w.eventually("the end of the server's part", func() bool { return w.g.Servers()[0].InFlight == 0 })
		c.Close()
		e := w.entry(&l, 0)
		w.wants(e, map[string]any{"status": 499})
		if n := e["bytes_sent"].(float64); n == 0 || n >= size {
			w.Errorf("%v bytes were sent", n)
		}
	})
}
