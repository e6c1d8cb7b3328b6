package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// rows are what a proxy must have to be run in place of nginx, haproxy or Caddy. Each has a test through the program with a
// client and an upstream that are not ours, on every engine, and a place in docs/tinygate.md: a heading, and what stands
// below it. What a row has in depth is tested in the packages of internal.
var rows = []struct {
	name  string
	test  func(t *testing.T, engine string)
	place string   // a heading of the page
	words []string // below it
}{
	{"routing by host and path", rowHostPath, "A route", []string{"| `host`", "| `path`", "| `prefix`", "most specific"}},
	{"routing by method, header, query, pattern and client", rowConditions, "A route",
		[]string{"| `method`", "| `headers`", "| `query`", "| `pattern`", "| `client`"}},
	{"path rewrite, redirect, fixed answer", rowRewrite, "A route", []string{"| `rewrite`", "| `redirect`", "| `answer`"}},
	{"round robin, weights", rowRoundRobin, "An upstream", []string{"round_robin"}},
	{"least connections", rowLeast, "An upstream", []string{"least_connections"}},
	{"active health checks", rowHealth, "health", []string{"| `interval`", "| `rise`", "| `fall`"}},
	{"passive ejection", rowEject, "eject", []string{"| `failures`", "| `for`", "| `most`"}},
	{"retries", rowRetry, "retry", []string{"idempotent", "| `tries`", "| `on`", "| `budget`"}},
	{"time limits", rowTimes, "times",
		[]string{"| `header`", "| `idle`", "| `connect`", "| `response`", "| `try`", "| `total`"}},
	{"upstream connection pool and its limits", rowPool, "pool", []string{"| `idle`", "| `max`", "| `wait`"}},
	{"TLS termination, SNI, several certificates, ALPN", rowTLS, "TLS of a listener",
		[]string{"SNI", "| `certificates`", "ALPN"}},
	{"WebSocket", rowWebSocket, "times", []string{"WebSocket", "| `tunnel`"}},
	{"PROXY protocol in, v1 and v2", rowProxyProtocol, "A listener", []string{"| `proxy_protocol`"}},
	{"X-Forwarded, trusted proxies", rowForwarded, "What servers are told", []string{"`X-Forwarded-For`", "`trusted_proxies`"}},
	{"header add, set, remove, both ways", rowHeaders, "headers", []string{"| `remove`", "| `set`", "| `add`"}},
	{"access log, custom and JSON", rowAccessLog, "access_log", []string{"| `format`", "`json`"}},
	{"Prometheus metrics", rowMetrics, "Metrics", []string{"/metrics", "tinygate_requests_total"}},
	{"reload without a dropped connection", rowReload, "Running it", []string{"SIGHUP", "tinygate reload", "WebSocket"}},
	{"graceful drain with a limit", rowDrain, "Running it", []string{"SIGTERM", "`drain`"}},
	{"config check command", rowCheck, "Running it", []string{"tinygate check"}},
	{"configuration of one page", rowPage, "tinygate's configuration", []string{"two lines"}},
	{"smuggling defences, limits of heads", rowSmuggling, "limits", []string{"| `head`", "| `line`", "| `body`", "RFC 9112"}},
	{"buffering switchable, streaming both ways", rowBuffer, "buffer", []string{"| `request`", "| `response`", "streamed"}},
	{"100-continue, trailers, early response, half-close", rowProtocol, "What it passes on", []string{"100-continue", "railers"}},
}

func TestRows(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			for _, r := range rows {
				t.Run(r.name, func(t *testing.T) {
					t.Parallel()
					r.test(t, e)
				})
			}
		})
	}
}

// TestRowsAreDocumented holds that what a row is about stands where the table says.
func TestRowsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/tinygate.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	heading, fenced := "", false
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if strings.HasPrefix(line, "#") && !fenced {
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
			sections[heading] = ""
			continue
		}
		sections[heading] += line
	}
	for _, r := range rows {
		text, ok := sections[r.place]
		if !ok {
			t.Errorf("%s: the page has no heading %q", r.name, r.place)
		}
		for _, w := range r.words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: below the heading %q there is no %q", r.name, r.place, w)
			}
		}
	}
}

