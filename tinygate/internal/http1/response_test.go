package http1

import (
	"fmt"
	"strings"
	"testing"
)

var acceptedResponses = []struct {
	request Method
	head    string
	want    string
}{
	{MethodGet, lines("HTTP/1.1 200 OK", "Content-Length: 3"), "200 OK length 3 keep"},
	{MethodGet, lines("HTTP/1.1 200 OK", "Content-Length: 0"), "200 OK length 0 keep"},
	{MethodGet, lines("HTTP/1.1 200 ", "Content-Length: 3"), "200  length 3 keep"},
	{MethodGet, lines("HTTP/1.1 200", "Content-Length: 3"), "200  length 3 keep"},
	{MethodGet, lines("HTTP/1.1 200 \xc3\xa9\ta"), "200 \xc3\xa9\ta close -1"},
	{MethodGet, lines("HTTP/1.1 299 OK", "Transfer-Encoding: chunked"), "299 OK chunked -1 keep"},
	{MethodGet, lines("HTTP/1.1 200 OK", "Content-Length: 3", "Connection: close"), "200 OK length 3"},
	{MethodGet, lines("HTTP/1.0 200 OK", "Content-Length: 3"), "200 OK length 3"},
	{MethodGet, lines("HTTP/1.0 200 OK", "Content-Length: 3", "Connection: keep-alive"),
		"200 OK length 3 keep"},
	{MethodGet, lines("HTTP/1.0 200 OK", "Connection: keep-alive"), "200 OK close -1"},
	{MethodHead, lines("HTTP/1.1 200 OK", "Content-Length: 3"), "200 OK none 3 keep"},
	{MethodHead, lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), "200 OK none -1 keep"},
	{MethodHead, lines("HTTP/1.1 200 OK"), "200 OK none -1 keep"},
	{MethodGet, lines("HTTP/1.1 304 Not Modified", "Content-Length: 3"), "304 Not Modified none 3 keep"},
	{MethodGet, lines("HTTP/1.1 204 No Content"), "204 No Content none -1 keep"},
	{MethodGet, lines("HTTP/1.1 204 No Content", "Content-Length: 0"), "204 No Content none 0 keep"},
	{MethodGet, lines("HTTP/1.1 204 No Content", "Content-Length: 3"), "204 No Content none 3"},
	{MethodGet, lines("HTTP/1.1 204 No Content", "Transfer-Encoding: chunked"), "204 No Content none -1"},
	{MethodGet, lines("HTTP/1.1 100 Continue"), "100 Continue none -1 keep interim"},
	{MethodGet, lines("HTTP/1.1 103 Early Hints", "Link: x"), "103 Early Hints none -1 keep interim"},
	{MethodGet, lines("HTTP/1.1 101 Switching", "Upgrade: websocket", "Connection: Upgrade"),
		"101 Switching none -1 tunnel upgrade=websocket"},
	{MethodConnect, lines("HTTP/1.1 200 OK", "Content-Length: 3"), "200 OK none 3 tunnel"},
	{MethodConnect, lines("HTTP/1.1 407 No", "Content-Length: 3"), "407 No length 3 keep"},
}

func describeResponse(r *Response, head []byte) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d %s %s %d", r.Status, r.Reason.Of(head),
		[...]string{"none", "length", "chunked", "close"}[r.Body], r.ContentLength)
	if r.KeepAlive {
		s.WriteString(" keep")
	}
	if r.Interim() {
		s.WriteString(" interim")
	}
	if r.Tunnel {
		s.WriteString(" tunnel")
	}
	if r.Upgrade.Len() > 0 {
		fmt.Fprintf(&s, " upgrade=%s", r.Upgrade.Of(head))
	}
	return s.String()
}

func TestResponseAccepted(t *testing.T) {
	for _, c := range acceptedResponses {
		var r Response
		r.Init(Limits{}, c.request)
		n, err := r.Parse([]byte(c.head + "abc"))
		if err != nil || n != len(c.head) {
			t.Errorf("%q: %d, %v", c.head, n, err)
			continue
		}
		if got := describeResponse(&r, []byte(c.head)); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.head, got, c.want)
		}
	}
}
