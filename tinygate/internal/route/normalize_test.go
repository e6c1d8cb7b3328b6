package route

import (
	"bytes"
	"errors"
	"net/url"
	paths "path"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

func TestNormalize(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/", "/"},
		{"", "/"},
		{"*", "*"},
		{"/a", "/a"},
		{"/a/", "/a/"},
		{"/a/../b", "/b"},
		{"/a/%2e%2e/b", "/b"},
		{"/a/.%2E/b", "/b"},
		{"/a/%2e/b", "/a/b"},
		{"/a//b", "/a/b"},
		{"//a", "/a"},
		{"///", "/"},
		{"/a/./b", "/a/b"},
		{"/a/.", "/a/"},
		{"/a/..", "/"},
		{"/a/b/..", "/a/"},
		{"/..", "/"},
		{"/../../a", "/a"},
		{"/.", "/"},
		{"/./", "/"},
		{"/a//../b", "/b"}, // several slashes are one first, as in servers that merge them
		{"/a/b//..//c", "/a/c"},
		{"/.a", "/.a"},
		{"/..a", "/..a"},
		{"/...", "/..."},
		{"/a.", "/a."},
		{"/.well-known/x", "/.well-known/x"},
		{"/%61dmin", "/admin"},
		{"/%7euser", "/~user"},
		{"/%7Euser/%41%5a%30%2d%5f", "/~user/AZ0-_"},
		{"/a%20b", "/a%20b"},
		{"/a%c3%a9", "/a%C3%A9"},
		{"/%252e%252e/a", "/%252e%252e/a"},
		{"/a%3bb", "/a%3Bb"},
		{"/a;b=c/d", "/a;b=c/d"},
		{"/a/%2fb", "/a/%2Fb"},
		{"/a%2fb", "/a%2Fb"},
		{"/a%5cb", "/a%5Cb"},
		{"/a%0d%0ab", "/a%0D%0Ab"},
		{"/a%2Fb..", "/a%2Fb.."},
		{"/12345678/../x", "/x"},
		{"/1234567/../x", "/x"},
		{"/123456/../x", "/x"},
	} {
		buf := []byte("what was there before")
		got, same, err := Normalize(buf, []byte(c.path))
		if err != nil || string(got) != c.want || same != (c.path == c.want) {
			t.Errorf("%q: %q, %v, %v, want %q", c.path, got, same, err, c.want)
		}
	}
}

func TestNormalizeRefuses(t *testing.T) {
	for _, c := range []struct {
		path string
		want error
	}{
		{"a", errStart},
		{"**", errStart},
		{"%2Fa", errStart},
		{"/%", errEscape},
		{"/%2", errEscape},
		{"/%zz", errEscape},
		{"/a%2g/..", errEscape},
		{"/%%36", errEscape},
		{"/%00", errNUL},
		{"/a/%00/../b", errNUL},
		{`/a\b`, errBackslash},
		{`/\..\b`, errBackslash},
		{"/a/..;/b", errDots},
		{"/a/..;x=y/b", errDots},
		{"/a/.;", errDots},
		{"/a/%2e%2e;/b", errDots},
		{"/a/..%2fb", errDots},
		{"/a/..%5Cb", errDots},
		{"/a%2f..", errDots},
		{"/a%2f.%2fb", errDots},
		{"/a%2f..%2fb", errDots},
		{"/a%2f%2e%2e;x%2fb", errDots},
		{"/a%2f/b%5c", errBoth},
		{"/a%2f/../b%5c", errBoth},
	} {
		got, same, err := Normalize(nil, []byte(c.path))
		var h *http1.Error
		if err != c.want || got != nil || same || !errors.As(err, &h) || h.Status != 400 {
			t.Errorf("%q: %q, %v, want %v", c.path, got, err, c.want)
		}
	}
}

