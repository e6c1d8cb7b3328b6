package http1

import (
	"bytes"

	"github.com/unio-go/unio/tinygate/internal/iptext"
)

// target finds the form of the request target and its parts.
func (r *Request) target(b []byte) *fault {
	t := r.Target.Of(b)
	switch {
	case r.Method == MethodConnect:
		return r.authority(t)
	case t[0] == '/':
		return r.path(b, int(r.Target.Off))
	case len(t) == 1 && t[0] == '*':
		if r.Method != MethodOptions {
			return faultTargetForm
		}
		r.Form = FormAsterisk
		r.Path = r.Target
		return nil
	}
	return r.absolute(b)
}

func (r *Request) authority(t []byte) *fault {
	n, ok := hostname(t)
	if !ok || n == len(t) {
		return faultAuthority
	}
	r.Form = FormAuthority
	r.HostReplaced = true
	r.Host = r.Target
	r.Hostname = Span{r.Host.Off, r.Host.Off + uint16(n)}
	return nil
}

// absolute takes an http or https URI apart (RFC 9110 4.2). An empty authority and user information are no
// host.
func (r *Request) absolute(b []byte) *fault {
	t := r.Target.Of(b)
	colon := bytes.IndexByte(t, ':')
	if colon < 0 {
		return faultTargetForm
	}
	if s := t[:colon]; !equalFoldASCII(s, "http") && !equalFoldASCII(s, "https") {
		return faultScheme
	}
	rest := t[colon+1:]
	if len(rest) < 2 || rest[0] != '/' || rest[1] != '/' {
		return faultAuthority
	}
	rest = rest[2:]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	n, all, ok := hostPort(rest[:end])
	if !ok {
		return faultAuthority
	}
	off := int(r.Target.Off) + colon + len("://")
	r.Form = FormAbsolute
	r.HostReplaced = true
	r.Host = span(off, off+all)
	r.Hostname = span(off, off+n)
	return r.path(b, off+end)
}

// path splits what stands from off to the end of the target, and looks at the escapes of the path, so that
// who decodes it later cannot fail.
func (r *Request) path(b []byte, off int) *fault {
	end := int(r.Target.End)
	p := b[off:end]
	if q := bytes.IndexByte(p, '?'); q >= 0 {
		r.Query = span(off+q+1, end)
		p = p[:q]
	}
	r.Path = span(off, off+len(p))
	if !validEscapes(p) {
		return faultEscape
	}
	return nil
}

// host checks the Host field and takes it for the effective host, unless the target has an authority.
func (r *Request) host(b []byte) *fault {
	i := r.Find(IDHost, 0)
	if i < 0 {
		if r.minor == 1 {
			return faultHostMissing
		}
		return nil
	}
	s := r.table[i].Value
	n, all, ok := hostPort(s.Of(b))
	if !ok {
		return faultHost
	}
	if r.HostReplaced {
		r.Drop(i)
		return nil
	}
	r.Host = Span{s.Off, s.Off + uint16(all)}
	r.Hostname = Span{s.Off, s.Off + uint16(n)}
	if all < s.Len() {
		r.HostReplaced = true
		r.Drop(i)
	}
	return nil
}

func validEscapes(p []byte) bool {
	for {
		i := bytes.IndexByte(p, '%')
		if i < 0 {
			return true
		}
		if len(p) < i+3 || class[p[i+1]]&class[p[i+2]]&classHex == 0 {
			return false
		}
		p = p[i+3:]
	}
}

// hostPort checks host [":" port] as hostname does, but for a port that may be empty (RFC 3986 3.2.3): its colon is not in all. Not
// everybody behind us reads one.
func hostPort(b []byte) (n, all int, ok bool) {
	if all = len(b) - 1; all > 0 && b[all] == ':' {
		n, ok = hostname(b[:all])
		return n, all, ok && n == all
	}
	n, ok = hostname(b)
	return n, len(b), ok
}

// ValidHost reports whether b may be the value of Host: what a head is refused for otherwise, for text that comes from
// elsewhere in a message.
func ValidHost(b []byte) bool {
	_, ok := hostname(b)
	return ok
}

// hostname checks host [":" port] and returns the length of host. Escapes are refused although RFC 3986 has them: some readers decode
// them and some do not, so a route could be chosen for one host and served for another.
func hostname(b []byte) (n int, ok bool) {
	switch {
	case len(b) == 0:
		return 0, false
	case b[0] == '[':
		n = bytes.IndexByte(b, ']') + 1
		if n == 0 {
			return 0, false
		}
		if a, ok := iptext.Parse(b[1 : n-1]); !ok || !a.Is6() {
			return 0, false
		}
	default:
		n = skipClass(b, 0, classHost)
		if n == 0 {
			return 0, false
		}
	}
	return n, n == len(b) || validPort(b[n:])
}

// validPort accepts a colon and one to five digits up to 65535.
func validPort(b []byte) bool {
	if len(b) < 2 || len(b) > 6 || b[0] != ':' {
		return false
	}
	v := 0
	for _, c := range b[1:] {
		if c < '0' || c > '9' {
			return false
		}
		v = v*10 + int(c-'0')
	}
	return v <= 65535
}
