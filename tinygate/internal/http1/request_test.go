package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/http1/http1test"
)

func parseRequest(head string) (*Request, int, error) {
	r := new(Request)
	r.Init(Limits{})
	n, err := r.Parse([]byte(head))
	return r, n, err
}

func statusOf(err error) int {
	if err == nil {
		return 0
	}
	return err.(*Error).Status
}

// lines joins lines with CRLF and ends them as a head.
func lines(s ...string) string { return strings.Join(s, "\r\n") + "\r\n\r\n" }

// acceptedRequests are heads with what must be understood, as describeRequest writes it.
var acceptedRequests = []struct{ head, want string }{
	{lines("GET /a?b HTTP/1.1", "Host: x"), "GET /a ?b origin host=x name=x none keep"},
	{"\r\n" + lines("GET / HTTP/1.1", "Host: x"), "GET / ? origin host=x name=x none keep"},
	{lines("get / HTTP/1.1", "Host: x"), "get / ? origin host=x name=x none keep"},
	{lines("GET /%41|{}\"^ HTTP/1.1", "Host: x"), "GET /%41|{}\"^ ? origin host=x name=x none keep"},
	{lines("GET /?%zz HTTP/1.1", "Host: x"), "GET / ?%zz origin host=x name=x none keep"},
	{lines("GET / HTTP/1.0"), "GET / ? origin host= name= none"},
	{lines("GET / HTTP/1.0", "Connection: Keep-Alive"), "GET / ? origin host= name= none keep"},
	{lines("GET / HTTP/1.1", "Host: x", "Connection: foo, CLOSE"), "GET / ? origin host=x name=x none"},
	{lines("GET / HTTP/1.1", "HOST:\t x:80 \t"), "GET / ? origin host=x:80 name=x none keep"},
	{lines("GET / HTTP/1.1", "Host: [::1]:80"), "GET / ? origin host=[::1]:80 name=[::1] none keep"},
	{lines("GET / HTTP/1.1", "Host: a_b.c!"), "GET / ? origin host=a_b.c! name=a_b.c! none keep"},
	{lines("GET HTTP://y:1/p?q HTTP/1.1", "Host: x"), "GET /p ?q absolute host=y:1 name=y none keep"},
	{lines("GET http://y HTTP/1.1", "Host: x"), "GET  ? absolute host=y name=y none keep"},
	{lines("GET http://y?q HTTP/1.1", "Host: x"), "GET  ?q absolute host=y name=y none keep"},
	{lines("CONNECT y:1 HTTP/1.1", "Host: x"), "CONNECT  ? authority host=y:1 name=y none keep"},
	{lines("OPTIONS * HTTP/1.1", "Host: x"), "OPTIONS * ? asterisk host=x name=x none keep"},
	{lines("POST / HTTP/1.1", "Host: x", "Content-Length: 0"), "POST / ? origin host=x name=x length 0 keep"},
	{lines("POST / HTTP/1.1", "Host: x", "Content-Length: 007"),
		"POST / ? origin host=x name=x length 7 keep"},
	{lines("POST / HTTP/1.1", "Host: x", "Content-Length: 9223372036854775807"),
		"POST / ? origin host=x name=x length 9223372036854775807 keep"},
	{lines("POST / HTTP/1.0", "Content-Length: 3"), "POST / ? origin host= name= length 3"},
	{lines("POST / HTTP/1.1", "Host: x", "transfer-encoding: Chunked"),
		"POST / ? origin host=x name=x chunked keep"},
	{lines("POST / HTTP/1.1", "Host: x", "Content-Length: 3", "Expect: 100-Continue"),
		"POST / ? origin host=x name=x length 3 keep continue"},
	{lines("POST / HTTP/1.0", "Content-Length: 3", "Expect: 200-ok"), "POST / ? origin host= name= length 3"},
	{lines("GET / HTTP/1.1", "Host: x", "Expect: 100-continue"), "GET / ? origin host=x name=x none keep"},
	{lines("GET / HTTP/1.1", "Host: x", "TE: deflate, Trailers", "Connection: TE"),
		"GET / ? origin host=x name=x none keep trailers"},
	{lines("GET / HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: keep-alive, Upgrade"),
		"GET / ? origin host=x name=x none keep upgrade=websocket"},
	{lines("GET / HTTP/1.1", "Host: x", "Upgrade: websocket"), "GET / ? origin host=x name=x none keep"},
	{lines("GET / HTTP/1.1", "Host: x", "Upgrade: a", "Upgrade: b", "Connection: upgrade"),
		"GET / ? origin host=x name=x none keep"},
	{lines("GET / HTTP/1.0", "Upgrade: websocket", "Connection: upgrade"), "GET / ? origin host= name= none"},
	{lines("GET / HTTP/1.1", "Host: x", "X: a\tb \xff", "Y:", "Z: \t "),
		"GET / ? origin host=x name=x none keep"},
}

