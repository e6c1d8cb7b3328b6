package gate_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// lastOK is for a server that ends its connection behind it: it has to tell, or the gate keeps the connection, and the next request
// may meet it before the end does.
const lastOK = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

// What the upstream gets, line by line, for what the client sends.
func TestRequestHeadAsForwarded(t *testing.T) {
	for _, tc := range []struct {
		name, sent string
		want       []string
		absent     []string
	}{
		{"get", "GET /a?b=c HTTP/1.1\r\nHost: h:1\r\nAccept: x\r\n\r\n",
			[]string{"GET /a?b=c HTTP/1.1", "Host: h:1", "Accept: x", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http",
				"X-Forwarded-Host: h:1", "Via: 1.1 tinygate"}, []string{"Content-Length", "Transfer-Encoding", "Connection"}},
		{"hop by hop", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n" +
			"Proxy-Connection: x\r\nProxy-Authorization: s\r\nTE: gzip\r\nUpgrade: x\r\n\r\n", nil,
			[]string{"X-Mine", "Keep-Alive", "Proxy-", "TE:", "Upgrade", "Connection"}},
		{"spoofed", "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\nx-forwarded-for: 8.8.8.8\r\n" +
			"X-Forwarded-Port: 1\r\nX_Forwarded_Host: evil\r\nX-Real-IP: 9.9.9.9\r\nX-FORWARDED-PROTO: https\r\n" +
			"Forwarded: for=9.9.9.9\r\nX-Forward: mine\r\n\r\n",
			[]string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: h", "X-Forward: mine"},
			[]string{"9.9.9.9", "8.8.8.8", "evil", "https", "X-Forwarded-Port"}},
		{"httpoxy", "GET / HTTP/1.1\r\nHost: h\r\nProxy: http://evil\r\nX-Proxy: mine\r\npROXY: http://worse\r\n\r\n",
			[]string{"X-Proxy: mine"}, []string{"evil", "worse"}},
		{"host of http/1.0", "GET / HTTP/1.0\r\n\r\n", []string{"Host: 127.0.0.1:", "Via: 1.0 tinygate"}, nil},
		{"via is appended", "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 a\r\nVia: 1.1 b\r\n\r\n",
			[]string{"Via: 1.0 a, 1.1 b, 1.1 tinygate"}, nil},
		{"absolute form", "GET http://real/x HTTP/1.1\r\nHost: other\r\n\r\n",
			[]string{"GET /x HTTP/1.1", "Host: real", "X-Forwarded-Host: real"}, []string{"other"}},
		{"connection cannot name host away", "GET / HTTP/1.1\r\nHost: h\r\nConnection: host\r\n\r\n", []string{"Host: h"}, nil},
		{"h2c ends here", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
			"HTTP2-Settings: AA\r\n\r\n", nil, []string{"Upgrade", "HTTP2-Settings"}},
		{"upgrade with a body", "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nb",
			[]string{"Content-Length: 1"}, []string{"Upgrade"}},
		{"websocket", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			[]string{"Upgrade: websocket", "Connection: upgrade"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make(chan string, 10)
			up := script(func(t *testing.T, c *peer, _ int) {
				for {
					m, err := c.request()
					if err != nil {
						return
					}
					got <- m
					c.send(ok)
				}
			})
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				c.send(tc.sent)
				c.wantStatus("200")
				m := await(w, got, "the request")
				for _, line := range tc.want {
					if !strings.Contains("\r\n"+m, "\r\n"+line) {
						w.Errorf("no line %q in\n%s", line, m)
					}
				}
				for _, text := range tc.absent {
					if strings.Contains(m, text) {
						w.Errorf("%q is in\n%s", text, m)
					}
				}
				if n := strings.Count(strings.ToLower(m), "x-forwarded-for"); n != 1 {
					w.Errorf("%d lines X-Forwarded-For in\n%s", n, m)
				}
			}, up)
		})
	}
}

