package route

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// model finds a route as the package's documentation says, by looking at all of them.
func model(routes []*config.Route, q *Query) int {
	i := modelPath(routes, q, string(q.Path))
	other := strings.NewReplacer("%2F", "/", "%5C", "/").Replace(string(q.Path))
	for strings.Contains(other, "//") {
		other = strings.ReplaceAll(other, "//", "/")
	}
	if modelPath(routes, q, other) != i {
		return Ambiguous
	}
	return i
}

func modelPath(routes []*config.Route, q *Query, path string) int {
	type fit struct {
		index, host int
		path        string
	}
	var fits []fit
	for i, r := range routes {
		p, ok := modelSpecific(r.Path, path)
		if !ok || !modelHolds(r, q) {
			continue
		}
		hosts := r.Hosts
		if len(hosts) == 0 {
			hosts = []string{""}
		}
		for _, h := range hosts {
			if rank, ok := modelHost(h, string(q.Host)); ok {
				fits = append(fits, fit{i, rank, p})
			}
		}
	}
	if len(fits) == 0 {
		return -1
	}
	return slices.MinFunc(fits, func(a, b fit) int {
		return cmp.Or(cmp.Compare(b.host, a.host), strings.Compare(a.path, b.path), cmp.Compare(a.index, b.index))
	}).index
}

// modelHost ranks a host text that fits: the greater, the more specific.
func modelHost(text, host string) (rank int, ok bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	rest, wild := strings.CutPrefix(text, "*")
	switch {
	case text == "":
		return 0, true
	case len(host) > 253:
		return 0, false
	case wild:
		return len(rest), strings.HasSuffix(host, rest) && len(host) > len(rest)
	}
	return 1000, text == host
}

// modelSpecific ranks a path text that fits: the smaller the string, the more specific. It has a letter for each segment:
// a literal one is before "*", and that before the rest.
func modelSpecific(c config.Path, path string) (rank string, ok bool) {
	if c.Kind == config.PathAny {
		return "z", true
	}
	if !strings.HasPrefix(path, "/") {
		return "", false
	}
	text, have := strings.Split(c.Text, "/")[1:], strings.Split(path, "/")[1:]
	end := "b"
	switch last := text[len(text)-1]; {
	case c.Kind == config.PathExact:
		end = "a"
	case c.Kind == config.PathPrefix && last == "", c.Kind == config.PathPattern && last == "**":
		text, end = text[:len(text)-1], "n"
		if len(have) <= len(text) {
			return "", false
		}
	case c.Kind == config.PathPrefix && len(have) > len(text):
		end = "o"
	}
	if end < "n" && len(have) != len(text) || len(have) < len(text) {
		return "", false
	}
	for i, s := range text {
		switch {
		case s == "*" && c.Kind == config.PathPattern:
			if have[i] == "" {
				return "", false
			}
			rank += "m"
		case s == have[i]:
			rank += "l"
		default:
			return "", false
		}
	}
	return rank + end, true
}

func modelHolds(r *config.Route, q *Query) bool {
	if r.Scheme == "https" && !q.HTTPS || r.Scheme == "http" && q.HTTPS {
		return false
	}
	if len(r.Methods) > 0 && !slices.Contains(r.Methods, string(q.Method)) {
		return false
	}
	if len(r.Clients) > 0 && !slices.ContainsFunc(r.Clients, func(p netip.Prefix) bool { return p.Contains(q.Client) }) {
		return false
	}
	parameters := url.Values{}
	for pair := range strings.SplitSeq(string(q.RawQuery), "&") {
		if pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			name, value = modelDecode(name), modelDecode(value)
			parameters[name] = append(parameters[name], value)
		}
	}
	fields := map[string][]string{}
	if f, ok := q.Fields.(fieldList); ok {
		for _, p := range f {
			fields[p[0]] = append(fields[p[0]], p[1])
		}
	}
	for _, of := range []struct {
		matches []config.Match
		values  map[string][]string
	}{{r.Headers, fields}, {r.Query, parameters}} {
		for _, m := range of.matches {
			values := of.values[m.Name]
			holds := slices.Contains(values, m.Value)
			if m.Any {
				holds = len(values) > 0
			}
			if m.Absent {
				holds = len(values) == 0
			}
			if !holds {
				return false
			}
		}
	}
	return true
}

func modelDecode(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	var b strings.Builder
	for len(s) > 0 {
		if d, err := url.QueryUnescape(s[:min(3, len(s))]); err == nil && s[0] == '%' {
			b.WriteString(d)
			s = s[3:]
			continue
		}
		b.WriteString(strings.ReplaceAll(s[:1], "+", " "))
		s = s[1:]
	}
	return b.String()
}

// fieldList is Fields of pairs.
type fieldList [][2]string

