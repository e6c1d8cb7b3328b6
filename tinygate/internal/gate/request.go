package gate

import (
	"bytes"

	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// smallBody is up to how many bytes of a body are copied behind the head: one send of one piece is
// cheaper than a second piece.
const smallBody = 4 << 10

// buildRequest writes the head for the upstream, with as much of a small body as is there, and uses both up.
func (x *exchange) buildRequest(head []byte) (*mem.Buf, error) {
	in := &x.cl.in
	x.body.Init(x.req.Body, x.req.ContentLength, false)
	o := x.req.Out()
	// A protocol can be changed only when all of the request has been sent; with a body that would be a race.
	o.Upgrade = x.req.Upgrade.Len() > 0 && x.body.Done() && !isH2C(x.req.Upgrade.Of(head))
	x.upgrade = o.Upgrade
	o.Host = x.hostUnknown()
	x.extra = x.forwarded(x.extra[:0], head)
	o.Extra = x.extra
	rest := in.bytes()[len(head):]
	small := 0
	if x.req.Body == http1.FramingLength && x.req.ContentLength <= smallBody {
		small = int(min(int64(len(rest)), x.req.ContentLength))
	}
	out, err := build(x.sh.g.rt, x.req.ForwardMax(&o)+small, func(p []byte) []byte {
		return append(x.req.AppendForward(p, head, &o), rest[:small]...)
	})
	in.skip(len(head))
	x.takeSmall(in, &x.body, small)
	return out, err
}

// takeSmall uses up n bytes of a body of known length that have been copied.
func (x *exchange) takeSmall(in *source, body *http1.Body, n int) {
	for n > 0 {
		_, _, m, _ := body.Next(in.bytes()[:n])
		in.skip(m)
		n -= m
	}
}

// hostUnknown is the host for a request of HTTP/1.0 that names none: the address that the client has
// connected to (RFC 9112 3.3). It is nil for all others.
func (x *exchange) hostUnknown() []byte {
	if x.req.Host.Len() > 0 {
		return nil
	}
	if a := x.cl.c.LocalAddr(); a != nil {
		return []byte(a.String())
	}
	return nil
}

// isH2C recognises the upgrade to HTTP/2 without TLS, which ends at each hop: to pass it on would let a
// client speak past the rules of this proxy.
func isH2C(v []byte) bool {
	for token := range bytes.SplitSeq(v, []byte(",")) {
		if bytes.EqualFold(bytes.TrimSpace(token), []byte("h2c")) {
			return true
		}
	}
	return false
}

// forwarded drops what the client says about where it comes from, which anybody could say, and appends
// what we know.
func (x *exchange) forwarded(p, head []byte) []byte {
	r := &x.req
	host := r.Host.Of(head)
	r.DropID(http1.IDForwarded)
	for i := range r.Len() {
		if http1.Vouches(r.Field(i).Name.Of(head)) {
			r.Drop(i)
		}
	}
	if len(x.cl.peer) > 0 {
		p = append(append(append(p, "X-Forwarded-For: "...), x.cl.peer...), "\r\n"...)
	}
	p = append(p, "X-Forwarded-Proto: http\r\n"...)
	if len(host) > 0 {
		p = append(append(append(p, "X-Forwarded-Host: "...), host...), "\r\n"...)
	}
	return x.via(p, head, &r.Head)
}

// via adds this proxy to the Via field (RFC 9110 7.6.3).
func (x *exchange) via(p, head []byte, h *http1.Head) []byte {
	value := viaValue[h.Minor()]
	if !h.Has(http1.IDVia) {
		return append(append(append(p, "Via: "...), value...), "\r\n"...)
	}
	p = h.AppendJoined(p, head, http1.IDVia, "Via", value)
	h.DropID(http1.IDVia)
	return p
}

// viaValue is by the minor version of the message that was received.
var viaValue = [2][]byte{[]byte("1.0 tinygate"), []byte("1.1 tinygate")}
