package forwarded

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// model finds the client with strings and net/netip, as a person would write it down.
func model(peer netip.Addr, lines []string) netip.Addr {
	trusts := func(a netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	list := strings.Split(strings.Join(lines, ","), ",")
	for i := len(list) - 1; i >= 0 && trusts(peer); i-- {
		e := strings.Trim(list[i], " \t")
		if e == "" {
			continue
		}
		if p, err := netip.ParseAddrPort(e); err == nil {
			e = p.Addr().String()
		} else if strings.HasPrefix(e, "[") && strings.HasSuffix(e, "]") && strings.Contains(e, ":") {
			e = e[1 : len(e)-1]
		}
		a, err := netip.ParseAddr(e)
		if err != nil || a.Zone() != "" {
			break
		}
		peer = a.Unmap()
	}
	return peer
}

// FuzzXForwardedFor compares with the model. Ports are left out where the two differ in what a port may look like.
func FuzzXForwardedFor(f *testing.F) {
	for _, s := range []string{"1.1.1.1, 10.1.1.1", "10.1.1.1,,2001:db8:1::1 , [2001:db8:1::1]:80", "unknown, 10.1.1.1", "[::1]", "1.1.1.1:80",
		"::ffff:10.0.0.1, ::ffff:1.2.3.4,10.0.0.2"} {
		f.Add(s, "10.2.2.2")
		f.Add("9.9.9.9", s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		head := []byte("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: " + one + "\r\nX-Forwarded-For: " + two + "\r\n\r\n")
		if strings.ContainsAny(one+two, "_%+") || len(head) > 4000 || strings.Contains(one+two, ":0") {
			return
		}
		var req http1.Request
		req.Init(http1.Limits{})
		if n, err := req.Parse(head); n != len(head) || err != nil {
			return
		}
		var c Conn
		peer := netip.MustParseAddr("10.0.0.1")
		c.Init(New(Options{Trusted: proxies, SendRFC7239: true}), peer, false)
		cl := c.Resolve(&req, head)
		if want := model(peer, []string{one, two}); cl.Addr != want {
			t.Fatalf("%q, %q: %v, the model says %v", one, two, cl.Addr, want)
		}
		checkSent(t, &c, &req, head, &cl)
	})
}

// FuzzForwarded looks for what must hold whatever is said.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{`for=1.1.1.1`, `for="[2001:db8:1::1]:80";proto=https, for=10.1.1.1`, `for="`, `for=_x`, `a="\",";for=10.1.1.1`,
		`for=10.1.1.1;host="a:1"`} {
		f.Add(s, `for=10.2.2.2`)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		head := []byte("GET / HTTP/1.1\r\nHost: h\r\nForwarded: " + one + "\r\nForwarded: " + two + "\r\n\r\n")
		var req http1.Request
		req.Init(http1.Limits{})
		if n, err := req.Parse(head); n != len(head) || err != nil {
			return
		}
		var c Conn
		c.Init(New(Options{Trusted: proxies, Read: Forwarded, SendRFC7239: true}), netip.MustParseAddr("10.0.0.1"), true)
		cl := c.Resolve(&req, head)
		checkSent(t, &c, &req, head, &cl)
		// What a proxy appends must be read, whatever stands on its left.
		head = []byte("GET / HTTP/1.1\r\nHost: h\r\nForwarded: " + one + ", for=203.0.113.7;host=\"h:1\", for=10.1.1.1\r\n\r\n")
		req.Reset()
		if n, err := req.Parse(head); n != len(head) || err != nil {
			return
		}
		if cl := c.Resolve(&req, head); cl.Addr.String() != "203.0.113.7" {
			t.Fatalf("%q on the left makes the client %v", one, cl.Addr)
		}
	})
}

// checkSent parses what goes to the upstream and asks the next gate, which trusts us: it must find the same client.
func checkSent(t *testing.T, c *Conn, req *http1.Request, head []byte, cl *Client) {
	t.Helper()
	o := req.Out()
	o.Extra = c.AppendFields(nil, req, head, cl)
	sent := req.AppendForward(nil, head, &o)
	var next http1.Request
	next.Init(http1.Limits{HeadBytes: http1.MaxHeadBytes, LineBytes: http1.MaxHeadBytes})
	if n, err := next.Parse(sent); n != len(sent) || err != nil {
		t.Fatalf("%q is not a head: %v", sent, err)
	}
	for _, read := range []Field{XForwardedFor, Forwarded} {
		var nc Conn
		nc.Init(New(Options{Trusted: proxies, Read: read}), netip.MustParseAddr("10.9.9.9"), false)
		got := nc.Resolve(&next, sent)
		if got.Addr != cl.Addr || got.HTTPS != cl.HTTPS {
			t.Fatalf("the next one finds %v, %v in\n%s\nwe have %v, %v", got.Addr, got.HTTPS, sent, cl.Addr, cl.HTTPS)
		}
	}
}
