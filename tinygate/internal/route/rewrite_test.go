package route

import (
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/edit"
)

func TestAppendRewrite(t *testing.T) {
	for _, c := range []struct {
		rewrite    *config.Rewrite
		path, want string
	}{
		{nil, "/a", "/a"},
		{&config.Rewrite{Strip: "/api"}, "/api/x", "/x"},
		{&config.Rewrite{Strip: "/api/"}, "/api/x", "/x"},
		{&config.Rewrite{Strip: "/api/"}, "/api/", "/"},
		{&config.Rewrite{Strip: "/api/"}, "/api", "/"},
		{&config.Rewrite{Strip: "/api"}, "/api", "/"},
		{&config.Rewrite{Strip: "/api"}, "/apix", "/apix"},
		{&config.Rewrite{Strip: "/api"}, "/api%2Fx", "/api%2Fx"},
		{&config.Rewrite{Strip: "/api"}, "/other", "/other"},
		{&config.Rewrite{Strip: "/"}, "/x", "/x"},
		{&config.Rewrite{Strip: "/api", Add: "/v2"}, "/api/x", "/v2/x"},
		{&config.Rewrite{Strip: "/api", Add: "/v2/"}, "/api", "/v2/"},
		{&config.Rewrite{Add: "/v2/"}, "/x", "/v2/x"},
		{&config.Rewrite{Add: "/v2"}, "/", "/v2/"},
		{&config.Rewrite{Add: "/"}, "/", "/"},
		{&config.Rewrite{Path: "/index.html"}, "/x/y", "/index.html"},
		{&config.Rewrite{Path: "/index.html"}, "*", "*"},
		{&config.Rewrite{Add: "/v2"}, "*", "*"},
	} {
		got := string(AppendRewrite([]byte("GET "), []byte(c.path), c.rewrite))
		if got != "GET "+c.want {
			t.Errorf("%+v of %s: %q, want %q", c.rewrite, c.path, got, c.want)
		}
	}
}

// What a checked rewrite makes of a path in normal form is in normal form.
func FuzzRewrite(f *testing.F) {
	f.Add("/api", "/v2", "", "/api/x")
	f.Add("/a/b/", "/", "", "/a/b")
	f.Add("", "", "/x", "/y")
	f.Fuzz(func(t *testing.T, strip, add, path, from string) {
		r := &config.Rewrite{Strip: strip, Add: add, Path: path}
		if checkRewrite(r) != nil || checkPath(from) != nil || from == "" {
			return
		}
		got := AppendRewrite(nil, []byte(from), r)
		// An escaped slash of one beside an escaped backslash of the other would be refused in what a client sends.
		if err := checkPath(string(got)); err != nil && err != errBoth {
			t.Errorf("%+v of %s: %s: %v", r, from, got, err)
		}
	})
}

