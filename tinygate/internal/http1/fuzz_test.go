package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/http1/http1test"
)

func addSeeds(f *testing.F, add func(string)) {
	for _, row := range http1test.Requests() {
		add(row.In)
	}
	for _, c := range acceptedRequests {
		add(c.head + "5\r\nhello\r\n0\r\n\r\n")
	}
	add(browserRequest)
	add(curlRequest)
}

func addResponseSeeds(add func(string)) {
	for _, row := range http1test.Responses() {
		add(row.In)
	}
	for _, c := range acceptedResponses {
		add(c.head + "5\r\nhello\r\n0\r\n\r\n")
	}
	add(smallResponse)
}

// stricterThanUs names what net/http refuses and this package accepts, with the reason.
func stricterThanUs(r *Request, msg []byte, err error) string {
	text := err.Error()
	switch {
	case strings.HasPrefix(string(msg), "\r\n"):
		return "one empty line before a request is skipped, as RFC 9112 2.2 asks of servers"
	case strings.Contains(text, "invalid URL port"), strings.Contains(text, "invalid port"),
		strings.Contains(text, "invalid character") && strings.Contains(text, "host name"):
		return "net/url has its own idea of host names in the absolute form; sub-delims are RFC 3986"
	case r.Form == FormAuthority:
		return "net/url parses the target of CONNECT as a URL"
	}
	return ""
}

// fieldsOf collects the fields as net/http keeps them: without those that it takes out of the header.
func fieldsOf(h *Head, head []byte) http.Header {
	m := http.Header{}
	for i := range h.Len() {
		name := textproto.CanonicalMIMEHeaderKey(string(h.Field(i).Name.Of(head)))
		m[name] = append(m[name], string(h.Field(i).Value.Of(head)))
	}
	delete(m, "Transfer-Encoding")
	delete(m, "Trailer")
	return m
}

func compareFields(t *testing.T, ours, theirs http.Header) {
	t.Helper()
	theirs = theirs.Clone()
	delete(theirs, "Trailer")
	if slices.Contains(ours["Pragma"], "no-cache") && ours["Cache-Control"] == nil {
		delete(theirs, "Cache-Control") // added by net/http
	}
	for name, v := range ours {
		if !slices.Equal(v, theirs[name]) {
			t.Fatalf("%s is %q, net/http has %q", name, v, theirs[name])
		}
	}
	if len(ours) != len(theirs) {
		t.Fatalf("fields %q, net/http has %q", ours, theirs)
	}
}

// compareBody decodes with both. Where this package accepts a body, net/http must find the same payload.
func compareBody(t *testing.T, d *Body, rest []byte, theirs io.ReadCloser) {
	t.Helper()
	payload, _, _, err := decode(d, rest, whole)
	if err != nil {
		return
	}
	got, err := io.ReadAll(theirs)
	if err != nil && strings.Contains(err.Error(), "trailer") {
		return // net/http limits a trailer section to what its reader has buffered
	}
	if spaceBeforeExtension(d, err) {
		return
	}
	if err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("body %q, net/http has %q, %v", payload, got, err)
	}
}

// spaceBeforeExtension reports whether net/http has refused what stands behind the size of a response's chunk: it has white space
// there, but not where an extension follows (RFC 9112 7.1.1).
func spaceBeforeExtension(d *Body, err error) bool {
	return d.chunked.reply && err != nil && strings.Contains(err.Error(), "invalid byte in chunk length")
}

func FuzzRequest(f *testing.F) {
	addSeeds(f, func(s string) { f.Add([]byte(s)) })
	f.Fuzz(func(t *testing.T, msg []byte) {
		var r Request
		r.Init(Limits{})
		n, err := r.Parse(msg)
		if err != nil || n == 0 {
			return
		}
		head := msg[:n]
		q, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(msg)))
		if err != nil {
			if stricterThanUs(&r, msg, err) == "" {
				t.Fatalf("net/http refuses: %v", err)
			}
			return
		}
		if q.Method != string(r.MethodName.Of(head)) || q.RequestURI != string(r.Target.Of(head)) ||
			q.ProtoMajor != 1 || min(q.ProtoMinor, 1) != r.Minor() {
			t.Fatalf("request line %s, net/http has %s %s %s", head, q.Method, q.RequestURI, q.Proto)
		}
		if strings.TrimSuffix(q.Host, ":") != string(r.Host.Of(head)) {
			t.Fatalf("host %q, net/http has %q", r.Host.Of(head), q.Host)
		}
		if q.Close == r.KeepAlive {
			t.Fatalf("keep-alive %v, net/http has close %v", r.KeepAlive, q.Close)
		}
		length := r.ContentLength
		if r.Body == FramingChunked {
			length = -1
		}
		if q.ContentLength != length {
			t.Fatalf("length %d, net/http has %d", length, q.ContentLength)
		}
		ours := fieldsOf(&r.Head, head)
		delete(ours, "Host")
		compareFields(t, ours, q.Header)
		var d Body
		r.InitBody(&d, head)
		compareBody(t, &d, msg[n:], q.Body)
	})
}

