package http1

import (
	"strings"
	"testing"
)

func TestForwardRequest(t *testing.T) {
	keep := func(*RequestOut) {}
	for _, c := range []struct {
		name, head string
		set        func(*RequestOut)
		want       string
	}{
		{"unchanged", curlRequest, keep, curlRequest},
		{"empty line", "\r\n" + curlRequest, keep, curlRequest},
		{"hop-by-hop",
			lines("GET / HTTP/1.1", "Connection: keep-alive, X-Hop , host, content-length", "Host: a",
				"Keep-Alive: 5", "A: 1",
				"x-hop: 1", "B: 2", "C: 3", "Proxy-Connection: x", "Proxy-Authorization: x", "TE: gzip",
				"Trailer: x", "X-HOP: 2"), keep,
			lines("GET / HTTP/1.1", "Host: a", "A: 1", "B: 2", "C: 3")},
		{"named before", lines("GET / HTTP/1.1", "X-A: 1", "Host: a", "Connection: x-a"), keep,
			lines("GET / HTTP/1.1", "Host: a")},
		{"expectation named", lines("POST / HTTP/1.1", "Connection: expect", "Host: a", "Expect: 100-continue",
			"Content-Length: 5"), keep,
			lines("POST / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 5")},
		{"framing named", lines("POST / HTTP/1.1", "Connection: transfer-encoding, trailer", "Host: a",
			"Trailer: X-Sum", "Transfer-Encoding: chunked"), keep,
			lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: X-Sum")},
		{"length", lines("POST / HTTP/1.1", "Host: a", "Content-Length: 007", "A: 1"), keep,
			lines("POST / HTTP/1.1", "Host: a", "A: 1", "Content-Length: 7")},
		{"chunked", lines("POST / HTTP/1.1", "Host: a", "Trailer: X-Sum", "Transfer-Encoding: CHUNKED"), keep,
			lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: X-Sum")},
		{"old version", lines("GET / HTTP/1.0", "Host: a", "Connection: keep-alive"), keep,
			lines("GET / HTTP/1.1", "Host: a")},
		{"old version without host", lines("GET / HTTP/1.0", "A: 1"), keep,
			lines("GET / HTTP/1.1", "A: 1", "Host: ")},
		{"old version expects", lines("POST / HTTP/1.0", "Host: a", "Expect: 100-continue",
			"Content-Length: 0"), keep,
			lines("POST / HTTP/1.1", "Host: a", "Content-Length: 0")},
		{"authority wins", lines("GET http://b:80/p?q HTTP/1.1", "Host: a", "A: 1"), keep,
			lines("GET /p?q HTTP/1.1", "A: 1", "Host: b:80")},
		{"absolute without path", lines("GET http://b?q HTTP/1.1", "Host: a"), keep,
			lines("GET /?q HTTP/1.1", "Host: b")},
		{"absolute without path and query", lines("GET http://b HTTP/1.1", "Host: a"), keep,
			lines("GET / HTTP/1.1", "Host: b")},
		{"absolute options", lines("OPTIONS http://b HTTP/1.1", "Host: a"), keep,
			lines("OPTIONS * HTTP/1.1", "Host: b")},
		{"connect", lines("CONNECT b:1 HTTP/1.1", "Host: a"), keep,
			lines("CONNECT b:1 HTTP/1.1", "Host: b:1")},
		{"target and host", lines("GET /x HTTP/1.1", "Host: a", "A: 1"), func(o *RequestOut) {
			o.Target, o.Host, o.Extra = []byte("/y"), []byte("c"), []byte("Via: 1.1 g\r\n")
		}, lines("GET /y HTTP/1.1", "A: 1", "Host: c", "Via: 1.1 g")},
		{"upgrade not asked for", lines("GET / HTTP/1.1", "Host: a", "Upgrade: h2c",
			"Connection: upgrade"), keep,
			lines("GET / HTTP/1.1", "Host: a")},
		{"upgrade, trailers, close",
			lines("GET / HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: upgrade, te",
				"TE: trailers"),
			func(o *RequestOut) { o.Upgrade, o.Close = true, true },
			lines("GET / HTTP/1.1", "Host: a", "Upgrade: websocket", "TE: trailers",
				"Connection: close, upgrade, TE")},
	} {
		r, _, err := parseRequest(c.head)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		o := r.Out()
		c.set(&o)
		for range 2 { // the second shows that the first has changed nothing
			got := string(r.AppendForward(nil, []byte(c.head), &o))
			if got != c.want {
				t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
			}
			if len(got) > r.ForwardMax(&o) {
				t.Errorf("%s: %d bytes, announced %d", c.name, len(got), r.ForwardMax(&o))
			}
			if _, _, err := parseRequest(got); err != nil && !strings.Contains(got, "Host: \r\n") {
				t.Errorf("%s: what was written is refused: %v", c.name, err)
			}
		}
	}
}

func TestForwardResponse(t *testing.T) {
	get := lines("GET / HTTP/1.1", "Host: a")
	head := lines("HEAD / HTTP/1.1", "Host: a")
	old := lines("GET / HTTP/1.0")
	oldKeep := lines("GET / HTTP/1.0", "Connection: keep-alive")
	for _, c := range []struct{ name, request, head, want string }{
		{"length", get, smallResponse, strings.Replace(
			strings.Replace(smallResponse, "Content-Length: 128\r\n", "", 1), "Connection: keep-alive",
			"Content-Length: 128", 1)},
		{"client closes", lines("GET / HTTP/1.1", "Host: a", "Connection: close"),
			lines("HTTP/1.1 200 OK", "Content-Length: 0", "A: 1"),
			lines("HTTP/1.1 200 OK", "A: 1", "Content-Length: 0", "Connection: close")},
		{"upstream closes", get, lines("HTTP/1.1 200 OK", "Connection: close, x", "X: 1",
			"Content-Length: 2"),
			lines("HTTP/1.1 200 OK", "Content-Length: 2")},
		{"until close", get, lines("HTTP/1.0 200 Fine", "A: 1"),
			lines("HTTP/1.1 200 Fine", "A: 1", "Transfer-Encoding: chunked")},
		{"until close, old client", oldKeep, lines("HTTP/1.1 200", "A: 1"),
			lines("HTTP/1.1 200 ", "A: 1", "Connection: close")},
		{"chunked, old client", oldKeep, lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"),
			lines("HTTP/1.1 200 OK", "Connection: close")},
		{"old client", old, lines("HTTP/1.1 200 OK", "Content-Length: 1"),
			lines("HTTP/1.1 200 OK", "Content-Length: 1", "Connection: close")},
		{"old client stays", oldKeep, lines("HTTP/1.1 200 OK", "Content-Length: 1"),
			lines("HTTP/1.1 200 OK", "Content-Length: 1", "Connection: keep-alive")},
		{"head", head, lines("HTTP/1.1 200 OK", "Content-Length: 9"), lines("HTTP/1.1 200 OK",
			"Content-Length: 9")},
		{"head of chunked", head, lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"),
			lines("HTTP/1.1 200 OK")},
		{"not modified", get, lines("HTTP/1.1 304 Not Modified", "Content-Length: 9"),
			lines("HTTP/1.1 304 Not Modified", "Content-Length: 9")},
		{"no content", get, lines("HTTP/1.1 204 No Content", "Content-Length: 0"),
			lines("HTTP/1.1 204 No Content")},
		{"interim", get, lines("HTTP/1.1 103 Early Hints", "Link: x"), lines("HTTP/1.1 103 Early Hints",
			"Link: x")},
		{"upgrade", lines("GET / HTTP/1.1", "Host: a", "Upgrade: x", "Connection: upgrade"),
			lines("HTTP/1.1 101 Switching", "Upgrade: x", "Connection: Upgrade", "A: 1"),
			lines("HTTP/1.1 101 Switching", "A: 1", "Connection: upgrade", "Upgrade: x")},
		{"trailers", get, lines("HTTP/1.1 200 OK", "Trailer: X", "Transfer-Encoding: chunked", "A: 1"),
			lines("HTTP/1.1 200 OK", "A: 1", "Transfer-Encoding: chunked", "Trailer: X")},
	} {
		q, _, err := parseRequest(c.request)
		if err != nil {
			t.Fatal(err)
		}
		var r Response
		r.Init(Limits{}, q.Method)
		if _, err := r.Parse([]byte(c.head)); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		o := r.Out(q)
		got := string(r.AppendForward(nil, []byte(c.head), &o))
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
		if len(got) > r.ForwardMax(&o) {
			t.Errorf("%s: %d bytes, announced %d", c.name, len(got), r.ForwardMax(&o))
		}
	}
}

func TestRunsOfManyFields(t *testing.T) {
	var b strings.Builder
	b.WriteString("GET / HTTP/1.1\r\nHost: a\r\n")
	for range MaxHeaders - 1 {
		b.WriteString("A: b\r\n")
	}
	b.WriteString("\r\n")
	var r Request
	r.Init(Limits{Headers: MaxHeaders})
	head := []byte(b.String())
	if _, err := r.Parse(head); err != nil {
		t.Fatal(err)
	}
	for _, drop := range []int{1, 63, 64, 65, 126, 127} {
		r.Drop(drop)
	}
	kept, runs := 0, 0
	for i := 0; i < r.Len(); {
		var run Span
		run, i = r.Run(i)
		if run.Len() > 0 {
			runs++
		}
		kept += strings.Count(string(run.Of(head)), "\r\n")
	}
	if kept != MaxHeaders-6 || runs != 3 {
		t.Errorf("%d lines in %d runs", kept, runs)
	}
}

func TestJoined(t *testing.T) {
	head := []byte(lines("GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 1", "A: b",
		"x-forwarded-for: 2, 3", "X-Forwarded-For:"))
	r, _, err := parseRequest(string(head))
	if err != nil {
		t.Fatal(err)
	}
	o := r.Out()
	o.Extra = r.AppendJoined(nil, head, IDXForwardedFor, "X-Forwarded-For", []byte("4"))
	r.DropID(IDXForwardedFor)
	want := lines("GET / HTTP/1.1", "Host: a", "A: b", "X-Forwarded-For: 1, 2, 3, 4")
	if got := string(r.AppendForward(nil, head, &o)); got != want {
		t.Errorf("%q", got)
	}
}
