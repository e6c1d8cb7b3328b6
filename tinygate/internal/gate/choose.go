package gate

import (
	"bytes"

	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/route"
)

var (
	errConnect = &http1.Error{Status: 501, Reason: "CONNECT is not supported by a reverse proxy"}
	// TRACE would show the client what this proxy and those before it have added.
	errTrace    = &http1.Error{Status: 405, Reason: "TRACE is not allowed"}
	errNoRoute  = &http1.Error{Status: 404, Reason: "no route fits"}
	errTwoPaths = &http1.Error{Status: 400, Reason: "the path leads to another route where its escaped slash or backslash is decoded"}
	errPath     = &http1.Error{Status: 400, Reason: "the path has an escape that is not allowed"}
	errRedirect = &http1.Error{Status: 400, Reason: "the redirect cannot be made of this request"}
	errLongBody = &http1.Error{Status: 413, Reason: "the request body is too large"}
)

// choose finds the rule for the request.
func (x *exchange) choose() *http1.Error {
	switch x.req.Method {
	case http1.MethodConnect:
		return errConnect
	case http1.MethodTrace:
		return errTrace
	}
	var err error
	var same bool
	x.path, same, err = route.Normalize(x.scratch[:0], x.target())
	if err != nil {
		return errPath
	}
	if !same {
		x.scratch = x.path
	}
	x.moved = !same
	s := x.site
	q := &x.query
	q.Host, q.Path, q.RawQuery = x.req.Hostname.Of(x.head), x.path, x.req.Query.Of(x.head)
	q.Method, q.Client, q.HTTPS, q.Fields = x.req.MethodName.Of(x.head), x.who.Addr, x.who.HTTPS, x
	i := s.table.Find(&x.query)
	switch i {
	case route.None:
		return errNoRoute
	case route.Ambiguous:
		return errTwoPaths
	}
	x.rule = s.rules[i]
	x.times = &x.rule.Times
	if x.times.Total > 0 {
		x.end = x.began.Add(x.times.Total)
	}
	if n := x.rule.BodyBytes; n > 0 && x.req.ContentLength > n {
		return errLongBody
	}
	return nil
}

// target is the path that the client asks for. OPTIONS for a whole server is "*" also where a proxy gets it as an address
// without a path (RFC 9112 3.2.4).
func (x *exchange) target() []byte {
	if x.req.Method == http1.MethodOptions && x.req.Path.Len() == 0 && x.req.Path.End == x.req.Target.End {
		return []byte{'*'}
	}
	return x.req.Path.Of(x.head)
}

// Field gives the header fields to the router.
func (x *exchange) Field(name string, i int) (value []byte, next int) {
	if i = x.req.Lookup(x.head, name, i); i < 0 {
		return nil, -1
	}
	return x.req.Field(i).Value.Of(x.head), i + 1
}

// hash is what a Hash balance chooses by.
func (x *exchange) hash() uint64 {
	var key []byte
	switch g := x.rule.group; g.HashKey {
	case config.HashHeader:
		key, _ = x.Field(g.HashName, 0)
	case config.HashCookie:
		key = x.cookie(g.HashName)
	case config.HashPath:
		key = x.path
	}
	if len(key) > 0 {
		return cluster.Key(key)
	}
	a := x.who.Addr.As16() // also spreads the requests that lack what is asked for
	return cluster.Key(a[:])
}

// cookie is the value of a cookie (RFC 6265 5.4).
func (x *exchange) cookie(name string) []byte {
	for i := x.req.Lookup(x.head, "cookie", 0); i >= 0; i = x.req.Lookup(x.head, "cookie", i+1) {
		rest := x.req.Field(i).Value.Of(x.head)
		for len(rest) > 0 {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte(";"))
			if k, v, ok := bytes.Cut(bytes.TrimSpace(pair), []byte("=")); ok && string(k) == name {
				return v
			}
		}
	}
	return nil
}
