package forwarded

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

func prefixes(s ...string) (p []netip.Prefix) {
	for _, s := range s {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// proxies are trusted in all tests.
var proxies = prefixes("10.0.0.0/8", "192.168.1.1/32", "2001:db8:1::/48")

// ask parses a request with the given field lines and returns the client and the lines that go to the upstream, those
// that are copied and those that are appended. No peer is one of a Unix socket, and one that is no address is not known.
func ask(t testing.TB, o Options, peer string, https bool, lines ...string) (Client, string) {
	t.Helper()
	head := []byte("GET / HTTP/1.1\r\n" + strings.Join(append([]string{"Host: h:1"}, lines...), "\r\n") + "\r\n\r\n")
	var req http1.Request
	req.Init(http1.Limits{})
	if _, err := req.Parse(head); err != nil {
		t.Fatal(err)
	}
	var c Conn
	c.InitUnix(New(o), !https) // a second Init must not keep anything
	if a, err := netip.ParseAddr(peer); err == nil || peer != "" {
		c.Init(New(o), a, https)
	} else {
		c.InitUnix(New(o), https)
	}
	cl := c.Resolve(&req, head)
	out := c.AppendFields(nil, &req, head, &cl)
	for i := 0; i < req.Len(); {
		run, next := req.Run(i)
		out = append(out, run.Of(head)...)
		i = next
	}
	return cl, strings.TrimSuffix(strings.ReplaceAll(string(out), "\r\nHost: h:1\r\n", "\r\n"), "\r\n")
}

// Who the client is, for what the peer at 10.0.0.1, which is trusted, has put into X-Forwarded-For or Forwarded.
func TestClient(t *testing.T) {
	for _, c := range []struct {
		name   string
		read   Field
		lines  []string
		client string
	}{
		{"nothing", 0, nil, "10.0.0.1"},
		{"empty", 0, []string{"X-Forwarded-For:"}, "10.0.0.1"},
		{"commas", 0, []string{"X-Forwarded-For: , ,,"}, "10.0.0.1"},
		{"one", 0, []string{"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7"},
		{"the last one not trusted", 0, []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.7, 10.1.1.1"}, "203.0.113.7"},
		{"no spaces", 0, []string{"X-Forwarded-For: 1.1.1.1,203.0.113.7,10.1.1.1"}, "203.0.113.7"},
		{"empty elements", 0, []string{"X-Forwarded-For: 203.0.113.7, , 10.1.1.1,"}, "203.0.113.7"},
		{"several lines", 0, []string{"X-Forwarded-For: 1.1.1.1", "x-forwarded-for: 203.0.113.7", "X: y",
			"X-Forwarded-For: 10.1.1.1, 192.168.1.1"}, "203.0.113.7"},
		{"all trusted", 0, []string{"X-Forwarded-For: 10.3.3.3, 10.2.2.2"}, "10.3.3.3"},
		{"port", 0, []string{"X-Forwarded-For: 203.0.113.7:4711"}, "203.0.113.7"},
		{"ipv6", 0, []string{"X-Forwarded-For: 2001:db8:2::7, 2001:db8:1::1"}, "2001:db8:2::7"},
		{"ipv6 in brackets", 0, []string{"X-Forwarded-For: [2001:db8:2::7]"}, "2001:db8:2::7"},
		{"ipv6 with a port", 0, []string{"X-Forwarded-For: [2001:db8:2::7]:443"}, "2001:db8:2::7"},
		{"ipv4 within ipv6", 0, []string{"X-Forwarded-For: 203.0.113.7, ::ffff:10.1.1.1"}, "203.0.113.7"},
		{"unknown", 0, []string{"X-Forwarded-For: 203.0.113.7, unknown"}, "10.0.0.1"},
		{"unknown before a proxy", 0, []string{"X-Forwarded-For: 203.0.113.7, unknown, 10.1.1.1"}, "10.1.1.1"},
		{"a name", 0, []string{"X-Forwarded-For: localhost"}, "10.0.0.1"},
		{"a zone", 0, []string{"X-Forwarded-For: fe80::1%eth0"}, "10.0.0.1"},
		{"quoted", 0, []string{`X-Forwarded-For: "203.0.113.7"`}, "10.0.0.1"},
		{"bad port", 0, []string{"X-Forwarded-For: 203.0.113.7:x"}, "10.0.0.1"},
		{"ipv4 in brackets", 0, []string{"X-Forwarded-For: [203.0.113.7]"}, "10.0.0.1"},
		{"a bracket that does not end", 0, []string{"X-Forwarded-For: [2001:db8::7"}, "10.0.0.1"},
		{"forwarded is not read", 0, []string{"Forwarded: for=203.0.113.7"}, "10.0.0.1"},

		{"x-forwarded-for is not read", Forwarded, []string{"X-Forwarded-For: 203.0.113.7"}, "10.0.0.1"},
		{"for", Forwarded, []string{"Forwarded: for=203.0.113.7"}, "203.0.113.7"},
		{"For", Forwarded, []string{"Forwarded: by=10.0.0.1;For=203.0.113.7 ; proto=https"}, "203.0.113.7"},
		{"for quoted", Forwarded, []string{`Forwarded: for="203.0.113.7:4711"`}, "203.0.113.7"},
		{"for ipv6", Forwarded, []string{`Forwarded: for="[2001:db8:2::7]:4711", for="[2001:db8:1::1]"`}, "2001:db8:2::7"},
		{"hidden port", Forwarded, []string{`Forwarded: for="203.0.113.7:_x.1"`}, "203.0.113.7"},
		{"hidden", Forwarded, []string{"Forwarded: for=203.0.113.7, for=_hidden, for=10.1.1.1"}, "10.1.1.1"},
		{"for unknown", Forwarded, []string{"Forwarded: for=unknown"}, "10.0.0.1"},
		{"no for", Forwarded, []string{"Forwarded: for=203.0.113.7, proto=https"}, "10.0.0.1"},
		{"two for", Forwarded, []string{"Forwarded: for=203.0.113.7;for=10.1.1.1"}, "10.0.0.1"},
		{"not pairs", Forwarded, []string{"Forwarded: 203.0.113.7"}, "10.0.0.1"},
		{"empty pairs", Forwarded, []string{"Forwarded: ;for=203.0.113.7;"}, "203.0.113.7"},
		{"comma in quotes", Forwarded, []string{`Forwarded: for=203.0.113.7;x="a,for=1.1.1.1"`}, "203.0.113.7"},
		{"semicolon in quotes", Forwarded, []string{`Forwarded: x=";for=1.1.1.1";for=203.0.113.7`}, "203.0.113.7"},
		{"escaped quote", Forwarded, []string{`Forwarded: for=1.1.1.1, for=203.0.113.7;x="a\", for=2.2.2.2"`}, "203.0.113.7"},
		{"escaped quote in a host", Forwarded, []string{`Forwarded: for=203.0.113.7;host="a\", for=2.2.2.2"`}, "10.0.0.1"},
		{"escaped backslash", Forwarded, []string{`Forwarded: for=203.0.113.7;x=y, for=10.1.1.1;x="\\\\"`}, "203.0.113.7"},
		{"a quote on the left that does not end", Forwarded, []string{`Forwarded: for=", for=203.0.113.7`}, "203.0.113.7"},
		{"a quote on the left that nearly ends", Forwarded, []string{`Forwarded: for="x\", for=203.0.113.7;proto="http"`}, "203.0.113.7"},
		{"lines", Forwarded, []string{"Forwarded: for=1.1.1.1, for=203.0.113.7", "Forwarded: for=10.1.1.1"}, "203.0.113.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Trusted: proxies, Read: c.read}
			if cl, _ := ask(t, o, "10.0.0.1", false, c.lines...); cl.Addr.String() != c.client || !cl.Trusted {
				t.Errorf("got %v, want %s", cl.Addr, c.client)
			}
			if cl, _ := ask(t, o, "203.0.113.9", false, c.lines...); cl.Addr.String() != "203.0.113.9" || cl.Trusted || cl.HTTPS {
				t.Errorf("a peer that is not trusted is taken for %v", cl.Addr)
			}
		})
	}
}

// spoofed is all that a client could say about itself.
var spoofed = []string{"X-Forwarded-For: 9.9.9.9", "x-forwarded-for: 9.9.9.8", "X_Forwarded_For: 9.9.9.9", "X-Real-IP: 9.9.9.9",
	"x_real_ip: 9.9.9.9", "X-FORWARDED-PROTO: https", "X-Forwarded-Host: evil", "X-Forwarded-Port: 9", "X-Forwarded-Prefix: /9",
	"Forwarded: for=9.9.9.9;host=evil", "X-Forward: mine"}

// What the upstream gets, appended lines first.
func TestFields(t *testing.T) {
	const rfc = true
	for _, c := range []struct {
		name  string
		o     Options
		peer  string
		https bool
		lines []string
		want  []string
	}{
		{"client", Options{}, "203.0.113.9", false, nil, []string{"X-Forwarded-For: 203.0.113.9", "X-Real-IP: 203.0.113.9",
			"X-Forwarded-Proto: http", "X-Forwarded-Host: h:1"}},
		{"client by https", Options{SendRFC7239: rfc}, "2001:db8::9", true, nil, []string{"X-Forwarded-For: 2001:db8::9",
			"X-Real-IP: 2001:db8::9", "X-Forwarded-Proto: https", "X-Forwarded-Host: h:1",
			`Forwarded: for="[2001:db8::9]";proto=https;host="h:1"`}},
		{"a zone is ours alone", Options{}, "fe80::9%eth0", false, nil, []string{"X-Forwarded-For: fe80::9", "X-Real-IP: fe80::9",
			"X-Forwarded-Proto: http", "X-Forwarded-Host: h:1"}},
		{"spoofed", Options{Trusted: proxies, SendRFC7239: rfc}, "203.0.113.9", false, spoofed, []string{"X-Forwarded-For: 203.0.113.9",
			"X-Real-IP: 203.0.113.9", "X-Forwarded-Proto: http", "X-Forwarded-Host: h:1",
			`Forwarded: for=203.0.113.9;proto=http;host="h:1"`, "X-Forward: mine"}},
		{"spoofed from a unix socket", Options{Trusted: proxies}, "", false, spoofed, []string{"X-Forwarded-Proto: http",
			"X-Forwarded-Host: h:1", "X-Forward: mine"}},
		{"spoofed by a client of TCP that has gone", Options{TrustUnix: true}, "gone", false, spoofed,
			[]string{"X-Forwarded-Proto: http", "X-Forwarded-Host: h:1", "X-Forward: mine"}},
		{"trusted and silent", Options{Trusted: proxies, SendRFC7239: rfc}, "10.0.0.1", false, nil, []string{"X-Forwarded-For: 10.0.0.1",
			"X-Real-IP: 10.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: h:1", `Forwarded: for=10.0.0.1;proto=http;host="h:1"`}},
		{"trusted", Options{Trusted: proxies, SendRFC7239: rfc}, "10.0.0.1", false,
			[]string{"X-Forwarded-For: 1.1.1.1, 203.0.113.7,10.1.1.1", "X-Forwarded-For: 10.2.2.2", "X-Forwarded-Proto: HTTPS",
				"X-Forwarded-Host: www:8443", "X-Forwarded-Port: 8443", "X_Forwarded_Port: 9", "X-Real-IP: 9.9.9.9", "x_real_ip: 9.9.9.9",
				"Forwarded: for=9.9.9.9"},
			[]string{"X-Forwarded-For: 203.0.113.7,10.1.1.1, 10.2.2.2, 10.0.0.1", "X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: https",
				"X-Forwarded-Host: www:8443",
				`Forwarded: for=203.0.113.7;proto=https;host="www:8443", for=10.0.0.1;proto=http;host="h:1"`, "X-Forwarded-Port: 8443"}},
		{"trusted, hidden client", Options{Trusted: proxies}, "10.0.0.1", true, []string{"X-Forwarded-For: 1.1.1.1, unknown"},
			[]string{"X-Forwarded-For: 10.0.0.1", "X-Real-IP: 10.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: h:1"}},
		{"trusted, said twice", Options{Trusted: proxies}, "10.0.0.1", false, []string{"X-Forwarded-For: 203.0.113.7",
			"X-Forwarded-Proto: https", "X-Forwarded-Proto: http", "X-Forwarded-Host: a", "X-Forwarded-Host: b"},
			[]string{"X-Forwarded-For: 203.0.113.7, 10.0.0.1", "X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: http", "X-Forwarded-Host: h:1"}},
		{"trusted, said badly", Options{Trusted: proxies}, "10.0.0.1", false, []string{"X-Forwarded-For: 203.0.113.7",
			"X-Forwarded-Proto: https, http", "X-Forwarded-Host: a b"},
			[]string{"X-Forwarded-For: 203.0.113.7, 10.0.0.1", "X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: http", "X-Forwarded-Host: h:1"}},
		{"websocket", Options{Trusted: proxies}, "10.0.0.1", false, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: wss"},
			[]string{"X-Forwarded-For: 203.0.113.7, 10.0.0.1", "X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: h:1"}},
		{"forwarded", Options{Trusted: proxies, Read: Forwarded, SendRFC7239: rfc}, "10.0.0.1", false,
			[]string{`Forwarded: for=1.1.1.1, for=203.0.113.7;proto=https;host="www:1"`, "Forwarded: for=10.1.1.1;proto=http",
				"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: http", "X-Forwarded-Host: evil"},
			[]string{"X-Forwarded-For: 203.0.113.7, 10.0.0.1", "X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: www:1",
				`Forwarded: for=203.0.113.7;proto=https;host="www:1", for=10.1.1.1;proto=http, for=10.0.0.1;proto=http;host="h:1"`}},
		{"others beside forwarded", Options{Trusted: proxies, Read: Forwarded}, "10.0.0.1", false,
			[]string{"Forwarded: for=203.0.113.7;proto=https", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /evil", "X-Forwarded-Ssl: on",
				"X-Forward: mine"},
			[]string{"X-Forwarded-For: 203.0.113.7, 10.0.0.1", "X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: h:1",
				"X-Forward: mine"}},
		{"unix socket", Options{TrustUnix: true, SendRFC7239: rfc}, "", false,
			[]string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"},
			[]string{"X-Forwarded-For: 203.0.113.7", "X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: h:1",
				`Forwarded: for=203.0.113.7;proto=https;host="h:1", for=unknown;proto=http;host="h:1"`}},
		{"unix socket that is silent", Options{TrustUnix: true, SendRFC7239: rfc}, "", false, nil,
			[]string{"X-Forwarded-Proto: http", "X-Forwarded-Host: h:1", `Forwarded: for=unknown;proto=http;host="h:1"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := ask(t, c.o, c.peer, c.https, c.lines...)
			if want := strings.Join(c.want, "\r\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestNoHost(t *testing.T) {
	head := []byte("GET / HTTP/1.0\r\n\r\n")
	var req http1.Request
	req.Init(http1.Limits{})
	if _, err := req.Parse(head); err != nil {
		t.Fatal(err)
	}
	var c Conn
	c.Init(New(Options{SendRFC7239: true}), netip.MustParseAddr("1.2.3.4"), false)
	cl := c.Resolve(&req, head)
	const want = "X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Forwarded-Proto: http\r\nForwarded: for=1.2.3.4;proto=http\r\n"
	if got := string(c.AppendFields(nil, &req, head, &cl)); got != want {
		t.Errorf("got %q", got)
	}
}

func TestTrusts(t *testing.T) {
	for _, c := range []struct {
		set     string
		yes, no string
	}{
		{"", "", "0.0.0.0 :: 10.0.0.1"},
		{"0.0.0.0/0", "0.0.0.0 255.255.255.255 ::ffff:1.2.3.4", ":: ::1"},
		{"::/0", ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe80::1%eth0", "1.2.3.4 ::ffff:1.2.3.4"},
		{"10.1.2.3/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0"},
		{"10.0.0.0/8 10.1.0.0/16 10.0.0.0/16 10.255.255.255/32 11.0.0.0/32", "10.0.0.0 10.1.2.3 10.2.0.0 10.255.255.255 11.0.0.0",
			"9.255.255.255 11.0.0.1"},
		{"10.0.0.0/8 12.0.0.0/8 14.0.0.0/8 10.0.0.1/32", "10.0.0.1 12.0.0.1 14.0.0.1", "11.0.0.1 13.0.0.1 15.0.0.1 9.0.0.1"},
		{"::ffff:10.0.0.0/104", "10.1.1.1 ::ffff:10.1.1.1", "11.1.1.1 ::10.1.1.1"},
		{"2001:db8::/33 2001:db8::/32 2001:db8:1::/48 fd00::/7 ::1/128", "2001:db8:ffff::1 ::1 fdff::1 fc00::", "2001:db9:: :: fe00::"},
	} {
		r := New(Options{Trusted: prefixes(strings.Fields(c.set)...)})
		for _, a := range strings.Fields(c.yes) {
			if !r.Trusts(netip.MustParseAddr(a)) {
				t.Errorf("%s: %s is not trusted", c.set, a)
			}
		}
		for _, a := range strings.Fields(c.no) {
			if r.Trusts(netip.MustParseAddr(a)) {
				t.Errorf("%s: %s is trusted", c.set, a)
			}
		}
	}
	if New(Options{}).Trusts(netip.Addr{}) {
		t.Error("no address is trusted")
	}
}
