package route

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/edit"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// manyHosts are n routes of hosts of their own, a tenth of them wildcards.
func manyHosts(n int) (routes []*config.Route) {
	for i := range n {
		host := fmt.Sprintf("app%d.example.com", i)
		if i%10 == 9 {
			host = "*." + host
		}
		routes = append(routes, rt(host+" /"))
	}
	return routes
}

// manyPaths are n routes of one host, of all kinds of paths.
func manyPaths(n int) (routes []*config.Route) {
	for i := range n {
		routes = append(routes, rt(fmt.Sprintf([...]string{"- /api/v1/part%d/", "- /api/v1/part%d/*/x", "- /api/v1/part%d="}[i%3], i)))
	}
	return routes
}

var sizes = []int{1, 10, 100, 1000, 10000}

func benchFind(b *testing.B, table *Table, q *Query, want int) {
	if got := table.Find(q); got != want {
		b.Fatalf("route %d, want %d", got, want)
	}
	b.ReportAllocs()
	for b.Loop() {
		table.Find(q)
	}
}

func BenchmarkFind(b *testing.B) {
	path := []byte("/static/app/main.js")
	host := []byte("www.example.com")
	b.Run("case=everything", func(b *testing.B) {
		benchFind(b, compileOK(b, rt("- -")), &Query{Host: host, Path: path}, 0)
	})
	b.Run("case=slash", func(b *testing.B) {
		benchFind(b, compileOK(b, rt("- /")), &Query{Host: host, Path: path}, 0)
	})
	for _, n := range sizes {
		middle := n / 20 * 10
		b.Run(fmt.Sprintf("case=host/routes=%d", n), func(b *testing.B) {
			routes := manyHosts(n)
			benchFind(b, compileOK(b, routes...), &Query{Host: []byte(routes[middle].Hosts[0]), Path: path}, middle)
		})
		if n >= 10 {
			b.Run(fmt.Sprintf("case=wildcard/routes=%d", n), func(b *testing.B) {
				routes := manyHosts(n)
				host := []byte("x" + routes[middle+9].Hosts[0][1:])
				benchFind(b, compileOK(b, routes...), &Query{Host: host, Path: path}, middle+9)
			})
		}
		b.Run(fmt.Sprintf("case=path/routes=%d", n), func(b *testing.B) {
			i := n / 6 * 3
			p := []byte(fmt.Sprintf("/api/v1/part%d/main.js", i))
			benchFind(b, compileOK(b, manyPaths(n)...), &Query{Host: host, Path: p}, i)
		})
	}
	b.Run("case=conditions", func(b *testing.B) {
		routes, q := conditional(b)
		benchFind(b, compileOK(b, routes...), q, 1)
	})
}

// conditional is routes with conditions of all kinds, and a request for the second.
func conditional(t testing.TB) ([]*config.Route, *Query) {
	msg := []byte("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nX-Version: 2\r\n\r\n")
	req := &http1.Request{}
	req.Init(http1.Limits{})
	if n, err := req.Parse(msg); n != len(msg) {
		t.Fatal(err)
	}
	version := func(v string) *config.Route {
		return on(rt("A.b.c,*.b.c /api/"), func(r *config.Route) {
			r.Methods = []string{"POST", "GET"}
			r.Headers = []config.Match{{Name: "x-version", Value: v}, {Name: "x-none", Absent: true}}
			r.Query = []config.Match{{Name: "a b", Value: "c d"}}
			r.Clients = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")}
		})
	}
	return []*config.Route{version("1"), version("2")}, &Query{
		Host: []byte("X.b.c"), Path: []byte("/api/a%2Fb"), RawQuery: []byte("x=1&a+b=c%20d"), Method: []byte("GET"),
		Client: netip.MustParseAddr("::ffff:192.0.2.1"), Fields: &head{&req.Head, msg},
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	routes, q := conditional(t)
	table := compileOK(t, routes...)
	if i := table.Find(q); i != 1 {
		t.Fatal(i)
	}
	if n := testing.AllocsPerRun(100, func() { table.Find(q) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	many := compileOK(t, append(manyHosts(100), manyPaths(100)...)...)
	q = &Query{Host: []byte("app59.example.com"), Path: []byte("/api/v1/part3/x")}
	if n := testing.AllocsPerRun(100, func() { many.Find(q) }); n != 0 {
		t.Errorf("%v allocations among many routes", n)
	}
}

var benchPaths = []struct{ name, path string }{
	{"root", "/"},
	{"short", "/static/app.js"},
	{"long", "/api/v1/projects/12345/repositories/main/commits/0123456789abcdef0123456789abcdef01234567/files"},
	{"escape", "/api/v1/caf%C3%A9/menu"},
	{"dots", "/api/v1/../v2/%7euser//x"},
}

func TestPathsDoNotAllocate(t *testing.T) {
	dst, out := make([]byte, 0, 256), make([]byte, 0, 256)
	rewrite := &config.Rewrite{Strip: "/api", Add: "/new"}
	redirect := redirectOK(t, config.Redirect{Status: 308, HTTPS: true})
	v := &edit.Values{edit.Host: []byte("a.example"), edit.Query: []byte("a=b")}
	for _, c := range benchPaths {
		p := []byte(c.path)
		n := testing.AllocsPerRun(100, func() {
			v[edit.Path], _, _ = Normalize(dst, p)
			out = AppendRewrite(out[:0], v[edit.Path], rewrite)
			out, _ = redirect.Append(out[:0], v)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.path, n)
		}
	}
}

func BenchmarkNormalize(b *testing.B) {
	for _, c := range benchPaths {
		b.Run("path="+c.name, func(b *testing.B) {
			p, dst := []byte(c.path), make([]byte, 0, 256)
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				Normalize(dst, p)
			}
		})
	}
}

func BenchmarkRedirect(b *testing.B) {
	r := redirectOK(b, config.Redirect{Status: 308, HTTPS: true})
	v := &edit.Values{edit.Host: []byte("www.example.com"), edit.Path: []byte("/static/app.js"), edit.Query: []byte("v=1")}
	dst := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = r.Append(dst[:0], v)
	}
}
