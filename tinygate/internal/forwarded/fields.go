package forwarded

import (
	"net/netip"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// Conn is what is the same for all requests of a client's connection. Init comes first. It belongs to the loop of the
// connection.
type Conn struct {
	r       *Resolver
	peer    netip.Addr
	https   bool
	trusted bool
	text    []byte // of peer; a piece of block
	block   []byte // the field lines that tell of peer, up to the value of X-Forwarded-Host
	element []byte // of Forwarded, up to the host; a piece of the same memory
}

const hostName = "X-Forwarded-Host: "

// InitUnix is Init for who has connected to a Unix socket and told no address.
func (c *Conn) InitUnix(r *Resolver, https bool) {
	c.Init(r, netip.Addr{}, https)
	c.trusted = r.unix
}

// Init sets whose connection it is: peer is the address at its other end, or what a PROXY header said, and not valid where
// it is not known; https says that it is encrypted here. It may be called again, with another Resolver after a
// change of the configuration; memory is kept.
func (c *Conn) Init(r *Resolver, peer netip.Addr, https bool) {
	peer = peer.Unmap().WithZone("")
	b := c.block[:0]
	*c = Conn{r: r, peer: peer, https: https, trusted: r.Trusts(peer)}
	from, to := 0, 0
	if peer.IsValid() {
		b = append(b, "X-Forwarded-For: "...)
		from = len(b)
		b = peer.AppendTo(b)
		to = len(b)
		b = append(b, "\r\nX-Real-IP: "...)
		b = append(append(b, b[from:to]...), "\r\n"...)
	}
	b = appendScheme(append(b, "X-Forwarded-Proto: "...), https)
	b = append(b, "\r\n"+hostName...)
	end := len(b)
	if r.rfc {
		b = appendElement(append(b, "Forwarded: "...), peer, https)
	}
	c.text, c.block, c.element = b[from:to], b[:end], b[end:]
}

func appendScheme(dst []byte, https bool) []byte {
	if https {
		return append(dst, "https"...)
	}
	return append(dst, "http"...)
}

// appendElement writes an element of Forwarded without a host.
func appendElement(dst []byte, a netip.Addr, https bool) []byte {
	return appendScheme(append(appendNode(dst, a), ";proto="...), https)
}

// appendNode writes who was seen: RFC 7239 6 has IPv6 in brackets and therefore quoted, and "unknown".
func appendNode(dst []byte, a netip.Addr) []byte {
	dst = append(dst, "for="...)
	switch {
	case !a.IsValid():
		return append(dst, "unknown"...)
	case a.Is4():
		return a.AppendTo(dst)
	}
	return append(a.AppendTo(append(dst, `"[`...)), `]"`...)
}

// AppendFields marks in req what must not be sent on, and appends the field lines that tell the upstream who the client
// is: X-Forwarded-For, X-Real-IP, X-Forwarded-Proto, X-Forwarded-Host, and Forwarded where it is asked for. cl is what
// Resolve has said of the same head. It allocates nothing once dst has grown.
func (c *Conn) AppendFields(dst []byte, req *http1.Request, head []byte, cl *Client) []byte {
	host := req.Host.Of(head)
	dropFields(req, head, cl.Trusted && c.r.read == XForwardedFor)
	if cl.Trusted {
		return c.appendVouched(dst, req, head, cl, host)
	}
	dst = append(dst, c.block...)
	if len(host) > 0 {
		dst = append(append(dst, host...), "\r\n"...)
	} else {
		dst = dst[:len(dst)-len(hostName)]
	}
	if len(c.element) > 0 {
		dst = appendHost(append(dst, c.element...), host)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// dropFields marks the fields that speak of the client as not to be sent on. vouched says that they come from a trusted proxy
// which writes X-Forwarded fields: those that are not written anew here stay then, such as X-Forwarded-Port and
// X-Forwarded-Prefix, unless they are written with underscores, which no proxy does. A proxy that appends to Forwarded instead
// passes X-Forwarded fields on as its client wrote them.
func dropFields(req *http1.Request, head []byte, vouched bool) {
	req.DropID(http1.IDForwarded)
	for i := range req.Len() {
		name := req.Field(i).Name.Of(head)
		if http1.Vouches(name) && !(vouched && isOther(req.ID(i), name)) {
			req.Drop(i)
		}
	}
}

// isOther reports whether a field is one that only trusted proxies write, and not one that is written here.
func isOther(id http1.ID, name []byte) bool {
	if id != http1.IDOther || equalFold(name, "x-real-ip") {
		return false
	}
	for _, c := range name {
		if c == '_' {
			return false
		}
	}
	return true
}

// appendVouched is AppendFields for a trusted peer.
func (c *Conn) appendVouched(dst []byte, req *http1.Request, head []byte, cl *Client, host []byte) []byte {
	asked := host
	if len(cl.host) > 0 {
		asked = cl.host
	}
	if cl.Addr.IsValid() {
		dst = append(dst, "X-Forwarded-For: "...)
		if c.r.read == XForwardedFor {
			dst = c.appendList(dst, req, head, cl)
		} else if cl.line >= 0 {
			dst = cl.Addr.AppendTo(dst)
		}
		if len(c.text) > 0 {
			dst = append(appendComma(dst, cl), c.text...)
		}
		dst = append(dst, "\r\nX-Real-IP: "...)
		dst = append(cl.Addr.AppendTo(dst), "\r\n"...)
	}
	dst = appendScheme(append(dst, "X-Forwarded-Proto: "...), cl.HTTPS)
	dst = append(dst, "\r\n"...)
	if len(asked) > 0 {
		dst = append(append(append(dst, hostName...), asked...), "\r\n"...)
	}
	if !c.r.rfc {
		return dst
	}
	dst = append(dst, "Forwarded: "...)
	switch {
	case cl.line < 0:
		dst = appendHost(appendElement(dst, c.peer, cl.HTTPS), asked)
	case c.r.read == Forwarded:
		dst = append(c.appendList(dst, req, head, cl), ", "...)
		dst = appendHost(appendElement(dst, c.peer, c.https), host)
	default:
		dst = append(appendHost(appendElement(dst, cl.Addr, cl.HTTPS), asked), ", "...)
		dst = appendHost(appendElement(dst, c.peer, c.https), host)
	}
	return append(dst, "\r\n"...)
}

// appendComma goes between what was vouched for and the peer.
func appendComma(dst []byte, cl *Client) []byte {
	if cl.line < 0 {
		return dst
	}
	return append(dst, ", "...)
}

// appendHost ends an element of Forwarded. The value is always quoted, since a port's colon and much of what may stand in
// a host are no token; a host that was accepted has nothing to escape.
func appendHost(dst, host []byte) []byte {
	if len(host) == 0 {
		return dst
	}
	return append(append(append(dst, `;host="`...), host...), '"')
}

// appendList appends the elements from the client's on, of all lines, joined as RFC 9110 5.3 allows.
func (c *Conn) appendList(dst []byte, req *http1.Request, head []byte, cl *Client) []byte {
	if cl.line < 0 {
		return dst
	}
	id := req.ID(cl.line)
	dst = append(dst, head[cl.off:req.Field(cl.line).Value.End]...)
	for i := req.Find(id, cl.line+1); i >= 0; i = req.Find(id, i+1) {
		if v := req.Field(i).Value.Of(head); len(v) > 0 {
			dst = append(append(dst, ", "...), v...)
		}
	}
	return dst
}