func rowHostPath(t *testing.T, e string) {
	a, b, c := named(t, "a"), named(t, "b"), named(t, "c")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
routes:
  - {host: "*.example.com", to: %[2]q}
  - {host: example.com, to: %[1]q}
  - {host: example.com, prefix: /api/, to: %[3]q}
  - {host: example.com, path: /api/exact, to: %[2]q}
`, a.addr, b.addr, c.addr))
	for _, tc := range []struct{ host, path, want string }{
		{"example.com", "/", "a"}, {"EXAMPLE.com:8080", "/x", "a"}, {"www.example.com", "/", "b"}, {"a.b.example.com", "/api/x", "b"},
		{"example.com", "/api/x?y=z", "c"}, {"example.com", "/api", "a"}, {"example.com", "/x/../api/./x", "c"},
		{"example.com", "//api//x", "c"}, {"example.com", "/%61pi/x", "c"},
		{"example.com", "/api/exact", "b"}, {"example.com", "/api/exact/", "c"},
	} {
		if r := p.ask("GET "+tc.path, "Host: "+tc.host); r.status != 200 || r.name() != tc.want {
			t.Errorf("%s%s: %d from %q, want %s", tc.host, tc.path, r.status, r.name(), tc.want)
		}
	}
	if r := p.ask("GET /", "Host: example.org"); r.status != 404 {
		t.Errorf("a host of nobody: %d", r.status)
	}
}

func rowConditions(t *testing.T, e string) {
	up := named(t, "up")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
trusted_proxies: 127.0.0.0/8
routes:
  - {method: [PUT, DELETE], answer: {body: method}}
  - {headers: {X-Env: canary}, answer: {body: header}}
  - {headers: {X-Key: {absent: true}}, prefix: /private/, answer: {body: absent}}
  - {query: {v: "2"}, answer: {body: query}}
  - {query: {debug: {present: true}}, answer: {body: present}}
  - {pattern: /users/*/posts, answer: {body: pattern}}
  - {pattern: /files/**, answer: {body: rest}}
  - {client: [192.0.2.0/24, "2001:db8::/32"], answer: {body: client}}
  - to: %q
`, up.addr))
	for _, tc := range []struct {
		what, field, want string
	}{
		{"PUT /", "", "method"}, {"GET /", "X-Env: canary", "header"}, {"GET /", "X-Env: canary2", "up"},
		{"GET /private/a", "", "absent"}, {"GET /private/a", "X-Key: k", "up"},
		{"GET /?v=2", "", "query"}, {"GET /?v=22&w=2", "", "up"}, {"GET /?a=b&debug", "", "present"},
		{"GET /users/1/posts", "", "pattern"}, {"GET /users/1/2/posts", "", "up"}, {"GET /files/a/b", "", "rest"},
		{"GET /", "X-Forwarded-For: 192.0.2.7", "client"}, {"GET /", "X-Forwarded-For: 2001:db8::7", "client"},
		{"GET /", "X-Forwarded-For: 192.0.3.7", "up"},
	} {
		var fields []string
		if tc.field != "" {
			fields = []string{tc.field}
		}
		if r := p.ask(tc.what, fields...); r.status != 200 || r.name() != tc.want {
			t.Errorf("%s %s: %d from %q, want %s", tc.what, tc.field, r.status, r.name(), tc.want)
		}
	}
}