// What the client gets, as raw bytes after the status line, for what the upstream sends. Each case ends
// with whether the client's connection and the upstream's are used again.
func TestResponseAsForwarded(t *testing.T) {
	const get, head, old = "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"
	const oldKept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	const via = "Via: 1.1 tinygate\r\n"
	for _, tc := range []struct {
		name, sent, reply, want string
		end, clientOn, upOn     bool
	}{
		{"length", get, "HTTP/1.1 200 OK\r\nServer: s\r\nDate: d\r\nContent-Length: 3\r\n\r\nabc",
			"200 OK\r\nServer: s\r\nDate: d\r\nContent-Length: 3\r\n" + via + "\r\nabc", false, true, true},
		{"chunked", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
			"200 OK\r\nTransfer-Encoding: chunked\r\n" + via + "\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", false, true, true},
		{"until close", get, "HTTP/1.1 200 OK\r\n\r\nabc",
			"200 OK\r\nTransfer-Encoding: chunked\r\n" + via + "\r\n3\r\nabc\r\n0\r\n\r\n", true, true, false},
		{"upstream closes", get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
			"200 OK\r\nContent-Length: 1\r\n" + via + "\r\na", true, true, false},
		{"upstream of http/1.0", get, "HTTP/1.0 200 OK\r\n\r\nabc",
			"200 OK\r\nTransfer-Encoding: chunked\r\nVia: 1.0 tinygate\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true, true, false},
		{"kept by http/1.0", get, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
			"200 OK\r\nContent-Length: 1\r\nVia: 1.0 tinygate\r\n\r\na", false, true, true},
		{"head", head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
			"200 OK\r\nContent-Length: 3\r\n" + via + "\r\n", false, true, true},
		{"head with a body", head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
			"200 OK\r\nContent-Length: 3\r\n" + via + "\r\n", false, true, false},
		{"204 with length", get, "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
			"204 No Content\r\n" + via + "\r\n", false, true, false},
		{"304 with length", get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
			"304 Not Modified\r\nContent-Length: 3\r\n" + via + "\r\n", false, true, true},
		{"interim", get, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			"103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + via + "\r\n", false, true, true},
		{"interim to http/1.0", old, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			"200 OK\r\nContent-Length: 0\r\nConnection: close\r\n" + via + "\r\n", false, false, true},
		{"chunked to http/1.0", oldKept, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
			"200 OK\r\nConnection: close\r\n" + via + "\r\nabc", false, false, true},
		{"length to http/1.0", oldKept, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
			"200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n" + via + "\r\na", false, true, true},
		{"hop by hop", get, "HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n",
			"200 OK\r\nContent-Length: 0\r\n" + via + "\r\n", false, true, true},
		{"garbage behind the response", get, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
			"200 OK\r\nContent-Length: 1\r\n" + via + "\r\na", false, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			up := script(func(t *testing.T, c *peer, n int) {
				for {
					m, err := c.head()
					if err != nil {
						return
					}
					if strings.HasPrefix(m, "GET /which ") {
						c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d", len(fmt.Sprint(n)), n))
						continue
					}
					c.send(tc.reply)
					if tc.end {
						return
					}
				}
			})
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				c.send(tc.sent)
				want := "HTTP/1.1 " + tc.want
				if !strings.Contains(want, "\r\nDate: ") { // the gate's, which is always as long
					want = strings.Replace(want, "\r\nVia: ", "\r\n"+dateLine+"Via: ", 1)
				}
				got := make([]byte, len(want))
				n, err := io.ReadFull(c.r, got)
				if date := value(string(got[:n]), "Date"); date != "d" {
					got = []byte(strings.Replace(string(got[:n]), "Date: "+date+"\r\n", dateLine, 1))
				}
				if string(got) != want {
					w.Fatalf("got %q, %v\nwant %q", got, err, want)
				}
				if !tc.clientOn {
					c.wantEnd()
					c = w.dial()
				}
				which := "2"
				if tc.upOn {
					which = "1"
				}
				c.send("GET /which HTTP/1.1\r\nHost: h\r\n\r\n")
				if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n"+which) {
					w.Errorf("got %q, want it from upstream connection %s", m, which)
				}
			}, up)
		})
	}
}

