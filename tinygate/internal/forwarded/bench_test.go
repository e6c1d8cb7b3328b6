package forwarded

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

const fields = "User-Agent: Mozilla/5.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\nCookie: a=b\r\n" +
	"Sec-Fetch-Mode: navigate\r\nReferer: https://www.example.com/\r\nCache-Control: no-cache\r\n\r\n"

// cases are a client that connects itself and one behind two proxies.
var cases = []struct{ name, peer, head string }{
	{"client", "203.0.113.9", "GET / HTTP/1.1\r\nHost: www.example.com\r\n" + fields},
	{"proxied", "10.0.0.1", "GET / HTTP/1.1\r\nHost: www.example.com\r\nX-Forwarded-For: 203.0.113.9, 10.1.1.1\r\n" +
		"X-Forwarded-Proto: https\r\n" + fields},
}

// manyNetworks is as many as a large content delivery network publishes.
func manyNetworks() (p []netip.Prefix) {
	for i := range 200 {
		p = append(p, netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i)), netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/48", i)))
	}
	return p
}

// once returns what is done for each request, without the parsing.
func once(t testing.TB, peer, text string) func() {
	var req http1.Request
	req.Init(http1.Limits{})
	head := []byte(text)
	if n, err := req.Parse(head); n != len(head) || err != nil {
		t.Fatal(err)
	}
	var c Conn
	c.Init(New(Options{Trusted: manyNetworks()}), netip.MustParseAddr(peer), false)
	dst := make([]byte, 0, 1024)
	return func() {
		cl := c.Resolve(&req, head)
		dst = c.AppendFields(dst[:0], &req, head, &cl)
	}
}

func TestDoesNotAllocate(t *testing.T) {
	for _, c := range cases {
		if n := testing.AllocsPerRun(100, once(t, c.peer, c.head)); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
	var c Conn
	r, a := New(Options{SendRFC7239: true}), netip.MustParseAddr("2001:db8::1")
	c.Init(r, a, false)
	if n := testing.AllocsPerRun(100, func() { c.Init(r, a, true) }); n != 0 {
		t.Errorf("a second Init: %v allocations", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			fn := once(b, c.peer, c.head)
			b.ReportAllocs()
			for b.Loop() {
				fn()
			}
		})
	}
}

func BenchmarkTrusts(b *testing.B) {
	r := New(Options{Trusted: manyNetworks()})
	for _, a := range []string{"10.77.1.1", "203.0.113.9", "2001:db8:77::1"} {
		b.Run(a, func(b *testing.B) {
			a := netip.MustParseAddr(a)
			for b.Loop() {
				r.Trusts(a)
			}
		})
	}
}
