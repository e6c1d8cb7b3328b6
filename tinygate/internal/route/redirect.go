package route

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/edit"
)

// Redirect is a compiled config.Redirect. It is not changed after it was made, and may be used from several loops.
type Redirect struct {
	Status   int
	to       edit.Template // up to the query
	query    edit.Template // behind '?'
	hasQuery bool
}

var (
	errRedirectStatus = errors.New("status: a redirect has 301, 302, 303, 307 or 308")
	errRedirectTwo    = errors.New("an address and https exclude each other: keep one")
	errRedirectASCII  = errors.New("an address has only visible ASCII without '\\': escape the others")
	errRedirectStart  = errors.New("begin with /, ${path}, http://, https:// or ${scheme}://")
	errRedirectPath   = errors.New("${path} begins with a slash itself; behind another one, or where a host is expected, the client " +
		"could name a host of its own: take the slash away, or write the host")
	errRedirectHost  = errors.New("behind :// comes a host: write it or ${host}")
	errRedirectQuery = errors.New("${query} stands behind a '?': write ?${query}")
)

// inRedirect are the variables of an address.
var inRedirect = []edit.Variable{edit.Scheme, edit.Host, edit.Path, edit.Query}

// CompileRedirect compiles r. What would let a client choose the host it is sent to is an error.
func CompileRedirect(r *config.Redirect) (*Redirect, error) {
	if !slices.Contains([]int{301, 302, 303, 307, 308}, r.Status) {
		return nil, errRedirectStatus
	}
	to := r.To
	if r.HTTPS {
		if to != "" {
			return nil, errRedirectTwo
		}
		to = "https://${host}${path}?${query}"
	}
	if err := checkTarget(to); err != nil {
		return nil, fmt.Errorf("redirect to %q: %w", to, err)
	}
	before, query, hasQuery := strings.Cut(to, "?")
	c := &Redirect{Status: r.Status, hasQuery: hasQuery}
	var err error
	if c.to, err = edit.ParseTemplate(before, inRedirect...); err == nil {
		c.query, err = edit.ParseTemplate(query, inRedirect...)
	}
	if err != nil {
		return nil, fmt.Errorf("redirect to %q: %w", to, err)
	}
	return c, nil
}

// checkTarget sees to it that the values put in cannot change which host an address names: ${path} follows a host or stands
// at the beginning, ${query} is in the query.
func checkTarget(to string) error {
	before, _, _ := strings.Cut(to, "?")
	switch {
	case !isVisible([]byte(to)) || strings.Contains(to, `\`):
		return errRedirectASCII
	case strings.Contains(before, "${query}"):
		return errRedirectQuery
	case strings.HasPrefix(to, "//"):
		return errRedirectStart
	case strings.HasPrefix(to, "/${path}"):
		return errRedirectPath
	case strings.HasPrefix(to, "/"), strings.HasPrefix(to, "${path}"):
		return nil
	}
	scheme, rest, found := strings.Cut(before, "://")
	if !found || scheme != "http" && scheme != "https" && scheme != "${scheme}" {
		return errRedirectStart
	}
	switch {
	case strings.HasPrefix(rest, "${path}"):
		return errRedirectPath
	case rest == "" || strings.ContainsAny(rest[:1], "/?#:@"):
		return errRedirectHost
	}
	return nil
}

// Append appends the address for the Location field. v's Host is without port, its Path in normal form and rewritten, if
// the route does that. A '?' behind which nothing comes is left out. It returns false, and dst as it was, when a value
// that is needed is missing, as the host may be in HTTP/1.0, or has characters that an address cannot have, among them
// the backslash before the query, which browsers take for a slash.
func (r *Redirect) Append(dst []byte, v *edit.Values) ([]byte, bool) {
	begin := len(dst)
	dst, ok := appendParts(dst, r.to, v)
	if !ok || bytes.IndexByte(dst[begin:], '\\') >= 0 {
		return dst[:begin], false
	}
	if r.hasQuery {
		mark := len(dst)
		dst = append(dst, '?')
		dst = r.query.Append(dst, v)
		if len(dst) == mark+1 {
			dst = dst[:mark]
		}
	}
	if !isVisible(dst[begin:]) {
		return dst[:begin], false
	}
	return dst, true
}

// appendParts appends what stands before the query: no value may be missing there, and a path has to be one.
func appendParts(dst []byte, t edit.Template, v *edit.Values) ([]byte, bool) {
	for text, variable := range t.Parts() {
		dst = append(dst, text...)
		if variable == edit.None {
			continue
		}
		value := v[variable]
		if len(value) == 0 || variable == edit.Path && value[0] != '/' {
			return dst, false
		}
		dst = append(dst, value...)
	}
	return dst, true
}

// isVisible reports whether b is of visible ASCII alone, as a request target is.
func isVisible(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
