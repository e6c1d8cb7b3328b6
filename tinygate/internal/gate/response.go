package gate

import (
	"errors"
	"io"
	"time"

	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// readResponse reads a response head. The deadline has been set.
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
		if err = up.in.more(x.sh.g.rt, roomFor(x.sh.g.cfg.Limits)); err != nil {
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
)

// interim passes a 1xx response on, to clients that know of them (RFC 9110 15.2).
func (x *exchange) interim(head []byte) error {
	x.heard = true
	if x.interims++; x.interims > interimsMax {
		return errInterims
	}
	times := &x.sh.g.cfg.Times
	now := time.Now()
	switch {
	case !x.uploading:
		x.up.c.SetReadDeadline(now.Add(times.Response))
	case x.resp.Status == 100: // now it is the client's turn
		x.up.c.SetReadDeadline(time.Time{})
		x.cl.c.SetReadDeadline(now.Add(times.Body))
	}
	if x.req.Minor() == 0 {
		x.up.in.skip(len(head))
		return nil
	}
	o := x.resp.Out(&x.req)
	b, err := build(x.sh.g.rt, x.resp.ForwardMax(&o), func(p []byte) []byte {
		return x.resp.AppendForward(p, head, &o)
	})
	x.up.in.skip(len(head))
	if err != nil {
		return err
	}
	x.cl.c.SetWriteDeadline(now.Add(times.Body))
	return clientGone(x.cl.c.Send(b))
}

// respond passes the final response on.
func (x *exchange) respond(head []byte) error {
	if x.resp.Tunnel && !x.upgrade {
		return errUnasked
	}
	up, cl := x.up, x.cl
	o := x.resp.Out(&x.req)
	x.extra = x.via(x.extra[:0], head, &x.resp.Head)
	o.Extra = x.extra
	if !x.resp.Tunnel && (!x.body.Done() || x.sh.g.ending.Load()) {
		o.Connection = http1.ConnectionClose
	}
	if o.Connection == http1.ConnectionClose {
		x.req.KeepAlive = false
	}
	x.back.Init(x.resp.Body, max(x.resp.ContentLength, 0), true)
	b, err := x.buildResponse(head, &o)
	if err != nil {
		return err
	}
	x.begun = true
	cl.c.SetWriteDeadline(time.Now().Add(x.sh.g.cfg.Times.Body))
	if err := clientGone(cl.c.Send(b)); err != nil {
		return err
	}
	if x.resp.Tunnel {
		tunnel(&cl.in, &up.in, x.sh.g.cfg.Times.Tunnel)
		x.req.KeepAlive = false
		return nil
	}
	return x.passBody(&o)
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
	return b, err
}

// passBody passes the rest of the response's body on.
func (x *exchange) passBody(o *http1.ResponseOut) error {
	chunked := o.Body == http1.FramingChunked
	if x.back.Done() && !chunked {
		return nil
	}
	x.download = transfer{
		rt: x.sh.g.rt, dst: x.cl.c, src: &x.up.in, body: &x.back,
		chunked: chunked, limit: x.sh.g.cfg.Times.Body,
	}
	err := x.download.run()
	if x.download.sendErr != nil {
		return clientGone(x.download.sendErr)
	}
	return err
}
