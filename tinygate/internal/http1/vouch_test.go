package http1

import (
	"strings"
	"testing"
)

// Content_Length and Transfer_Encoding reached the upstream, where CGI and its heirs take them for the real ones.
func TestUnderscoredFramingReachedTheUpstream(t *testing.T) {
	for _, field := range []string{"Content_Length: 5", "content_length: 5", "Transfer_Encoding: chunked", "TRANSFER_ENCODING: chunked"} {
		_, n, err := parseRequest(lines("POST / HTTP/1.1", "Host: a", "Content-Length: 0", field))
		if n != 0 || statusOf(err) != 400 || !strings.Contains(err.Error(), "underscore") {
			t.Errorf("%s: %d, %v", field, n, err)
		}
	}
	if _, n, err := parseRequest(lines("GET / HTTP/1.1", "Host: a", "Content_Lengths: 5", "Content_Type: x")); n == 0 || err != nil {
		t.Errorf("other names with underscores: %v", err)
	}
}

// A trailer section could say who the client is: X-Forwarded-Port, and all of them with underscores, were kept.
func TestTrailerVouchedForTheClient(t *testing.T) {
	var d Body
	d.Init(FramingChunked, 0, false)
	_, trailer, _, err := decode(&d, []byte("0\r\nX-Forwarded-Port: 1\r\nX_Forwarded_For: 2\r\nx_real_ip: 3\r\nX-Real-IP: 4\r\n"+
		"Content_Length: 5\r\nX-Forward: 6\r\n\r\n"), whole)
	if err != nil || string(trailer) != "X-Forward: 6\r\n" {
		t.Errorf("%q, %v", trailer, err)
	}
}

// Expect was sent on with a request that has no content, so that an upstream could send 100 and its reader take it for
// the response.
func TestExpectWithoutContentWasForwarded(t *testing.T) {
	for _, framing := range []string{"X: y", "Content-Length: 0"} {
		head := lines("GET / HTTP/1.1", "Host: a", "Expect: 100-continue", framing)
		r, _, err := parseRequest(head)
		if err != nil {
			t.Fatal(err)
		}
		o := r.Out()
		if out := string(r.AppendForward(nil, []byte(head), &o)); strings.Contains(out, "Expect") {
			t.Errorf("%q", out)
		}
	}
}