// What a rule sets or removes in responses stands in none of the gate's own beside what the gate would write.
func TestEditsReplaceTheGatesOwnFields(t *testing.T) {
	for _, tc := range []struct {
		name, rule, status string
		want               []string // lines, each of which is the only one of its name
		absent             []string
	}{
		{"type of an answer", "answer: {body: '{}'}, response_headers: {set: {content-type: application/json}}", "200",
			[]string{"content-type: application/json", "Content-Length: 2"}, nil},
		{"no type", "answer: {body: '{}'}, response_headers: {remove: [Content-Type]}", "200",
			[]string{"Content-Length: 2"}, []string{"Content-Type"}},
		{"a type beside", "answer: {body: '{}'}, response_headers: {add: {X-More: 'yes'}}", "200",
			[]string{"Content-Type: text/plain; charset=utf-8", "X-More: yes"}, nil},
		{"address of a redirect", "redirect: /x, response_headers: {set: {Location: '/y${path}'}}", "307",
			[]string{"Location: /y/", "Content-Type: text/plain; charset=utf-8"}, nil},
		{"no address", "redirect: /x, response_headers: {remove: [location]}", "307", nil, []string{"Location"}},
		{"methods", "answer: 405, response_headers: {set: {Allow: GET}}", "405", []string{"Allow: GET"}, nil},
		{"methods that nobody has said", "answer: 405", "405", nil, []string{"Allow"}},
		{"type of an error", "to: '127.0.0.1:1', response_headers: {set: {Content-Type: text/html}}", "502",
			[]string{"Content-Type: text/html"}, nil},
		{"a value that comes out empty", "answer: {body: '{}'}, response_headers: {set: {Content-Type: '${server_name}'}}", "200",
			[]string{"Content-Length: 2"}, []string{"Content-Type"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachEngineOf(t, func(t *testing.T) *config.Config {
				return parse(t, "listen: 127.0.0.1:0\nroutes: [{%s}]\n", tc.rule)
			}, func(w *world) {
				c := w.dial()
				c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
				m := c.wantStatus(tc.status)
				for _, line := range tc.want {
					name, _, _ := strings.Cut(line, ":")
					if n := lines(m, name); n != 1 || !strings.Contains(m, "\r\n"+line+"\r\n") {
						w.Errorf("%d lines of %s, want one, %q, in\n%s", n, name, line, m)
					}
				}
				for _, name := range tc.absent {
					if lines(m, name) != 0 {
						w.Errorf("%s is in\n%s", name, m)
					}
				}
			})
		})
	}
}

