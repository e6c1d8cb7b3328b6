package gate

import (
	"errors"
	"io"

	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// readResponse reads a response head and returns its length. The caller has set the deadline.
func (x *exchange) readResponse() (n int, err error) {
	up := x.up
	x.resp.Reset(x.req.Method)
	up.in.limit = 0
	for {
		if in := up.in.bytes(); len(in) > 0 {
			if n, err = x.resp.Parse(in); n > 0 || err != nil {
				return n, err
			}
		}
		if err = up.in.more(x.sh.g.rt); err != nil {
			if isTimeout(err) && x.watch() {
				continue
			}
			if len(up.in.bytes()) == 0 && !isTimeout(err) {
				return 0, errors.Join(errNoResponse, err)
			}
			if err == io.EOF {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

// interimsMax bounds the interim responses to one request. Some servers send one every few seconds of a long
// computation, so it is generous.
const interimsMax = 1000

var (
	errInterims = &http1.Error{Status: 502, Reason: "upstream: too many interim responses"}
	errUnasked  = &http1.Error{Status: 502, Reason: "upstream: 101 to a request without Upgrade"}
	errOther    = &http1.Error{Status: 502, Reason: "upstream: 101 for a protocol that the request does not name"}
)

// interim passes a 1xx response on, to clients that know of them (RFC 9110 15.2), without what the route removes or sets.
func (x *exchange) interim(head []byte) error {
	x.heard = true
	if x.interims++; x.interims > interimsMax {
		return errInterims
	}
	now := x.cl.raw.Now()
	switch {
	case !x.uploading:
		x.awaitResponse(now)
	case x.resp.Status == 100: // now it is the client's turn
		x.up.c.SetReadDeadline(x.end)
		x.cl.c.SetReadDeadline(x.by(now, x.times.Body))
	}
	if x.req.Minor() == 0 {
		x.up.in.skip(len(head))
		return nil
	}
	x.rule.response.Drop(&x.resp.Head, head)
	o := x.resp.Out(&x.req)
	b, err := build(x.sh.g.rt, x.resp.ForwardMax(&o), func(p []byte) []byte {
		return x.resp.AppendForward(p, head, &o)
	})
	x.up.in.skip(len(head))
	if err != nil {
		return err
	}
	return x.toClient(now, b)
}

// respond passes the final response on.
func (x *exchange) respond(head []byte) error {
	x.answered = true
	if err := x.checkTunnel(head); err != nil {
		return err
	}
	now := x.cl.raw.Now()
	x.now = now
	x.took, x.status = now.Sub(x.sent), x.resp.Status
	o := x.resp.Out(&x.req)
	x.editResponse(head)
	o.Extra = x.extra
	if !x.resp.Tunnel && (!x.body.Done() || x.sh.g.ending.Load()) {
		o.Connection = http1.ConnectionClose
	}
	if o.Connection == http1.ConnectionClose {
		x.req.KeepAlive = false
	}
	x.resp.InitBody(&x.back, head)
	b, err := x.buildResponse(head, &o)
	if err != nil {
		return err
	}
	defer x.response.drop()
	if x.rule.Buffer.Response && !x.resp.Tunnel && !x.back.Done() && !x.uploading {
		if err := x.holdResponse(); err != nil {
			b.Release()
			x.bytes.out = 0 // the client gets another response
			return err
		}
		now = x.cl.raw.Now()
	}
	x.begun, x.untilEnd = true, o.Body == http1.FramingClose
	if err := x.toClient(now, b); err != nil {
		return err
	}
	if x.resp.Tunnel {
		tunnel(&x.cl.in, &x.up.in, x.times.Tunnel, &x.bytes.in, &x.bytes.out)
		x.now = x.cl.raw.Now()
		x.req.KeepAlive = false
		return nil
	}
	if err := x.sendHeldResponse(&o); err != nil {
		return err
	}
	return x.passBody(&o)
}

// checkTunnel refuses a change to a protocol that was not asked for.
func (x *exchange) checkTunnel(head []byte) error {
	switch {
	case !x.resp.Tunnel:
	case !x.upgrade:
		return errUnasked
	case !x.resp.Switches(head, &x.req, x.head):
		return errOther
	}
	return nil
}

// buildResponse writes the head for the client, with as much of a small body as is there, and uses both up.
func (x *exchange) buildResponse(head []byte, o *http1.ResponseOut) (*mem.Buf, error) {
	in := &x.up.in
	rest := in.bytes()[len(head):]
	small := 0
	if x.resp.Body == http1.FramingLength && x.resp.ContentLength <= smallBody {
		small = int(min(int64(len(rest)), x.resp.ContentLength))
	}
	b, err := build(x.sh.g.rt, x.resp.ForwardMax(o)+small, func(p []byte) []byte {
		return append(x.resp.AppendForward(p, head, o), rest[:small]...)
	})
	in.skip(len(head))
	x.takeSmall(in, &x.back, small)
	x.bytes.out += int64(small)
	return b, err
}

// holdResponse takes the body from the server as fast as it comes, as much as the rule says, and lets the server go when
// that was all. So a slow client does not hold a connection of the server, and sees nothing of a response that breaks off
// meanwhile. Since the server has answered, the request is not sent again then.
func (x *exchange) holdResponse() error {
	x.heard = true
	if err := x.response.hold(x.sh.g.rt, &x.up.in, &x.back, x.rule.Buffer.Bytes, x.pieces()); err != nil {
		return err
	}
	x.unwatch() // the watch is of the connection to the server
	if x.back.Done() && x.body.Done() {
		x.release(true)
		x.leaveServer(x.outcome(nil))
	}
	return nil
}

// sendHeldResponse sends what is held of the body.
func (x *exchange) sendHeldResponse(o *http1.ResponseOut) error {
	if x.response.empty() {
		return nil
	}
	for i, b := range x.response.bufs {
		b = b.Ref()
		x.list = append(x.list[:0], b)
		if o.Body == http1.FramingChunked {
			head, err := build(x.sh.g.rt, 64, func(p []byte) []byte {
				if i > 0 {
					p = append(p, http1.ChunkEnd...)
				}
				return http1.AppendChunkHeader(p, b.Len())
			})
			if err != nil {
				b.Release()
				return err
			}
			x.list = append(x.list[:0], head, b)
			x.insideBack = true
		}
		size := b.Len()
		if err := x.toClient(x.cl.raw.Now(), x.list...); err != nil {
			return err
		}
		x.bytes.out += int64(size)
	}
	x.now = x.cl.raw.Now()
	return nil
}

// passBody passes the rest of the response's body on.
func (x *exchange) passBody(o *http1.ResponseOut) error {
	chunked := o.Body == http1.FramingChunked
	if x.back.Done() && !chunked {
		return nil
	}
	x.download = transfer{
		rt: x.sh.g.rt, dst: x.cl.c, body: &x.back, chunked: chunked, edit: x.rule.response, limit: x.times.Body,
		end: x.end, inside: x.insideBack,
	}
	var err error
	if x.back.Done() {
		err = x.download.finish()
	} else {
		x.download.src, x.download.next = &x.up.in, x.pieces()
		err = x.download.run()
		x.unwatch()
		x.now = x.cl.raw.Now()
		x.bytes.out += x.download.n
	}
	if x.download.sendErr != nil {
		return clientGone(x.download.sendErr)
	}
	return err
}

// pieces is nextPiece as a value.
func (x *exchange) pieces() func() error {
	if x.pieceFn == nil {
		x.pieceFn = x.nextPiece
	}
	return x.pieceFn
}