func redirectOK(t testing.TB, r config.Redirect) *Redirect {
	t.Helper()
	c, err := CompileRedirect(&r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRedirect(t *testing.T) {
	for _, c := range []struct {
		redirect          config.Redirect
		host, path, query string
		want              string // "": none can be made
	}{
		{config.Redirect{HTTPS: true}, "a.example", "/x", "q=1", "https://a.example/x?q=1"},
		{config.Redirect{HTTPS: true}, "a.example", "/", "", "https://a.example/"},
		{config.Redirect{HTTPS: true}, "", "/", "", ""},
		{config.Redirect{HTTPS: true}, "a.example", "*", "", ""},
		{config.Redirect{HTTPS: true}, "a\r\nx", "/", "", ""},
		{config.Redirect{HTTPS: true}, "a", "/\n", "", ""},
		{config.Redirect{HTTPS: true}, "a", "/", "\x00", ""},
		{config.Redirect{HTTPS: true}, "a", "/", " ", ""},
		{config.Redirect{HTTPS: true}, "a", `/\b`, "", ""},
		{config.Redirect{HTTPS: true}, "a", "/b", `\c`, `https://a/b?\c`},
		{config.Redirect{To: "/there"}, "", "/x", "q", "/there"},
		{config.Redirect{To: "/"}, "", "/x", "q", "/"},
		{config.Redirect{To: "/new${path}?from=old&${query}"}, "", "/x", "q", "/new/x?from=old&q"},
		{config.Redirect{To: "${path}?${query}"}, "", "/x", "", "/x"},
		{config.Redirect{To: "${path}?a"}, "", "/x", "", "/x?a"},
		{config.Redirect{To: "/in?to=${path}"}, "", "/x", "", "/in?to=/x"},
		{config.Redirect{To: "${scheme}://www.${host}${path}"}, "a.example", "/x", "q", "http://www.a.example/x"},
		{config.Redirect{To: "https://other.example:8443${path}"}, "a", "/x", "q", "https://other.example:8443/x"},
	} {
		if c.redirect.Status == 0 {
			c.redirect.Status = 308
		}
		r := redirectOK(t, c.redirect)
		v := &edit.Values{
			edit.Scheme: []byte("http"), edit.Host: []byte(c.host), edit.Path: []byte(c.path), edit.Query: []byte(c.query),
		}
		got, ok := r.Append([]byte("Location: "), v)
		if string(got) != "Location: "+c.want || ok != (c.want != "") || r.Status != 308 {
			t.Errorf("%+v of %s %s %s: %q, %v, want %q", c.redirect, c.host, c.path, c.query, got, ok, c.want)
		}
	}
}

func TestRefusedRedirects(t *testing.T) {
	for _, c := range []struct {
		redirect config.Redirect
		want     string
	}{
		{config.Redirect{Status: 200, To: "/"}, "status"},
		{config.Redirect{Status: 304, HTTPS: true}, "status"},
		{config.Redirect{Status: 301, HTTPS: true, To: "/"}, "exclude"},
		{config.Redirect{Status: 301}, "begin with"},
		{config.Redirect{Status: 301, To: "there"}, "begin with"},
		{config.Redirect{Status: 301, To: "ftp://a/"}, "begin with"},
		{config.Redirect{Status: 301, To: "javascript://a/"}, "begin with"},
		{config.Redirect{Status: 301, To: "${host}/a"}, "begin with"},
		{config.Redirect{Status: 301, To: "//a"}, "begin with"},
		{config.Redirect{Status: 301, To: "/${path}"}, "slash itself"},
		{config.Redirect{Status: 301, To: "/?a=/${paths}"}, "unknown variable"},
		{config.Redirect{Status: 301, To: "https://${path}"}, "slash itself"},
		{config.Redirect{Status: 301, To: "https:///a"}, "comes a host"},
		{config.Redirect{Status: 301, To: "https://"}, "comes a host"},
		{config.Redirect{Status: 301, To: "https://a${query}"}, "behind a '?'"},
		{config.Redirect{Status: 301, To: "/${query}"}, "behind a '?'"},
		{config.Redirect{Status: 301, To: `/\a`}, "visible ASCII"},
		{config.Redirect{Status: 301, To: "/a b"}, "visible ASCII"},
		{config.Redirect{Status: 301, To: "/\r\nX: y"}, "visible ASCII"},
		{config.Redirect{Status: 301, To: "/${path"}, "slash itself|without }"},
		{config.Redirect{Status: 301, To: "/a${client_address}"}, "unknown variable"},
	} {
		_, err := CompileRedirect(&c.redirect)
		if err == nil {
			t.Errorf("%+v is not refused", c.redirect)
			continue
		}
		named := false
		for want := range strings.SplitSeq(c.want, "|") {
			named = named || strings.Contains(err.Error(), want)
		}
		if !named {
			t.Errorf("%+v: %v, want %q", c.redirect, err, c.want)
		}
	}
}