func (f fieldList) Field(name string, i int) ([]byte, int) {
	for ; i < len(f); i++ {
		if f[i][0] == name {
			return []byte(f[i][1]), i + 1
		}
	}
	return nil, -1
}

// drawer makes routes and requests of a small world, so that they often fit each other. It draws from bytes, and is
// exhausted when they are.
type drawer struct{ data []byte }

func (d *drawer) n(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % n
}

func (d *drawer) of(s ...string) string { return s[d.n(len(s))] }

func (d *drawer) segments(s ...string) string {
	var b strings.Builder
	for range d.n(4) {
		b.WriteString("/" + d.of(s...))
	}
	if b.Len() == 0 || d.n(3) == 0 {
		b.WriteString("/")
	}
	return b.String()
}

func (d *drawer) route(i int) *config.Route {
	r := &config.Route{Name: fmt.Sprint(i)}
	for range d.n(3) {
		r.Hosts = append(r.Hosts, d.of("a.b.c", "b.c", "*.b.c", "*.c", "*.a.b.c", "c"))
	}
	switch d.n(6) {
	case 0:
	case 1:
		r.Path = config.Path{Kind: config.PathExact, Text: d.segments("a", "b", "*", "e")}
	case 2, 3:
		r.Path = config.Path{Kind: config.PathPrefix, Text: d.segments("a", "b", "e")}
	default:
		text := d.segments("a", "b", "*", "*", "e")
		if d.n(2) == 0 {
			text = strings.TrimSuffix(text, "/") + "/**"
		}
		r.Path = config.Path{Kind: config.PathPattern, Text: text}
	}
	switch d.n(14) {
	case 4:
		r.Scheme = d.of("http", "https")
	case 0:
		r.Methods = []string{"GET", "PUT"}
	case 1:
		r.Clients = []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24"), netip.MustParsePrefix("10.0.0.0/8")}
	case 2:
		r.Headers = []config.Match{d.match()}
	case 3:
		r.Query = []config.Match{d.match(), d.match()}
	}
	return r
}

func (d *drawer) match() config.Match {
	m := config.Match{Name: d.of("x", "y z")}
	switch d.n(3) {
	case 0:
		m.Any = true
	case 1:
		m.Absent = true
	default:
		m.Value = d.of("1", "2", "", "%")
	}
	return m
}

func (d *drawer) query() *Query {
	q := &Query{
		Host:     []byte(d.of("a.b.c", "B.C", "x.b.c", "x.a.b.c.", "c", "x.c", ".c", "x", "", "..b.c")),
		Path:     []byte(d.segments("a", "b", "c", "*", "e", "a%2Fb", "%2F", "a%5C")),
		Method:   []byte(d.of("GET", "POST")),
		RawQuery: []byte(d.of("", "x=1", "x=2&x=%31", "y+z", "y%20z=2&x", "&&=", "x=%", "y%20z=%25&x=%3")),
		Client:   netip.MustParseAddr(d.of("10.1.2.3", "10.9.9.9", "192.0.2.1", "::1")),
	}
	q.HTTPS = d.n(2) == 0
	norm, _, err := Normalize(nil, q.Path)
	if err != nil {
		norm = []byte("*")
	}
	q.Path = norm
	var f fieldList
	for range d.n(4) {
		f = append(f, [2]string{d.of("x", "y z"), d.of("1", "2", "")})
	}
	q.Fields = f
	return q
}

func checkModel(t *testing.T, data []byte) (found bool) {
	d := &drawer{data}
	var routes []*config.Route
	for i := range 1 + d.n(24) {
		routes = append(routes, d.route(i))
	}
	table, err := Compile(routes)
	if err != nil {
		t.Fatal(err)
	}
	for len(d.data) > 0 {
		q := d.query()
		got, want := table.Find(q), model(routes, q)
		found = found || got >= 0
		if got != want {
			var b bytes.Buffer
			for i, r := range routes {
				fmt.Fprintf(&b, "%d: %v %+v methods %v headers %+v query %+v clients %v\n", i, r.Hosts, r.Path, r.Methods, r.Headers, r.Query,
					r.Clients)
			}
			t.Fatalf("%s %s%s?%s of %v %v: route %d, want %d of\n%s", q.Method, q.Host, q.Path, q.RawQuery, q.Client, q.Fields, got, want, &b)
		}
	}
	return found
}

func TestFindAgreesWithTheModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 1500 {
		data := make([]byte, 500)
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		if checkModel(t, data) {
			found++
		}
	}
	if found < 1300 {
		t.Errorf("only %d of 1500 tables were found anything in: the worlds do not fit each other", found)
	}
}

func FuzzFind(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		data := make([]byte, 300)
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkModel(t, data) })
}
