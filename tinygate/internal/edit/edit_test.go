package edit

import (
	"bytes"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

const head = "GET /a?b=c HTTP/1.1\r\nHost: old.example\r\nX-User: mallory\r\nX_User: mallory\r\nForwarded: for=1.2.3.4\r\n" +
	"x-uSER: mallory\r\nX-Forwarded-For: 1.2.3.4\r\nAccept: */*\r\n\r\n"

func parse(t testing.TB) *http1.Request {
	t.Helper()
	var r http1.Request
	r.Init(http1.Limits{})
	if n, err := r.Parse([]byte(head)); n != len(head) {
		t.Fatal(n, err)
	}
	return &r
}

func values() *Values {
	return &Values{
		ClientAddress: []byte("192.0.2.1"), RequestID: []byte("01ab"), Scheme: []byte("https"), Host: []byte("old.example"),
		Path: []byte("/a"), Method: []byte("GET"), Upstream: []byte("api"),
	}
}

func fields(pairs ...string) (f []config.Field) {
	for i := 0; i < len(pairs); i += 2 {
		f = append(f, config.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return f
}

func compileOK(t testing.TB, c config.Edit) *Edit {
	t.Helper()
	e, err := CompileRequest(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEdit(t *testing.T) {
	for _, c := range []struct {
		name    string
		edit    config.Edit
		kept    string // names of the lines that stay
		appends string
	}{
		{"nothing", config.Edit{}, "Host X-User X_User Forwarded x-uSER X-Forwarded-For Accept", ""},
		{
			"removed in any case, by ID and by name", config.Edit{Remove: []string{"x-USER", "forwarded"}},
			"Host X-Forwarded-For Accept", "",
		},
		{
			"set replaces all lines, add none", config.Edit{Set: fields("X-User", "a"), Add: fields("Accept", "b", "X-Many", "1", "X-Many", "2")},
			"Host Forwarded X-Forwarded-For Accept", "X-User: a\r\nAccept: b\r\nX-Many: 1\r\nX-Many: 2\r\n",
		},
		{
			"variables", config.Edit{Set: fields("X-All", "${client_address} ${request_id}/${scheme}://${host}${path}$ ${method}, ${upstream}")},
			"Host X-User X_User Forwarded x-uSER X-Forwarded-For Accept", "X-All: 192.0.2.1 01ab/https://old.example/a$ GET, api\r\n",
		},
		{
			"a line without a value is left out", config.Edit{Set: fields("X-User", "${server_name}"), Add: fields("X-B", "2")},
			"Host Forwarded X-Forwarded-For Accept", "X-B: 2\r\n",
		},
		{
			"a literal text stays when its variable is empty", config.Edit{Set: fields("X-Name", "sni=${server_name}")},
			"Host X-User X_User Forwarded x-uSER X-Forwarded-For Accept", "X-Name: sni=\r\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, r, v := compileOK(t, c.edit), parse(t), values()
			e.Drop(&r.Head, []byte(head))
			var kept []string
			for i := range r.Len() {
				if !r.Dropped(i) {
					kept = append(kept, string(r.Field(i).Name.Of([]byte(head))))
				}
			}
			if got := strings.Join(kept, " "); got != c.kept {
				t.Errorf("kept %s, want %s", got, c.kept)
			}
			got := e.Append([]byte("before\r\n"), v)
			if string(got) != "before\r\n"+c.appends {
				t.Errorf("appended %q, want %q", got, c.appends)
			}
		})
	}
}

func TestEmptyEditIsNil(t *testing.T) {
	if e := compileOK(t, config.Edit{}); e != nil {
		t.Error(e)
	}
	var e *Edit
	if _, ok := e.Host(nil, values()); ok || e.Replaces(http1.IDVia) || len(e.Append(nil, values())) > 0 {
		t.Error("a nil edit does something")
	}
}

func TestControlCharactersDropTheLine(t *testing.T) {
	e := compileOK(t, config.Edit{Add: fields("X-A", "1", "X-Path", "p=${path}", "X-B", "2")})
	for c := range 256 {
		v := values()
		v[Path] = []byte{'/', byte(c)}
		want := "X-A: 1\r\nX-Path: p=/" + string([]byte{byte(c)}) + "\r\nX-B: 2\r\n"
		if c < ' ' && c != '\t' || c == 0x7f {
			want = "X-A: 1\r\nX-B: 2\r\n"
		}
		if got := e.Append(nil, v); string(got) != want {
			t.Errorf("%#02x: %q", c, got)
		}
	}
}

func TestHost(t *testing.T) {
	for _, c := range []struct{ text, upstream, want string }{
		{"inner.example:8080", "", "inner.example:8080"},
		{"${upstream}.example", "api", "api.example"},
		{"${upstream}", "[::1]:80", "[::1]:80"},
		{"${upstream}", "", ""},
		{"${upstream}", "a b", ""},
		{"${upstream}", "a/b", ""},
		{"${upstream}", "a\r\nX: y", ""},
		{"${upstream}", "user@host", ""},
	} {
		e := compileOK(t, config.Edit{Set: fields("host", c.text)})
		got, ok := e.Host([]byte("+"), &Values{Upstream: []byte(c.upstream)})
		if string(got) != "+"+c.want || ok != (c.want != "") {
			t.Errorf("%s with %q: %q, %v", c.text, c.upstream, got, ok)
		}
		r := parse(t)
		e.Drop(&r.Head, []byte(head))
		if r.Dropped(r.Find(http1.IDHost, 0)) || len(e.Append(nil, values())) > 0 {
			t.Error("Host is not left to who writes the head")
		}
	}
}

func TestReplaces(t *testing.T) {
	e := compileOK(t, config.Edit{Remove: []string{"Via"}, Set: fields("x-forwarded-for", "${client_address}"), Add: fields("Forwarded", "a")})
	if !e.Replaces(http1.IDVia) || !e.Replaces(http1.IDXForwardedFor) || e.Replaces(http1.IDForwarded) {
		t.Error("Replaces is not what Remove and Set name")
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		edit config.Edit
		want string
	}{
		{config.Edit{Remove: []string{""}}, "field name"},
		{config.Edit{Remove: []string{"a b"}}, "field name"},
		{config.Edit{Add: fields("a:", "b")}, "field name"},
		{config.Edit{Set: fields("a\r\nb", "c")}, "field name"},
		{config.Edit{Remove: []string{"Content-LENGTH"}}, "gate decides"},
		{config.Edit{Set: fields("Transfer-Encoding", "chunked")}, "gate decides"},
		{config.Edit{Add: fields("Connection", "X-User")}, "gate decides"},
		{config.Edit{Add: fields("Host", "a")}, "exactly one Host"},
		{config.Edit{Remove: []string{"host"}}, "needs its Host"},
		{config.Edit{Set: fields("Host", "a/b")}, "no host"},
		{config.Edit{Set: fields("Host", "")}, "empty"},
		{config.Edit{Set: fields("X-A", "b\nc")}, "control"},
		{config.Edit{Set: fields("X-A", " b")}, "white space"},
		{config.Edit{Set: fields("X-A", "")}, "empty"},
		{config.Edit{Set: fields("X-A", "b", "x-a", "c")}, "set twice"},
		{config.Edit{Set: fields("X-A", "${cookie}")}, "unknown variable ${cookie}"},
		{config.Edit{Set: fields("X-A", "${query}")}, "unknown variable ${query}"},
		{config.Edit{Set: fields("X-A", "${host")}, "without }"},
	} {
		e, err := CompileRequest(c.edit)
		if err == nil || e != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.edit, err, c.want)
		}
	}
	if _, err := CompileResponse(config.Edit{Set: fields("Host", "a")}); err == nil {
		t.Error("a Host in a response is not refused")
	}
}

// Every field that http1 knows is either the gate's own or has its ID here.
func TestKnownFields(t *testing.T) {
	for _, name := range []string{
		"connection", "content-length", "expect", "forwarded", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-forwarded-for", "x-forwarded-host",
		"x-forwarded-proto", "accept",
	} {
		msg := []byte("HTTP/1.1 200 OK\r\n" + name + ": 1\r\n\r\n")
		var r http1.Response
		r.Init(http1.Limits{}, http1.MethodGet)
		if n, _ := r.Parse(msg); n != len(msg) && name != "transfer-encoding" {
			t.Fatal(name)
		}
		if r.Len() == 0 || ours[name] {
			continue
		}
		if id := r.ID(0); ids[name] != id {
			t.Errorf("%s has the ID %d in http1, %d here", name, id, ids[name])
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add("a${path}b${host}", "/x", "h")
	f.Add("${path}", "a\r\nb: c", "")
	f.Fuzz(func(t *testing.T, text, path, host string) {
		e, err := CompileRequest(config.Edit{Add: fields("X-A", text, "X-B", "1", "X-C", text)})
		if err != nil {
			return
		}
		v := &Values{Path: []byte(path), Host: []byte(host)}
		got := e.Append(nil, v)
		value := strings.NewReplacer("${path}", path, "${host}", host).Replace(text)
		for _, n := range []string{"client_address", "request_id", "scheme", "method", "upstream", "server_name"} {
			if strings.Contains(text, "${"+n+"}") {
				return
			}
		}
		lines := 1
		if value != "" && !hasControl([]byte(value)) {
			lines = 3
		}
		if n := bytes.Count(got, []byte("\r\n")); n != lines || bytes.Count(got, []byte("\n")) != n {
			t.Errorf("%q: %d lines, want %d", got, n, lines)
		}
	})
}

var busy = config.Edit{
	Remove: []string{"X-Secret", "Forwarded"},
	Set:    fields("X-User", "none", "X-Request-ID", "${request_id}", "X-Real-IP", "${client_address}"),
	Add:    fields("X-Where", "${scheme}://${host}${path}"),
}

func TestEditsDoNotAllocate(t *testing.T) {
	e, r, v, dst := compileOK(t, busy), parse(t), values(), make([]byte, 0, 1024)
	h := []byte(head)
	n := testing.AllocsPerRun(100, func() {
		e.Drop(&r.Head, h)
		dst = e.Append(dst[:0], v)
		dst, _ = e.Host(dst, v)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEdit(b *testing.B) {
	for _, c := range []struct {
		name string
		edit config.Edit
	}{{"none", config.Edit{}}, {"busy", busy}} {
		b.Run("edit="+c.name, func(b *testing.B) {
			e, r, v, dst := compileOK(b, c.edit), parse(b), values(), make([]byte, 0, 1024)
			h := []byte(head)
			b.ReportAllocs()
			for b.Loop() {
				e.Drop(&r.Head, h)
				dst = e.Append(dst[:0], v)
			}
		})
	}
}

func TestStrike(t *testing.T) {
	e, err := CompileRequest(config.Edit{
		Remove: []string{"X-Real-IP"}, Set: []config.Field{{Name: "X-Forwarded-Proto", Value: "https"}, {Name: "X-Other", Value: "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := "X-Forwarded-For: 192.0.2.1\r\nx-real-ip: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n"
	if got := string(e.Strike([]byte(lines))); got != "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: h\r\n" {
		t.Errorf("%q", got)
	}
}

// Strike has to look at the lines for one name with an ID as well as for one without.
func TestStrikeOfASingleName(t *testing.T) {
	const lines = "Forwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
	for name, want := range map[string]string{
		"Forwarded": "X-Real-IP: 192.0.2.1\r\n", "X-Real-IP": "Forwarded: for=192.0.2.1\r\n", "X-Other": lines,
	} {
		if got := string(compileOK(t, config.Edit{Remove: []string{name}}).Strike([]byte(lines))); got != want {
			t.Errorf("without %s: %q, want %q", name, got, want)
		}
	}
}

// A field name has the characters of RFC 9110 5.6.2.
func TestNamesAreTokens(t *testing.T) {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for c := range 256 {
		name := "X" + string([]byte{byte(c)})
		_, err := CompileRequest(config.Edit{Remove: []string{name}})
		if ok := strings.IndexByte(token, byte(c)) >= 0; ok != (err == nil) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTrailer(t *testing.T) {
	e := compileOK(t, config.Edit{Remove: []string{"X-Gone"}, Set: fields("X-User", "nobody"), Add: fields("X-Added", "1")})
	lines := []byte("A: 1\r\nx-user: root\r\nX-GONE: 1\r\nX-Added: 2\r\nX-Users: 3\r\n")
	was := string(lines)
	for range 2 {
		if got := string(e.Trailer(lines)); got != "A: 1\r\nX-Added: 2\r\nX-Users: 3\r\n" || string(lines) != was {
			t.Errorf("%q of %q", got, lines)
		}
	}
	if got := string((*Edit)(nil).Trailer(lines)); got != was {
		t.Errorf("%q", got)
	}
}

func TestDollarBeginsNoVariable(t *testing.T) {
	for text, want := range map[string]string{
		config.Dollar: "$", "a" + config.Dollar + "{path}b": "a${path}b", config.Dollar + "${path}" + config.Dollar + config.Dollar: "$/x$$",
	} {
		got, err := ParseTemplate(text, Path)
		if s := string(got.Append(nil, &Values{Path: []byte("/x")})); err != nil || s != want {
			t.Errorf("%q: %q, %v, want %q", text, s, err, want)
		}
		if _, static := got.Literal(); static == strings.Contains(text, "${path}") {
			t.Errorf("%q is literal: %v", text, static)
		}
	}
}
