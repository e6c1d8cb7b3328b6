package gate

import (
	"bytes"
	"net"

	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/route"
)

// smallBody is how long a body may be to be copied behind the head: to send one piece is cheaper than two.
const smallBody = 4 << 10

// buildRequest writes the head for the upstream, with as much of a small body as is there.
func (x *exchange) buildRequest() (err error) {
	o := x.req.Out()
	// A protocol can be changed only when all of the request has been sent; with a body that would be a race.
	o.Upgrade = x.req.Upgrade.Len() > 0 && x.body.Done() && x.request.empty() && !isH2C(x.req.Upgrade.Of(x.head))
	x.upgrade = o.Upgrade
	o.Host = x.newHost()
	o.Target = x.newTarget()
	x.editRequest()
	o.Extra = x.extra
	in, size := &x.cl.in, x.req.ForwardMax(&o)
	var rest []byte
	switch {
	case !x.request.empty(), x.req.Body == http1.FramingChunked && x.body.Done():
		x.frameHeld(&o)
	case x.req.Body == http1.FramingLength && x.req.ContentLength <= smallBody:
		rest = in.bytes()
		rest = rest[:min(int64(len(rest)), x.req.ContentLength)]
	}
	x.out, err = build(x.sh.g.rt, size+len(rest)+http1.ChunkHeaderMax, func(p []byte) []byte {
		p = append(x.req.AppendForward(p, x.head, &o), rest...)
		if x.inside {
			p = http1.AppendChunkHeader(p, x.request.n)
		}
		return p
	})
	x.takeSmall(in, &x.body, len(rest))
	x.bytes.in += int64(len(rest))
	return err
}

// holdRequest holds the body back until it is whole, or as much as the rule says.
func (x *exchange) holdRequest() error {
	if x.body.Done() {
		return nil
	}
	if x.req.Continue {
		x.req.DropID(http1.IDExpect)
		x.req.Continue = false // what does not fit is sent on without waiting for the server's word
		if err := x.invite(); err != nil {
			return clientGone(err)
		}
	}
	most := x.rule.BodyBytes
	x.cl.in.limit, x.cl.in.end = x.times.Body, x.end
	err := x.request.hold(x.sh.g.rt, &x.cl.in, &x.body, x.rule.Buffer.Bytes, x.cl.in.recv)
	switch {
	case err != nil:
		x.uploadErr = err
	case most > 0 && int64(x.request.n) > most:
		return errLongBody
	}
	x.bytes.in += int64(x.request.n)
	return err
}

// frameHeld decides how a body that was held back is framed. One that is whole has a length, and no trailers, which a
// proxy may leave out (RFC 9110 6.5.1). Of one that is not, the held part is the first chunk if it is chunked.
func (x *exchange) frameHeld(o *http1.RequestOut) {
	if x.body.Done() {
		o.Body, o.Length = http1.FramingLength, int64(x.request.n)
		return
	}
	x.inside = o.Body == http1.FramingChunked
}

// takeSmall skips n bytes of a body of known length that have been copied.
func (x *exchange) takeSmall(in *source, body *http1.Body, n int) {
	for n > 0 {
		_, _, m, _ := body.Next(in.bytes()[:n])
		in.skip(m)
		n -= m
	}
}

// newTarget is what stands in the request line, if that is not what the client wrote.
func (x *exchange) newTarget() []byte {
	r := x.rule.Rewrite
	if r == nil && !x.moved {
		return nil
	}
	x.line = route.AppendRewrite(x.line[:0], x.path, r)
	if x.req.Query.Len() > 0 {
		x.line = append(append(x.line, '?'), x.req.Query.Of(x.head)...)
	}
	return x.line
}

// newHost is the host that goes to the server where it is not the client's: what the rule says, or for a request of
// HTTP/1.0 that names none the address that the client has connected to (RFC 9112 3.3). A Unix socket has a path, which is no
// host; then an empty one is sent.
func (x *exchange) newHost() []byte {
	if x.rule.request != nil {
		var ok bool
		if x.host, ok = x.rule.request.Host(x.host[:0], x.variables()); ok {
			return x.host
		}
	}
	if x.req.Host.Len() > 0 {
		return nil
	}
	if a, ok := x.cl.c.LocalAddr().(*net.TCPAddr); ok {
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