func rowRewrite(t *testing.T, e string) {
	up := named(t, "up")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
routes:
  - {prefix: /api/, to: %[1]q, rewrite: {strip: /api, add: /v2}}
  - {path: /one, to: %[1]q, rewrite: {path: /other}}
  - {prefix: /old/, redirect: {to: "https://new.example${path}?${query}", status: 301}, rewrite: {strip: /old}}
  - {prefix: /secure/, redirect: https}
  - {path: /teapot, answer: {status: 418, type: text/html, body: "<p>short</p>"}, response_headers: {set: {Cache-Control: no-store}}}
`, up.addr))
	p.ask("GET /api/users?a=b").wants(t, "up", "GET /v2/users?a=b")
	p.ask("GET /one?a=b").wants(t, "up", "GET /other?a=b")
	for _, tc := range []struct {
		path, location string
		status         int
	}{
		{"/old/a%20b?c=d&e", "https://new.example/a%20b?c=d&e", 301},
		{"/old/a", "https://new.example/a", 301},
		{"/secure/x?y=z", "https://h.example/secure/x?y=z", 308},
	} {
		r := p.ask("GET "+tc.path, "Host: h.example")
		if r.status != tc.status || r.header.Get("Location") != tc.location {
			t.Errorf("%s: %d to %q, want %q", tc.path, r.status, r.header.Get("Location"), tc.location)
		}
	}
	r := p.ask("GET /teapot")
	if h := r.header; r.status != 418 || r.body != "<p>short</p>" || h.Get("Content-Type") != "text/html" ||
		h.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer: %+v", r)
	}
	if r := p.ask("HEAD /teapot"); r.status != 418 || r.body != "" || r.header.Get("Content-Length") != "12" {
		t.Errorf("its head: %+v", r)
	}
}

func rowHeaders(t *testing.T, e string) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Secret"] = []string{"1", "2"}
		w.Header().Set("Cache-Control", "public")
		tell(w, r, "up")
	})
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
upstreams: {web: %q}
routes:
  - to: web
    upstream_host: inner.example
    request_headers:
      remove: [Cookie]
      set: {X-Set: set, X-All: "${client_address} ${scheme} ${host} ${path} ${method} ${upstream} [${server_name}]"}
      add: {X-Add: [one, two], X-ID: "${request_id}"}
    response_headers:
      remove: [X-Secret]
      set: {Cache-Control: no-store, Server: gate}
      add: {X-Route: "${upstream}"}
`, up.addr))
	r := p.ask("PUT /a?b=c", "Host: outer.example:80", "Cookie: s=1", "X-Set: mine", "X-Add: zero")
	r.wants(t, "up", "Host: inner.example", "X-Set: set", "X-All: 127.0.0.1 http outer.example /a PUT web []", "X-Add: zero",
		"X-Add: one", "X-Add: two", "X-Forwarded-Host: outer.example:80")
	if strings.Contains(r.body, "Cookie") || strings.Contains(r.body, "mine") || !strings.Contains(r.body, "X-Id: ") {
		t.Errorf("the request:\n%s", r.body)
	}
	h := r.header
	if h.Get("X-Secret") != "" || h.Get("Cache-Control") != "no-store" || h.Get("Server") != "gate" || h.Get("X-Route") != "web" {
		t.Errorf("the response: %v", h)
	}
}

func rowForwarded(t *testing.T, e string) {
	up := named(t, "up")
	file := "listen: 127.0.0.1:0\nto: " + up.addr + "\n"
	fields := []string{"Host: h.example", "X-Forwarded-For: 192.0.2.9, 192.0.2.7, 127.0.0.9", "X-Forwarded-Proto: https",
		"X-Forwarded-Host: asked.example", "X-Forwarded-Port: 444", "Forwarded: for=192.0.2.1", "X-Request-Id: theirs"}
	p := startFile(t, e, file)
	r := p.ask("GET /", fields...)
	r.wants(t, "up", "X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: h.example",
		"Via: 1.1 tinygate", "X-Request-Id: theirs")
	if strings.Contains(r.body, "192.0.2.") || strings.Contains(r.body, "444") {
		t.Errorf("hearsay is passed on:\n%s", r.body)
	}
	p = startFile(t, e, file+"trusted_proxies: 127.0.0.0/8\n")
	r = p.ask("GET /", fields...)
	r.wants(t, "up", "X-Forwarded-For: 192.0.2.7, 127.0.0.9, 127.0.0.1", "X-Real-Ip: 192.0.2.7", "X-Forwarded-Proto: https",
		"X-Forwarded-Host: asked.example", "X-Forwarded-Port: 444")
	if strings.Contains(r.body, "192.0.2.9") || strings.Contains(r.body, "192.0.2.1") {
		t.Errorf("hearsay is passed on:\n%s", r.body)
	}
}