func describeRequest(r *Request, head []byte) string {
	var s strings.Builder
	form := [...]string{"origin", "absolute", "authority", "asterisk"}[r.Form]
	fmt.Fprintf(&s, "%s %s ?%s %s host=%s name=%s", r.MethodName.Of(head), r.Path.Of(head),
		r.Query.Of(head), form,
		r.Host.Of(head), r.Hostname.Of(head))
	switch r.Body {
	case FramingNone:
		s.WriteString(" none")
	case FramingLength:
		fmt.Fprintf(&s, " length %d", r.ContentLength)
	case FramingChunked:
		s.WriteString(" chunked")
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{r.KeepAlive, " keep"}, {r.Continue, " continue"}, {r.Trailers, " trailers"}} {
		if f.on {
			s.WriteString(f.name)
		}
	}
	if r.Upgrade.Len() > 0 {
		fmt.Fprintf(&s, " upgrade=%s", r.Upgrade.Of(head))
	}
	return s.String()
}

func TestRequestAccepted(t *testing.T) {
	for _, c := range acceptedRequests {
		const rest = "GET /next"
		r, n, err := parseRequest(c.head + rest)
		if err != nil || n != len(c.head) {
			t.Errorf("%q: %d, %v; want %d", c.head, n, err, len(c.head))
			continue
		}
		if got := describeRequest(r, []byte(c.head)); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.head, got, c.want)
		}
	}
}

// What is known of a head that was refused, or that has no end, is what was read of it and is sound.
func TestPart(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"", ""}, {"GET", ""}, {"nonsense\r\n", ""}, {"\x16\x03\x01 / ", ""}, {"G@T / HTTP/1.1\r\n", ""},
		{"GET ", "GET"}, {"GET /a?b", "GET /a ?b"}, {"GET /a\x00b HTTP/1.1\r\n", "GET /a"}, {"GET /\xffa", "GET /"},
		{"GET /a?b HT", "GET /a ?b"}, {"GET /a HTTP/2.0\r\n", "GET /a"}, {"GET /a b HTTP/1.1\r\nHost: h\r\n", "GET /a"},
		{"\r\nGET /a HTTP/1.1\r\nHo", "GET /a 1.1"}, {"GET /a HTTP/1.0\r\nHost: h\r\nA", "GET /a h 1.0"},
		{"GET /a%zz?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a%zz ?b h 1.1"},
		{"GET /a?b HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /a ?b 1.1"}, {"GET /a HTTP/1.1\r\n\r\n", "GET /a 1.1"},
		{"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "GET /a h 1.1"},
		{"GET http://h:1/a?b HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", "GET /a ?b h:1 1.1"},
		{"GET ftp://h/a?b HTTP/1.1\r\nHost: x\r\n\r\n", "GET ftp://h/a ?b x 1.1"}, {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", "GET * h 1.1"},
		{"CONNECT h:1 HTTP/1.1\r\nHost: a b\r\n\r\n", "CONNECT  h:1 1.1"},
	} {
		r, _, _ := parseRequest(c.head)
		if got := describePart(r, []byte(c.head)); got != c.want {
			t.Errorf("%q: %q, want %q", c.head, got, c.want)
		}
	}
	for _, row := range http1test.Requests() { // none of these ends anywhere that it should not
		for k := range len(row.In) {
			r, _, _ := parseRequest(row.In[:k])
			describePart(r, []byte(row.In[:k]))
		}
	}
}

// describePart writes what is known of a head, and no byte of it behind the length that Part says.
func describePart(r *Request, head []byte) string {
	head = slices.Clip(slices.Clone(head[:r.Part(head)]))
	text := string(r.MethodName.Of(head)) + " " + string(r.Path.Of(head))
	if r.Query.Len() > 0 {
		text += " ?" + string(r.Query.Of(head))
	}
	text += " " + string(r.Host.Of(head))
	for i := range r.Len() {
		text += string(r.Field(i).Value.Of(head))[:0]
	}
	if r.Versioned() {
		text = strings.TrimSuffix(text, " ") + " 1." + string('0'+rune(r.Minor()))
	}
	return strings.TrimRight(text, " ")
}