// What an answer is, byte by byte but for its Date: no body that nobody has written stands where the rule says what there is,
// in a success, or where a status must not have one (RFC 9110 15.3.6).
func TestAnswersHaveNoInventedBody(t *testing.T) {
	const plain = "Content-Type: text/plain; charset=utf-8\r\n"
	for _, tc := range []struct{ answer, want string }{
		{"200", "200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"{type: application/json}", "200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"},
		{"{type: application/json, body: '{}'}", "200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"},
		{"{body: text}", "200 OK\r\n" + plain + "Content-Length: 4\r\n\r\ntext"},
		{"202", "202 Accepted\r\nContent-Length: 0\r\n\r\n"},
		{"204", "204 No Content\r\n\r\n"},
		{"205", "205 Reset Content\r\nContent-Length: 0\r\n\r\n"},
		{"304", "304 Not Modified\r\n\r\n"},
		{"404", "404 Not Found\r\n" + plain + "Content-Length: 14\r\n\r\n404 Not Found\n"},
		{"{status: 404, type: text/html}", "404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"},
		{"{status: 503, body: later}", "503 Service Unavailable\r\n" + plain + "Content-Length: 5\r\n\r\nlater"},
	} {
		t.Run(tc.answer, func(t *testing.T) {
			eachEngineOf(t, func(t *testing.T) *config.Config {
				return parse(t, "listen: 127.0.0.1:0\nroutes: [{answer: %s, response_headers: {remove: [Date]}}]\n", tc.answer)
			}, func(w *world) {
				c := w.dial()
				c.send(getRoot + getRoot) // the second shows that the first has ended where it should
				want := "HTTP/1.1 " + tc.want
				got := make([]byte, 2*len(want))
				if n, err := io.ReadFull(c.r, got); string(got[:n]) != want+want {
					w.Errorf("got %q, %v\nwant %q twice", got[:n], err, want)
				}
			})
		})
	}
}

// An OPTIONS goes through as many proxies as it says, and is answered by the last one of them.
func TestOptionsForTheProxies(t *testing.T) {
	heads := make(chan string, 10)
	up := script(tellHeads(heads))
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nroutes:\n  - to: &u %s\n  - {path: /set, to: *u, request_headers: {set: {Max-Forwards: '9'}}}\n"+
			"  - {path: /own, answer: 204}\n  - {path: /cors, to: *u, response_headers: {set: {Allow: GET}}}\n", up(t))
	}, func(w *world) {
		for _, tc := range []struct{ request, fields, passed, allow string }{
			{"OPTIONS *", "Max-Forwards: 0\r\n", "", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"},
			{"OPTIONS /", "Max-Forwards: 00\r\n", "", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"},
			{"OPTIONS /cors", "Max-Forwards: 0\r\n", "", "GET"},
			{"OPTIONS /", "Max-Forwards: 1\r\n", "0", ""},
			{"OPTIONS /", "Max-Forwards: 10\r\n", "9", ""},
			{"OPTIONS /set", "Max-Forwards: 5\r\n", "9", ""},
			{"OPTIONS /", "Max-Forwards: x\r\n", "x", ""},
			{"OPTIONS /", "Max-Forwards: -1\r\n", "-1", ""},
			{"OPTIONS /", "Max-Forwards: +0\r\n", "+0", ""},
			{"OPTIONS /", "Max-Forwards: 99999999999999999999\r\n", "99999999999999999999", ""},
			{"GET /", "Max-Forwards: 0\r\n", "0", ""},
		} {
			c := w.dial()
			c.send(tc.request + " HTTP/1.1\r\nHost: h\r\n" + tc.fields + "\r\n")
			m := c.wantStatus("200")
			if tc.allow != "" {
				if value(m, "Allow") != tc.allow || lines(m, "Allow") != 1 || !strings.HasSuffix(m, "\r\n\r\n") || len(heads) > 0 {
					w.Errorf("%s, %s: got %q, and the server %d requests", tc.request, tc.fields, m, len(heads))
				}
				continue
			}
			if head := await(w, heads, "the request"); value(head, "Max-Forwards") != tc.passed || lines(head, "Max-Forwards") != 1 {
				w.Errorf("%s, %s: the server gets %q", tc.request, tc.fields, head)
			}
		}
		c := w.dial()
		c.send("OPTIONS /own HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n")
		c.wantStatus("204")
	})
}

// lines counts those of a field in a raw head.
func lines(head, name string) int {
	return strings.Count(strings.ToLower(head), "\r\n"+strings.ToLower(name)+":")
}

// Every final response has one Date: that of the server, else that of its arrival, or what the rule says (RFC 9110 6.6.1).
func TestDateOfResponses(t *testing.T) {
	const theirs = "Sun, 06 Nov 1994 08:49:37 GMT"
	const now, none = "now", ""
	reply := func(fields string) func(*testing.T) string {
		return replies("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 2\r\n\r\nok")
	}
	for _, tc := range []struct {
		name   string
		up     func(*testing.T) string
		rule   string
		status string
		want   string
	}{
		{"of the server", reply(dateLine), "to: SERVER", "200", theirs},
		{"a server without one", reply(""), "to: SERVER", "200", now},
		{"one that its server takes back", reply("Connection: date\r\n" + dateLine), "to: SERVER", "200", now},
		{"of an answer", dead, "answer: {body: text}", "200", now},
		{"of a redirect", dead, "redirect: /x", "307", now},
		{"of nothing", dead, "answer: 204", "204", now},
		{"of an error", dead, "to: SERVER", "502", now},
		{"of no route", dead, "path: /x, answer: 200", "404", now},
		{"set for the server's", reply(dateLine), "to: SERVER, response_headers: {set: {Date: d}}", "200", "d"},
		{"set for none", reply(""), "to: SERVER, response_headers: {set: {Date: d}}", "200", "d"},
		{"set for the gate's", dead, "answer: 204, response_headers: {set: {Date: d}}", "204", "d"},
		{"removed from the server's", reply(dateLine), "to: SERVER, response_headers: {remove: [date]}", "200", none},
		{"removed from none", reply(""), "to: SERVER, response_headers: {remove: [date]}", "200", none},
		{"removed from the gate's", dead, "answer: 204, response_headers: {remove: [date]}", "204", none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachEngineOf(t, func(t *testing.T) *config.Config {
				rule := strings.ReplaceAll(tc.rule, "SERVER", "'"+tc.up(t)+"'")
				return parse(t, "listen: 127.0.0.1:0\nroutes: [{%s}]\n", rule)
			}, func(w *world) {
				c := w.dial()
				before := time.Now().Add(-time.Second).Truncate(time.Second) // a turn of the loop may have begun before
				c.send(getRoot)
				m := c.wantStatus(tc.status)
				switch n, got := lines(m, "Date"), value(m, "Date"); {
				case n > 1, (n == 1) != (tc.want != none):
					w.Errorf("%d lines of Date in\n%s", n, m)
				case tc.want != now:
					if got != tc.want {
						w.Errorf("the Date is %q, want %q", got, tc.want)
					}
				default:
					if at, err := http.ParseTime(got); err != nil || at.Before(before) || at.After(time.Now()) {
						w.Errorf("the Date is %q, %v: want one from %v on", got, err, before)
					}
				}
			})
		})
	}
}

