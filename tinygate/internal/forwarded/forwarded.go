// Package forwarded finds out who the client of a request is, and writes what the upstream is told about it. It does no
// I/O.
//
// Anybody can write a header field, so a field says something about the client only as far as the one who appended to it
// is trusted. The walk begins at the peer of the connection and goes through the list from the right: as long as an
// address is that of a trusted proxy, the entry on its left is what this proxy has seen. The first one that is not
// trusted is the client. This is nginx's real_ip_recursive and Caddy's trusted_proxies_strict. Entries that are no
// address end the walk at the proxy that wrote them.
//
// What stands left of the client is hearsay, and so is all that a peer says which is not trusted: none of it is sent on.
// The list that an upstream gets begins with the client.
package forwarded

import (
	"net/netip"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// Field is the field in which trusted proxies tell whom they have seen. There is one only: a proxy that appends
// to one of them passes the other on as the client wrote it.
type Field uint8

// The values of Field.
const (
	XForwardedFor Field = iota
	Forwarded           // RFC 7239
)

// Options are what a Resolver is made of.
type Options struct {
	Trusted     []netip.Prefix
	TrustUnix   bool  // peers on Unix sockets are trusted: only who may open the socket comes that way
	Read        Field // what trusted proxies append to
	SendRFC7239 bool  // upstreams get Forwarded beside the X-Forwarded fields
}

// Resolver knows whom to trust. It is only read, so all loops may use it at once.
type Resolver struct {
	trusted networks
	unix    bool
	read    Field
	rfc     bool
}

// New compiles a Resolver.
func New(o Options) *Resolver {
	return &Resolver{compile(o.Trusted), o.TrustUnix, o.Read, o.SendRFC7239}
}

// Trusts reports whether an address is that of a trusted proxy.
func (r *Resolver) Trusts(a netip.Addr) bool { return r.trusted.contains(a) }

// Client is what is known about who sent a request. Parts of it alias the head that it was made from.
type Client struct {
	Addr    netip.Addr // not valid where a peer on a Unix socket told none
	HTTPS   bool       // the client's scheme; ours, or what a trusted proxy says
	Trusted bool       // the peer is trusted, so that its ids and other fields can be used
	line    int        // of the field that was read: where what is vouched for begins; -1: nowhere
	off     int        // in the head, of the client's element in that line
	host    []byte     // what a trusted proxy says that the client has asked for; a piece of the head
}

// Resolve finds the client of a request, whose head it does not change. It allocates nothing.
func (c *Conn) Resolve(req *http1.Request, head []byte) Client {
	cl := Client{Addr: c.peer, HTTPS: c.https, Trusted: c.trusted, line: -1}
	switch {
	case !c.trusted:
	case c.r.read == Forwarded:
		c.walk(&cl, req, head, http1.IDForwarded)
	default:
		c.walk(&cl, req, head, http1.IDXForwardedFor)
		if v, ok := only(req, http1.IDXForwardedProto); ok {
			cl.setScheme(v.Of(head))
		}
		if v, ok := only(req, http1.IDXForwardedHost); ok && http1.ValidHost(v.Of(head)) {
			cl.host = v.Of(head)
		}
	}
	return cl
}

// only returns the value of a field that is there once. What is said twice was not said by one proxy.
func only(req *http1.Request, id http1.ID) (v http1.Span, ok bool) {
	i := req.Find(id, 0)
	if i < 0 || req.Find(id, i+1) >= 0 {
		return v, false
	}
	return req.Field(i).Value, true
}

// setScheme takes over what a proxy says, if it is a scheme. Traefik says ws and wss for WebSocket.
func (cl *Client) setScheme(v []byte) {
	switch {
	case equalFold(v, "https"), equalFold(v, "wss"):
		cl.HTTPS = true
	case equalFold(v, "http"), equalFold(v, "ws"):
		cl.HTTPS = false
	}
}

// walk goes through the lines of a field from the right to the first address that is not trusted.
func (c *Conn) walk(cl *Client, req *http1.Request, head []byte, id http1.ID) {
	if !req.Has(id) {
		return
	}
	for i := req.Len() - 1; i >= 0; i-- {
		if req.ID(i) != id {
			continue
		}
		v := req.Field(i).Value
		for list := v.Of(head); len(list) > 0; {
			e, rest, off := cutLast(list, id == http1.IDForwarded)
			list = rest
			if len(e) == 0 { // an empty element says nothing, RFC 9110 5.6.1
				continue
			}
			if !cl.take(e, id) {
				return
			}
			cl.line, cl.off = i, int(v.Off)+off
			if !c.r.Trusts(cl.Addr) {
				return
			}
		}
	}
}

// take makes the element e the client, if it names one.
func (cl *Client) take(e []byte, id http1.ID) bool {
	if id != http1.IDForwarded {
		a, ok := node(e)
		if ok {
			cl.Addr = a
		}
		return ok
	}
	f, ok := parseElement(e)
	if !ok {
		return false
	}
	a, ok := node(f.node)
	if !ok {
		return false
	}
	cl.Addr = a
	cl.setScheme(f.proto)
	if cl.host = nil; http1.ValidHost(f.host) {
		cl.host = f.host
	}
	return true
}