func TestFieldValues(t *testing.T) {
	head := []byte(lines("GET / HTTP/1.1", "Host: x", "X-A: \t b\tc \t", "Y:", "Z: \t ", "x-a:1234567\t89"))
	r, _, err := parseRequest(string(head))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Host=x", "X-A=b\tc", "Y=", "Z=", "x-a=1234567\t89"}
	if r.Len() != len(want) {
		t.Fatalf("%d fields, want %d", r.Len(), len(want))
	}
	for i, w := range want {
		f := r.Field(i)
		if got := string(f.Name.Of(head)) + "=" + string(f.Value.Of(head)); got != w {
			t.Errorf("field %d is %q, want %q", i, got, w)
		}
	}
	if i := r.Lookup(head, "X-a", 2); i != 4 {
		t.Errorf("Lookup from 2 gives %d, want 4", i)
	}
}

func TestRequestLimits(t *testing.T) {
	l := Limits{HeadBytes: 200, LineBytes: 100, Headers: 3}
	line := func(n int) string {
		return "GET /" + strings.Repeat("a", n-len("GET / HTTP/1.1\r\n")) + " HTTP/1.1\r\n"
	}
	field := func(n int) string { return "X: " + strings.Repeat("b", n-5) + "\r\n" }
	for _, c := range []struct {
		head   string
		status int
	}{
		{line(100) + "Host: a\r\n\r\n", 0},
		{line(101) + "Host: a\r\n\r\n", 414},
		{line(50) + "Host: a\r\n" + field(100) + "\r\n", 0},
		{line(50) + "Host: a\r\n" + field(101) + "\r\n", 431},
		{line(50) + "Host: a\r\n" + field(70) + field(69) + "\r\n", 0},
		{line(50) + "Host: a\r\n" + field(70) + field(70) + "\r\n", 431},
		{line(50) + "Host: a\r\nA:\r\nB:\r\n\r\n", 0},
		{line(50) + "Host: a\r\nA:\r\nB:\r\nC:\r\n\r\n", 431},
	} {
		var r Request
		r.Init(l)
		if _, err := r.Parse([]byte(c.head)); statusOf(err) != c.status {
			t.Errorf("%q: %v, want %d", c.head, err, c.status)
		}
		checkSplits(t, []byte(c.head), l, false)
	}
}

func TestHostInBracketsIsAnIPv6Address(t *testing.T) {
	for _, c := range []struct {
		host string
		ok   bool
	}{
		{"::", true}, {"::1", true}, {"1::", true}, {"1:2:3:4:5:6:7:8", true}, {"1:2:3:4:5:6:7::", true},
		{"::2:3:4:5:6:7:8", true}, {"::ffff:1.2.3.4", true}, {"1:2:3:4:5:6:1.2.3.4", true}, {"fe80::a:b", true},
		{"", false}, {":", false}, {":::", false}, {"1", false}, {"1:2:3:4:5:6:7", false},
		{"1:2:3:4:5:6:7:8:9", false},
		{"1::2::3", false}, {"12345::", false}, {"1:", false}, {":1", false}, {"::1:", false},
		{"1:2:3:4:5:6:7:8::", false},
		{"::1:2:3:4:5:6:7:8", false}, {"1::2:3:4:5:6:7:8", false}, {"::1:2:3:4:5:6:1.2.3.4", false},
		{"::1.2.3", false}, {"::1.2.3.256", false}, {"::1.2.3.4.5", false}, {"1.2.3.4", false},
		{"::01.2.3.4", false},
		{"::g", false}, {"1:2:3:4:5:6:7:1.2.3.4", false}, {"v1.a", false},
	} {
		if got := ValidHost([]byte("[" + c.host + "]")); got != c.ok {
			t.Errorf("%q: %v", c.host, got)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	head := []byte(browserRequest)
	reply := []byte(smallResponse)
	var r Request
	var p Response
	var d Body
	r.Init(Limits{})
	p.Init(Limits{}, MethodGet)
	dst := make([]byte, 0, 8192)
	n := testing.AllocsPerRun(100, func() {
		r.Reset()
		if _, err := r.Parse(head); err != nil {
			t.Fatal(err)
		}
		o := r.Out()
		dst = r.AppendForward(dst[:0], head, &o)
		p.Reset(r.Method)
		if _, err := p.Parse(reply); err != nil {
			t.Fatal(err)
		}
		q := p.Out(&r)
		dst = p.AppendForward(dst[:0], reply, &q)
		r.Reset()
		if _, err := r.Parse([]byte("GET / HTTP/1.1\n")); err == nil {
			t.Fatal("accepted")
		}
		d.Init(FramingChunked, 0, false)
		if _, _, _, err := d.Next([]byte("5\r\nhello\r\n0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