// The Date is not that of the first response for ever.
func TestDateGoesOn(t *testing.T) {
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		w := newWorldOf(t, rt, parse(t, "listen: 127.0.0.1:0\nroutes: [{answer: 204}]\n"))
		c := w.dial()
		date := func() string {
			c.send(getRoot)
			return value(c.wantStatus("204"), "Date")
		}
		first := date()
		w.eventually("another Date", func() bool { return date() != first })
	})
}

// What the environment brings arrives as it is, whatever it looks like.
func TestTextOfTheEnvironmentArrives(t *testing.T) {
	const secret = "$a${path}${"
	seen := make(chan string, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		if r, err := c.request(); err == nil {
			seen <- r
			c.send(ok)
		}
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		cfg, err := config.Parse("test.yaml", []byte(`
listen: 127.0.0.1:0
routes:
  - {path: /there, redirect: "/${env:SECRET}${path}"}
  - {to: "`+up(t)+`", request_headers: {set: {X-Secret: "${env:SECRET} ${path}"}}}
`), func(string) (string, bool) { return secret, true })
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}, func(w *world) {
		c := w.dial()
		c.send("GET /here HTTP/1.1\r\nHost: h\r\n\r\n")
		c.wantStatus("200")
		if got := value(await(w, seen, "the request"), "X-Secret"); got != secret+" /here" {
			w.Errorf("%q", got)
		}
		c.send("GET /there HTTP/1.1\r\nHost: h\r\n\r\n")
		if got := value(c.wantStatus("307"), "Location"); got != "/"+secret+"/there" {
			w.Errorf("%q", got)
		}
	})
}

// What a route removes or replaces in responses was passed on in those before the final one.
func TestInterimResponsesHaveNoFieldThatIsEdited(t *testing.T) {
	change := func(cfg *config.Config) {
		cfg.Routes[0].Response = config.Edit{Remove: []string{"X-Secret"}, Set: []config.Field{{Name: "Link", Value: "ours"}}}
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		if m := c.wantStatus("103"); m != "HTTP/1.1 103 Early Hints\r\nX-Open: a\r\n\r\n" {
			w.Errorf("%q", m)
		}
		if m := c.wantStatus("200"); value(m, "Link") != "ours" || value(m, "X-Secret") != "" {
			w.Errorf("%q", m)
		}
	}, replies("HTTP/1.1 103 Early Hints\r\nx-secret: a\r\nX-Open: a\r\nLink: theirs\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nX-Secret: a\r\nLink: theirs\r\nContent-Length: 0\r\n\r\n"))
}

// An answer that a configuration may have is sent. One that does not fit a buffer was accepted, and its connection closed.
func TestLargestAnswerIsSent(t *testing.T) {
	const file, most = "listen: 127.0.0.1:0\nroutes: [{answer: {body: '%s'}}]\n", 512 << 10
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, file, strings.Repeat("x", most))
	}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n"+strings.Repeat("x", most)) {
			w.Errorf("%d bytes have come", len(m))
		}
	})
	text := fmt.Sprintf(file, strings.Repeat("x", most+1))
	if _, err := config.Parse("a.yaml", []byte(text), os.LookupEnv); err == nil || !strings.Contains(err.Error(), "a.yaml:2:26: body: ") {
		t.Errorf("a body of %d bytes: %v", most+1, err)
	}
}
