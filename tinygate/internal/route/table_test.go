package route

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// rt makes a route of "HOST,HOST PATH": a path ends in "=" when it is exact, has a "*" when it is a pattern, and is else a
// prefix; "-" is any host or path.
func rt(text string) *config.Route {
	hosts, path, _ := strings.Cut(text, " ")
	r := &config.Route{Name: text}
	if hosts != "-" {
		r.Hosts = strings.Split(hosts, ",")
	}
	switch {
	case path == "-":
	case strings.HasSuffix(path, "="):
		r.Path = config.Path{Kind: config.PathExact, Text: strings.TrimSuffix(path, "=")}
	case strings.Contains(path, "*"):
		r.Path = config.Path{Kind: config.PathPattern, Text: path}
	default:
		r.Path = config.Path{Kind: config.PathPrefix, Text: path}
	}
	return r
}

func on(r *config.Route, change func(*config.Route)) *config.Route {
	change(r)
	return r
}

func compileOK(t testing.TB, routes ...*config.Route) *Table {
	t.Helper()
	table, err := Compile(routes)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func ask(table *Table, routes []*config.Route, method, url string) string {
	host, path, _ := strings.Cut(url, "/")
	path, query, _ := strings.Cut("/"+path, "?")
	i := table.Find(&Query{Host: []byte(host), Path: []byte(path), RawQuery: []byte(query), Method: []byte(method)})
	switch i {
	case None:
		return ""
	case Ambiguous:
		return "?"
	}
	return routes[i].Name
}

func TestPrecedence(t *testing.T) {
	for _, c := range []struct {
		name   string
		routes []string
		asks   []string // "HOST/PATH -> route"
	}{
		{"one for all", []string{"- -"}, []string{"a.b/x -> - -", "/ -> - -"}},
		{"hosts", []string{"- -", "*.example.com -", "*.b.example.com -", "a.b.example.com,example.com -"}, []string{
			"a.b.example.com/ -> a.b.example.com,example.com -", "A.B.EXAMPLE.com./ -> a.b.example.com,example.com -",
			"example.com/ -> a.b.example.com,example.com -",
			"x.b.example.com/ -> *.b.example.com -", "y.x.b.example.com/ -> *.b.example.com -",
			"b.example.com/ -> *.example.com -", ".example.com/ -> - -", "example.com../ -> - -", "com/ -> - -", "/ -> - -",
		}},
		{"the host comes before the path", []string{"*.b /x=", "a.b -"}, []string{"a.b/x -> a.b -", "c.b/x -> *.b /x=", "c.b/y -> "}},
		{"a less specific host when no path fits", []string{"a.b /x", "*.b /y", "- /"}, []string{
			"a.b/x -> a.b /x", "a.b/y -> *.b /y", "a.b/z -> - /",
		}},
		{"a long name has the routes for any host", []string{"*.b -", "- -"}, []string{
			strings.Repeat("a", 251) + ".b/ -> *.b -", strings.Repeat("a", 252) + ".b/ -> - -",
		}},
		{"prefixes", []string{"- -", "- /", "- /api", "- /api/", "- /api/v1/"}, []string{
			"/ -> - /", "/api -> - /api", "/apix -> - /", "/api/ -> - /api/", "/api/x -> - /api/", "/api/v1 -> - /api/", "/api/v1/ -> - /api/v1/",
		}},
		{"exact", []string{"- /a", "- /a/", "- /a/b=", "- /a/=", "- /a="}, []string{
			"/a -> - /a=", "/a/ -> - /a/=", "/a/b -> - /a/b=", "/a/b/ -> - /a/", "/A -> ",
		}},
		{"patterns", []string{"- /users/", "- /users/*/posts", "- /users/me/", "- /users/*", "- /users/*/**", "- /**"}, []string{
			"/users/me/posts -> - /users/me/", "/users/you/posts -> - /users/*/posts", "/users/you/x -> - /users/*/**",
			"/users/you -> - /users/*", "/users/me -> - /users/*", "/users/ -> - /users/", "/users -> - /**",
			"/users/you/posts/1 -> - /users/*/**", "/users/you/ -> - /users/*/**",
		}},
		{"the first segment that differs decides", []string{"- /*/b/c", "- /a/*/*", "- /a/**"}, []string{
			"/a/b/c -> - /a/*/*", "/x/b/c -> - /*/b/c", "/a/b -> - /a/**", "/x/b/d -> ",
		}},
		{"the first in the file of the equal", []string{"- /a/**", "- /a/", "- /a"}, []string{"/a/b -> - /a/**", "/a -> - /a"}},
		{"a literal star", []string{"- /*=", "- /a/*"}, []string{"/* -> - /*=", "/b -> ", "/a/* -> - /a/*"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var routes []*config.Route
			for _, text := range c.routes {
				routes = append(routes, rt(text))
			}
			table := compileOK(t, routes...)
			for _, a := range c.asks {
				url, want, _ := strings.Cut(a, " -> ")
				if got := ask(table, routes, "GET", url); got != want {
					t.Errorf("%s has the route %q, want %q", url, got, want)
				}
			}
		})
	}
}

// A node that gets many segments keeps all of them.
func TestManySegments(t *testing.T) {
	for n := range 3 * fewMax {
		var routes []*config.Route
		for i := range n + 1 {
			routes = append(routes, rt(fmt.Sprintf("- /s%d/", i)))
		}
		table := compileOK(t, routes...)
		for i := range routes {
			if got := table.Find(&Query{Path: fmt.Appendf(nil, "/s%d/x", i)}); got != i {
				t.Errorf("of %d segments: route %d for /s%d/x", len(routes), got, i)
			}
		}
	}
}

func TestConditionsLeadOn(t *testing.T) {
	routes := []*config.Route{
		on(rt("a.b /x="), func(r *config.Route) { r.Methods = []string{"POST"} }),
		on(rt("a.b /x"), func(r *config.Route) { r.Query = []config.Match{{Name: "q", Value: "1"}} }),
		on(rt("a.b -"), func(r *config.Route) { r.Query = []config.Match{{Name: "q", Value: "2"}} }),
		on(rt("*.b /x"), func(r *config.Route) { r.Query = []config.Match{{Name: "q", Value: "3"}} }),
		on(rt("- /x"), func(r *config.Route) { r.Query = []config.Match{{Name: "q", Value: "4"}} }),
		on(rt("- /x"), func(r *config.Route) { r.Name = "second"; r.Query = []config.Match{{Name: "q", Any: true}} }),
	}
	table := compileOK(t, routes...)
	for _, c := range []struct{ method, url, want string }{
		{"POST", "a.b/x?q=1", "a.b /x="},
		{"GET", "a.b/x?q=1", "a.b /x"},
		{"GET", "a.b/x?q=2", "a.b -"},
		{"GET", "a.b/x?q=3", "*.b /x"},
		{"GET", "a.b/x?q=4", "- /x"},
		{"GET", "a.b/x?q=5", "second"},
		{"GET", "a.b/x", ""},
		{"post", "a.b/x", ""},
	} {
		if got := ask(table, routes, c.method, c.url); got != c.want {
			t.Errorf("%s %s has the route %q, want %q", c.method, c.url, got, c.want)
		}
	}
}

func TestQueryParameters(t *testing.T) {
	for _, c := range []struct {
		match config.Match
		query string
		want  bool
	}{
		{config.Match{Name: "a", Value: "1"}, "a=1", true},
		{config.Match{Name: "a", Value: "1"}, "b=1&a=2&a=1", true},
		{config.Match{Name: "a", Value: "1"}, "a=11", false},
		{config.Match{Name: "a", Value: "1"}, "A=1", false},
		{config.Match{Name: "a", Value: "1"}, "%61=%31", true},
		{config.Match{Name: "a", Value: "1"}, "b=1;a=1", false},
		{config.Match{Name: "a", Value: "x y"}, "a=x+y", true},
		{config.Match{Name: "a", Value: "x y"}, "a=x%20y", true},
		{config.Match{Name: "a", Value: "x+y"}, "a=x%2By", true},
		{config.Match{Name: "a", Value: "x+y"}, "a=x+y", false},
		{config.Match{Name: "a", Value: "b=c"}, "a=b=c", true},
		{config.Match{Name: "a", Value: "&"}, "a=%26", true},
		{config.Match{Name: "a", Value: "%"}, "a=%", true},
		{config.Match{Name: "a", Value: "%4"}, "a=%4", true},
		{config.Match{Name: "a", Value: "%zz"}, "a=%zz", true},
		{config.Match{Name: "a", Value: "é"}, "a=%c3%A9", true},
		{config.Match{Name: "a", Value: ""}, "a", true},
		{config.Match{Name: "a", Value: ""}, "a=", true},
		{config.Match{Name: "a", Value: ""}, "", false},
		{config.Match{Name: "a", Any: true}, "b&a&c", true},
		{config.Match{Name: "a", Any: true}, "b=a", false},
		{config.Match{Name: "a", Absent: true}, "b=a&&", true},
		{config.Match{Name: "a", Absent: true}, "b&a", false},
	} {
		r := on(rt("- /"), func(r *config.Route) { r.Query = []config.Match{c.match} })
		got := compileOK(t, r).Find(&Query{Path: []byte("/"), RawQuery: []byte(c.query)}) == 0
		if got != c.want {
			t.Errorf("%+v of %q: %v", c.match, c.query, got)
		}
	}
}

func TestHeaderFields(t *testing.T) {
	msg := []byte("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-many: a, b\r\nX-MANY: c\r\nX-Empty:\r\n\r\n")
	var req http1.Request
	req.Init(http1.Limits{})
	if n, err := req.Parse(msg); n != len(msg) {
		t.Fatal(err)
	}
	for _, c := range []struct {
		match config.Match
		want  bool
	}{
		{config.Match{Name: "x-one", Value: "1"}, true},
		{config.Match{Name: "x-one", Value: "2"}, false},
		{config.Match{Name: "x-many", Value: "c"}, true},
		{config.Match{Name: "x-many", Value: "a, b"}, true},
		{config.Match{Name: "x-many", Value: "a"}, false},
		{config.Match{Name: "x-empty", Value: ""}, true},
		{config.Match{Name: "x-none", Value: ""}, false},
		{config.Match{Name: "x-empty", Any: true}, true},
		{config.Match{Name: "x-none", Any: true}, false},
		{config.Match{Name: "x-none", Absent: true}, true},
		{config.Match{Name: "x-one", Absent: true}, false},
		{config.Match{Name: "x_one", Any: true}, false},
	} {
		r := on(rt("- -"), func(r *config.Route) { r.Headers = []config.Match{c.match} })
		q := &Query{Path: []byte("/"), Fields: &head{&req.Head, msg}}
		if got := compileOK(t, r).Find(q) == 0; got != c.want {
			t.Errorf("%+v: %v", c.match, got)
		}
		q.Fields = nil
		if got := compileOK(t, r).Find(q) == 0; got != c.match.Absent {
			t.Errorf("%+v without fields: %v", c.match, got)
		}
	}
}

func TestClients(t *testing.T) {
	prefixes := []netip.Prefix{}
	for _, p := range []string{
		"10.1.2.0/24", "10.1.0.0/16", "192.0.2.7/32", "::ffff:198.51.100.0/120", "2001:db8::/32", "10.200.0.0/16", "fe80::/10",
	} {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	table := compileOK(t, on(rt("- -"), func(r *config.Route) { r.Clients = prefixes }))
	for a, want := range map[string]bool{
		"10.1.2.3": true, "10.1.9.9": true, "10.2.0.0": false, "10.0.255.255": false, "10.200.1.1": true, "192.0.2.7": true,
		"192.0.2.8": false, "198.51.100.9": true, "::ffff:10.1.2.3": true, "2001:db8::1": true, "2001:db9::1": false, "::1": false,
		"fe80::1%eth0": true, "255.255.255.255": false, "0.0.0.0": false,
	} {
		if got := table.Find(&Query{Path: []byte("/"), Client: netip.MustParseAddr(a)}) == 0; got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
	if table.Find(&Query{Path: []byte("/")}) == 0 {
		t.Error("a client without an address is in a prefix")
	}
}

// A path that servers may read in two ways has a route only where both lead to it.
func TestEscapedSeparators(t *testing.T) {
	routes := []*config.Route{rt("- /"), rt("- /admin/"), rt("- /api/v4/"), rt("- /x/*/y")}
	table := compileOK(t, routes...)
	for url, want := range map[string]string{
		"/@scope%2Fname": "- /", "/admin%2Fx": "?", "/admin/%2Fx": "- /admin/", "/admin%5Cx": "?", "/%2Fadmin/": "?", "/admin": "- /",
		"/api/v4/projects/group%2Fname": "- /api/v4/", "/api%2Fv4%2Fx": "?", "/x/a%2Fb/y": "?", "/x/a%2F/y": "- /x/*/y", "/admin%2fx": "- /",
	} {
		if got := ask(table, routes, "GET", url); got != want {
			t.Errorf("%s has the route %q, want %q", url, got, want)
		}
	}
	routes = routes[1:2]
	table = compileOK(t, routes...)
	for url, want := range map[string]string{"/x%2Fy": "", "/admin%2Fx": "?", "/admin/%2Fx": "- /admin/"} {
		if got := ask(table, routes, "GET", url); got != want {
			t.Errorf("without a route for all, %s has the route %q, want %q", url, got, want)
		}
	}
}

func TestAsterisk(t *testing.T) {
	q := &Query{Path: []byte("*"), Method: []byte("OPTIONS")}
	if i := compileOK(t, rt("- /"), rt("- /**"), rt("- -")).Find(q); i != 2 {
		t.Errorf("route %d, want that for any path", i)
	}
}

func TestNoRoutes(t *testing.T) {
	if i := compileOK(t).Find(&Query{Path: []byte("/")}); i != -1 {
		t.Errorf("route %d of none", i)
	}
}

func TestRefusedRoutes(t *testing.T) {
	for _, c := range []struct {
		route *config.Route
		want  string
	}{
		{rt("*.a.* -"), "*.NAME"},
		{rt("a*.b -"), "*.NAME"},
		{rt("*. -"), "*.NAME"},
		{rt("a:80 -"), "without port"},
		{rt("a/b -"), "no host"},
		{rt("[::1]:80 -"), "no host"},
		{rt("[127.0.0.1] -"), "no host"},
		{rt("a..b -"), "empty part"},
		{rt("*..b -"), "empty part"},
		{rt(strings.Repeat("a", 254) + " -"), "253"},
		{rt("- a"), "begin with a slash"},
		{rt("- /a/../b"), `"/b"`},
		{rt("- /%61"), `"/a"`},
		{rt("- //a"), `"/a"`},
		{rt("- /a b"), "visible ASCII"},
		{rt("- /a?b"), "visible ASCII"},
		{rt("- /a%2Fb"), "escaped slash"},
		{rt("- /a%zz"), "invalid escape"},
		{rt("- /a*"), "whole segment"},
		{rt("- /**/a"), "whole segment"},
		{&config.Route{Path: config.Path{Text: "/"}}, "no text"},
		{&config.Route{Path: config.Path{Kind: 9, Text: "/"}}, "unknown kind"},
		{&config.Route{Path: config.Path{Kind: config.PathPrefix}}, "as \"/\""},
		{&config.Route{Headers: []config.Match{{Name: "X-A"}}}, "lower case"},
		{&config.Route{Headers: []config.Match{{}}}, "empty"},
		{&config.Route{Query: []config.Match{{Name: "a", Any: true, Value: "b"}}}, "exclude"},
		{&config.Route{Query: []config.Match{{Name: "a", Any: true, Absent: true}}}, "exclude"},
		{&config.Route{Clients: []netip.Prefix{{}}}, "no prefix"},
		{&config.Route{Rewrite: &config.Rewrite{Path: "/a", Add: "/b"}}, "keep either"},
		{&config.Route{Rewrite: &config.Rewrite{Strip: "a"}}, "begin with a slash"},
		{&config.Route{Rewrite: &config.Rewrite{Path: "*"}}, "begin with a slash"},
		{&config.Route{Rewrite: &config.Rewrite{Path: "/a/./b"}}, `"/a/b"`},
	} {
		c.route.Name = "here"
		_, err := Compile([]*config.Route{rt("- -"), c.route})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `route "here"`) {
			t.Errorf("%v %+v: %v, want %q", c.route.Hosts, c.route.Path, err, c.want)
		}
	}
}

// head gives a Query the fields of a message that http1 has parsed.
type head struct {
	*http1.Head
	bytes []byte
}

func (h head) Field(name string, i int) (value []byte, next int) {
	if i = h.Lookup(h.bytes, name, i); i < 0 {
		return nil, -1
	}
	return h.Head.Field(i).Value.Of(h.bytes), i + 1
}