func FuzzResponse(f *testing.F) {
	addResponseSeeds(func(s string) {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	})
	f.Fuzz(func(t *testing.T, msg []byte, isHead bool) {
		method, name := MethodGet, "GET"
		if isHead {
			method, name = MethodHead, "HEAD"
		}
		var r Response
		r.Init(Limits{}, method)
		n, err := r.Parse(msg)
		if err != nil || n == 0 {
			return
		}
		head := msg[:n]
		p, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(msg)), &http.Request{Method: name})
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		if p.StatusCode != r.Status || min(p.ProtoMinor, 1) != r.Minor() {
			t.Fatalf("%d in 1.%d, net/http has %d in %s", r.Status, r.Minor(), p.StatusCode, p.Proto)
		}
		ours := fieldsOf(&r.Head, head)
		delete(ours, "Connection") // net/http takes it out when it means close
		delete(p.Header, "Connection")
		compareFields(t, ours, p.Header)
		if r.Body != FramingNone || r.Status == 304 {
			if length := p.ContentLength; r.Body == FramingLength && length != r.ContentLength {
				t.Fatalf("length %d, net/http has %d", r.ContentLength, length)
			}
		}
		var d Body
		r.InitBody(&d, head)
		compareBody(t, &d, msg[n:], p.Body)
	})
}

// FuzzChunked compares the decoder, fed in pieces, with itself and with net/http.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "a;x=y\r\n0123456789\r\n0\r\nX: y\r\nHost: z\r\n\r\n",
		"1 \r\nx\r\n0\r\n\r\n", "1\nx\n0\n\n", "7fffffffffffffff\r\nx", "00000001\r\nx\r\n00\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		var d Body
		d.Init(FramingChunked, 0, true)
		payload, trailer, used, err := decode(&d, in, whole)
		trailer = bytes.Clone(trailer)
		for _, cut := range []func(int) int{one, func(int) int { return int(piece) }} {
			d.Init(FramingChunked, 0, true)
			p, tr, u, e := decode(&d, in, cut)
			if e != err || err == nil && (u != used || !bytes.Equal(p, payload) || !bytes.Equal(tr,
				trailer)) {
				t.Fatalf("in pieces %q, %q, %d, %v; whole %q, %q, %d, %v", p, tr, u, e, payload, trailer,
					used, err)
			}
		}
		if err != nil {
			return
		}
		msg := append([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), in[:used]...)
		p, err := http.ReadResponse(bufio.NewReaderSize(bytes.NewReader(msg), 1<<16), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(p.Body)
		if spaceBeforeExtension(&d, err) {
			return
		}
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("payload %q, net/http has %q, %v", payload, got, err)
		}
		for line := range strings.Lines(string(trailer)) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\r\n"), ":")
			if v := p.Trailer.Values(name); !slices.Contains(v, strings.Trim(value, " \t")) {
				t.Fatalf("trailer %q, net/http has %q", line, v)
			}
		}
	})
}

// FuzzSplit feeds heads in two pieces at every position and byte by byte, over old bytes.
func FuzzSplit(f *testing.F) {
	addSeeds(f, func(s string) { f.Add([]byte(s[:min(len(s), 300)]), false) })
	addResponseSeeds(func(s string) { f.Add([]byte(s), true) })
	f.Fuzz(func(t *testing.T, msg []byte, reply bool) {
		msg = msg[:min(len(msg), 400)]
		checkSplits(t, msg, Limits{}, reply)
		checkSplits(t, msg, Limits{HeadBytes: 120, LineBytes: 70, Headers: 3}, reply)
	})
}

// FuzzRoundTrip parses, writes and parses again: the second reader must understand what the first did, and nothing hop-by-hop
// may be left.
func FuzzRoundTrip(f *testing.F) {
	addSeeds(f, func(s string) { f.Add([]byte(s)) })
	f.Fuzz(func(t *testing.T, msg []byte) {
		var r, again Request
		r.Init(Limits{})
		n, err := r.Parse(msg)
		if err != nil || n == 0 {
			return
		}
		head := msg[:n]
		o := r.Out()
		o.Trailers = false
		if r.Host.Len() == 0 {
			o.Host = []byte("default")
		}
		sent := r.AppendForward(nil, head, &o)
		if len(sent) > r.ForwardMax(&o) {
			t.Fatalf("%d bytes, announced %d", len(sent), r.ForwardMax(&o))
		}
		again.Init(Limits{HeadBytes: MaxHeadBytes, LineBytes: MaxHeadBytes, Headers: MaxHeaders})
		if n, err = again.Parse(sent); err != nil || n != len(sent) {
			t.Fatalf("%q became %q: %d, %v", head, sent, n, err)
		}
		host := string(r.Host.Of(head))
		if host == "" {
			host = "default"
		}
		if again.Method != r.Method || again.Body != r.Body || again.ContentLength != r.ContentLength ||
			string(again.Host.Of(sent)) != host || string(again.Query.Of(sent)) != string(r.Query.Of(head)) {
			t.Fatalf("%q became %q", head, sent)
		}
		for _, id := range []ID{IDConnection, IDKeepAlive, IDProxyConnection, IDTE, IDUpgrade,
			IDProxyAuthorization} {
			if again.Has(id) {
				t.Fatalf("%q became %q", head, sent)
			}
		}
		o = again.Out()
		if third := again.AppendForward(nil, sent, &o); !bytes.Equal(third, sent) &&
			r.Body == FramingNone && o.Host == nil {
			t.Fatalf("%q is forwarded as %q", sent, third)
		}
	})
}