// Where a character of one path stands must not matter to what looks at eight bytes at a time.
func TestNormalizeAtAllPlaces(t *testing.T) {
	for before := range 20 {
		for after := range 20 {
			for _, in := range []string{"%41", "//", "/./", "/../", "/.x", "/", "%20", "x"} {
				p := "/" + strings.Repeat("a", before) + in + strings.Repeat("b", after)
				got, same, err := Normalize(nil, []byte(p))
				if want, ok := clean(p); err != nil || !ok || string(got) != want || same != (p == want) {
					t.Errorf("%q: %q, %v, %v, want %q", p, got, same, err, want)
				}
			}
		}
	}
	for before := range 20 {
		p := "/" + strings.Repeat("a", before) + `\` + strings.Repeat("b", 20-before)
		if _, _, err := Normalize(nil, []byte(p)); err != errBackslash {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// clean is the normal form by net/url and path, where they agree with ours on what it is: escapes of other characters than
// unreserved ones are kept apart.
func clean(p string) (string, bool) {
	if !strings.HasPrefix(p, "/") {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] != '%' {
			b.WriteByte(p[i])
			continue
		}
		if len(p) < i+3 {
			return "", false
		}
		c, err := url.PathUnescape(p[i : i+3])
		if err != nil {
			return "", false
		}
		if url.QueryEscape(c) == c { // unreserved
			b.WriteString(c)
		} else {
			b.WriteString(strings.ToUpper(p[i : i+3]))
		}
		i += 2
	}
	s := b.String()
	cleaned := paths.Clean(s)
	if cleaned != "/" && (strings.HasSuffix(s, "/") || strings.HasSuffix(s, "/.") || strings.HasSuffix(s, "/..")) {
		cleaned += "/"
	}
	return cleaned, true
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{
		"/", "", "*", "/a/../b", "/a/%2e%2e/b", "/a//b", "/a/%2fb", "/%61dmin", "/..%2f", "/a;b/..;c", "/%5c", `/\`, "/%00", "/%zz",
		"/a/b/c/./../../g", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/%41",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i := range len(s) {
			if c := s[i]; c <= ' ' || c >= 0x7f || c == '?' || c == '#' {
				return // http1 has refused it
			}
		}
		dst := make([]byte, 0, len(s))
		norm, same, err := Normalize(dst, []byte(s))
		if err != nil {
			return
		}
		checkNormal(t, s, norm, same)
		again, same, err := Normalize(nil, norm)
		if err != nil || !same || !bytes.Equal(again, norm) {
			t.Errorf("%q: %q is %q when it is normalised again, %v", s, norm, again, err)
		}
		other := appendSeparated(nil, norm)
		if o, same, err := Normalize(nil, other); err != nil || !same {
			t.Errorf("%q: the other reading %q is not normal: %q, %v", s, other, o, err)
		}
	})
}

func checkNormal(t *testing.T, s string, norm []byte, same bool) {
	if s == "*" || s == "" {
		return
	}
	if len(norm) > len(s) || same != (string(norm) == s) || !strings.HasPrefix(string(norm), "/") {
		t.Errorf("%q: %q, same %v", s, norm, same)
	}
	for seg := range strings.SplitSeq(string(norm), "/") {
		if seg, _, _ = strings.Cut(seg, ";"); seg == "." || seg == ".." {
			t.Errorf("%q: %q has a dot segment", s, norm)
		}
	}
	if want, ok := clean(s); !ok || string(norm) != want {
		t.Errorf("%q: %q, net/url and path make %q of it", s, norm, want)
	}
	checkForwardable(t, norm)
}

// checkForwardable looks at a path as the next server does.
func checkForwardable(t *testing.T, norm []byte) {
	head := []byte("GET " + string(norm) + " HTTP/1.1\r\nHost: a\r\n\r\n")
	if len(head) > 8<<10 {
		return
	}
	var r http1.Request
	r.Init(http1.Limits{})
	if n, err := r.Parse(head); n != len(head) || !bytes.Equal(r.Path.Of(head), norm) {
		t.Errorf("%q is no path for http1: %v", norm, err)
	}
	if _, err := url.ParseRequestURI(string(norm)); err != nil {
		t.Errorf("%q is no path for net/url: %v", norm, err)
	}
}
