package gate

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// exchange is one request and its response. It is used again for others; all of it belongs to the task.
type exchange struct {
	sh   *shard
	cl   *client
	up   *upstream
	req  http1.Request
	resp http1.Response
	body http1.Body // of the request
	back http1.Body // of the response

	line      []byte // method and target, for the log
	extra     []byte // our own field lines
	sending   unio.Group
	upload    transfer
	uploadErr error // how the upload ended
	begun     bool  // part of the final response has been sent
}

// smallBody is up to how many bytes of a body are copied behind the head: one send of one piece is cheaper than a
// second piece.
const smallBody = 4 << 10

// serve serves one request, and reports whether the connection can take another.
func (x *exchange) serve() (again bool) {
	cl := x.cl
	n, err := cl.readHead(&x.req)
	if n == 0 {
		var bad *http1.Error
		if errors.As(err, &bad) {
			cl.answer(&x.req, bad.Status, bad.Reason, true)
			cl.linger()
		}
		return false
	}
	head := cl.in.bytes()[:n]
	x.line = append(append(append(x.line[:0], x.req.MethodName.Of(head)...), ' '), x.req.Target.Of(head)...)
	if x.req.Method == http1.MethodConnect {
		cl.answer(&x.req, 501, "CONNECT is not supported by a reverse proxy", true)
		cl.linger()
		return false
	}
	out, err := x.buildRequest(head)
	if err != nil {
		return false
	}
	x.begun = false
	return x.forward(out)
}

// buildRequest writes the head for the upstream, with as much of a small body as is there, and uses both up.
func (x *exchange) buildRequest(head []byte) (*mem.Buf, error) {
	o := x.req.Out()
	o.Upgrade = x.req.Upgrade.Len() > 0 && !isH2C(x.req.Upgrade.Of(head))
	o.Extra = x.forwarded(head)
	x.body.Init(x.req.Body, x.req.ContentLength, false)
	rest := x.cl.in.bytes()[len(head):]
	small := 0
	if x.req.Body == http1.FramingLength && x.req.ContentLength <= smallBody {
		small = int(min(int64(len(rest)), x.req.ContentLength))
	}
	out, err := build(x.sh.g.rt, x.req.ForwardMax(&o)+small, func(p []byte) []byte {
		return append(x.req.AppendForward(p, head, &o), rest[:small]...)
	})
	x.cl.in.skip(len(head))
	for left := small; err == nil && left > 0; {
		_, _, n, e := x.body.Next(x.cl.in.bytes()[:left])
		x.cl.in.skip(n)
		left -= n
		err = e
	}
	if x.req.Body == http1.FramingLength && x.req.ContentLength == 0 {
		x.body.Next(nil)
	}
	return out, err
}

// isH2C recognises the upgrade to HTTP/2 without TLS, which ends at each hop: to pass it on would let a client speak
// past the rules of this proxy.
func isH2C(v []byte) bool {
	for token := range bytes.SplitSeq(v, []byte(",")) {
		if bytes.EqualFold(bytes.TrimSpace(token), []byte("h2c")) {
			return true
		}
	}
	return false
}

// forwarded drops what the client says about where it comes from, which anybody could say, and writes what we know.
func (x *exchange) forwarded(head []byte) []byte {
	r, p := &x.req, x.extra[:0]
	host := r.Host.Of(head)
	r.DropID(http1.IDForwarded)
	r.DropID(http1.IDXForwardedFor)
	r.DropID(http1.IDXForwardedHost)
	r.DropID(http1.IDXForwardedProto)
	if len(x.cl.peer) > 0 {
		p = append(append(append(p, "X-Forwarded-For: "...), x.cl.peer...), "\r\n"...)
	}
	p = append(p, "X-Forwarded-Proto: http\r\n"...)
	if len(host) > 0 {
		p = append(append(append(p, "X-Forwarded-Host: "...), host...), "\r\n"...)
	}
	x.extra = x.via(p, head, &r.Head)
	return x.extra
}

// via adds this proxy to the Via field (RFC 9110 7.6.3).
func (x *exchange) via(p, head []byte, h *http1.Head) []byte {
	value := viaValue[h.Minor()]
	if !h.Has(http1.IDVia) {
		return append(append(append(p, "Via: "...), value...), "\r\n"...)
	}
	p = h.AppendJoined(p, head, http1.IDVia, "Via", []byte(value))
	h.DropID(http1.IDVia)
	return p
}

// viaValue is by the minor version of the message that was received.
var viaValue = [2]string{"1.0 tinygate", "1.1 tinygate"}

// forward sends the request to an upstream and its response back. A pooled connection that turns out to have been closed
// is replaced once, if the request may be repeated.
func (x *exchange) forward(out *mem.Buf) (again bool) {
	repeat := x.req.Method == http1.MethodGet || x.req.Method == http1.MethodHead ||
		x.req.Method == http1.MethodOptions
	repeat = repeat && x.req.Body == http1.FramingNone
	for fresh := false; ; fresh = true {
		if err := x.connect(fresh); err != nil {
			out.Release()
			return x.failed(err)
		}
		mayRepeat := repeat && x.up.reused
		send := out
		if mayRepeat {
			send = out.Ref()
		}
		err := x.roundTrip(send)
		if stale := err != nil && mayRepeat && errors.Is(err, errNoResponse); stale {
			x.up.close()
			continue
		}
		if mayRepeat {
			out.Release()
		}
		if err != nil {
			x.up.close()
			x.settle()
			return x.failed(err)
		}
		return x.done()
	}
}

// connect takes a connection to the upstream whose turn it is, or to another one where that fails.
func (x *exchange) connect(fresh bool) (err error) {
	sh := x.sh
	for range sh.pools {
		p := sh.pools[sh.turn%len(sh.pools)]
		sh.turn++
		if x.up, err = p.get(fresh); err == nil {
			return nil
		}
		sh.g.cfg.Logger.Warn("tinygate: an upstream cannot be reached", "upstream", p.addr, "error", err)
	}
	return err
}

// errNoResponse says that the upstream closed the connection before the first byte of a response.
var errNoResponse = errors.New("the upstream closed the connection without a response")

// roundTrip sends the request and passes the response on.
func (x *exchange) roundTrip(out *mem.Buf) error {
	up := x.up
	if err := up.c.Send(out); err != nil {
		return errors.Join(errNoResponse, err)
	}
	x.upload = transfer{}
	if !x.body.Done() {
		x.startUpload()
	}
	for {
		n, err := x.readResponse()
		if err != nil {
			return err
		}
		head := up.in.bytes()[:n]
		if x.resp.Interim() {
			if err := x.interim(head); err != nil {
				return err
			}
			continue
		}
		return x.respond(head)
	}
}

// startUpload sends the rest of the request's body in a task of its own, so that an early response is seen.
func (x *exchange) startUpload() {
	up := x.up
	x.upload = transfer{
		rt: x.sh.g.rt, dst: up.c, src: &x.cl.in, body: &x.body,
		chunked: x.req.Body == http1.FramingChunked, limit: x.sh.g.cfg.Times.Body,
	}
	x.cl.timed = true
	x.sending.Go(func() error {
		err := x.upload.run()
		x.uploadErr = err
		if err != nil && x.upload.sendErr == nil {
			up.c.Close() // the request cannot be completed; whoever waits for the response must know
		}
		return err
	})
}

// readResponse reads a response head.
func (x *exchange) readResponse() (n int, err error) {
	up := x.up
	x.resp.Reset(x.req.Method)
	up.c.SetReadDeadline(time.Now().Add(x.sh.g.cfg.Times.Response))
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

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// interim passes a 1xx response on, to clients that know of them (RFC 9110 15.2).
func (x *exchange) interim(head []byte) error {
	o := x.resp.Out(&x.req)
	var b *mem.Buf
	var err error
	if x.req.Minor() == 1 {
		b, err = build(x.sh.g.rt, x.resp.ForwardMax(&o), func(p []byte) []byte {
			return x.resp.AppendForward(p, head, &o)
		})
	}
	x.up.in.skip(len(head))
	if b != nil && err == nil {
		err = x.clientGone(x.cl.c.Send(b))
	}
	return err
}

// respond passes the final response on.
func (x *exchange) respond(head []byte) error {
	up, cl := x.up, x.cl
	o := x.resp.Out(&x.req)
	x.extra = x.via(x.extra[:0], head, &x.resp.Head)
	o.Extra = x.extra
	if o.Connection == http1.ConnectionImplied && !x.mayContinue() || x.sh.g.ending.Load() && !x.resp.Tunnel {
		o.Connection = http1.ConnectionClose
	}
	if o.Connection == http1.ConnectionClose {
		x.req.KeepAlive = false
	}
	x.back.Init(x.resp.Body, max(x.resp.ContentLength, 0), true)
	rest := up.in.bytes()[len(head):]
	small := 0
	if x.resp.Body == http1.FramingLength && x.resp.ContentLength <= smallBody {
		small = int(min(int64(len(rest)), x.resp.ContentLength))
	}
	b, err := build(x.sh.g.rt, x.resp.ForwardMax(&o)+small, func(p []byte) []byte {
		return append(x.resp.AppendForward(p, head, &o), rest[:small]...)
	})
	if err != nil {
		return err
	}
	x.begun = true
	up.in.skip(len(head))
	for left := small; left > 0; {
		_, _, n, _ := x.back.Next(up.in.bytes()[:left])
		up.in.skip(n)
		left -= n
	}
	if err := x.clientGone(cl.c.Send(b)); err != nil {
		return err
	}
	if x.resp.Tunnel {
		tunnel(&cl.in, &up.in)
		x.req.KeepAlive, x.resp.KeepAlive = false, false
		return nil
	}
	return x.download(&o)
}

// mayContinue reports whether the client's connection can carry another request: its body has been read.
func (x *exchange) mayContinue() bool { return x.body.Done() }

// download passes the rest of the response's body on.
func (x *exchange) download(o *http1.ResponseOut) error {
	t := transfer{
		rt: x.sh.g.rt, dst: x.cl.c, src: &x.up.in, body: &x.back,
		chunked: o.Body == http1.FramingChunked, limit: x.sh.g.cfg.Times.Body,
	}
	if x.back.Done() && !t.chunked {
		return nil
	}
	x.cl.timed = true
	err := t.run()
	if t.sendErr != nil {
		return x.clientGone(t.sendErr)
	}
	return err
}

// errClientGone says that there is nobody to answer.
var errClientGone = errors.New("the client has gone")

func (x *exchange) clientGone(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errClientGone, err)
}

// done ends a complete exchange: the upstream's connection goes back to its pool, and the client's stays open if both
// sides are through with the message.
func (x *exchange) done() (again bool) {
	sent := x.body.Done()
	if sent {
		x.sending.Wait()
		sent = x.upload.sendErr == nil
	}
	if sent && x.resp.KeepAlive && x.back.Done() && x.resp.Body != http1.FramingClose {
		x.up.p.put(x.up)
	} else {
		x.up.close()
	}
	x.up = nil
	if !sent {
		x.settle()
		x.cl.linger()
		return false
	}
	return x.req.KeepAlive
}

// settle ends an upload that is still under way: its upstream has been closed, and the client is not waited for.
func (x *exchange) settle() {
	x.cl.c.SetReadDeadline(time.Unix(1, 0))
	x.sending.Wait()
	x.cl.c.SetReadDeadline(time.Time{})
}

// failed answers a request that could not be served, if that is still possible.
func (x *exchange) failed(err error) (again bool) {
	cl := x.cl
	if errors.Is(err, errClientGone) {
		return false
	}
	status := 502
	var bad *http1.Error
	switch {
	case x.upload.body != nil && x.upload.sendErr == nil && !x.body.Done() && errors.Is(err, net.ErrClosed):
		return x.uploadFailed()
	case isTimeout(err):
		status = 504
	case errors.As(err, &bad):
		status = bad.Status
	}
	x.sh.g.cfg.Logger.Warn("tinygate: request failed", slog.Int("status", status),
		slog.String("request", string(x.line)), slog.Any("error", err))
	if x.begun {
		return false // the client sees a response that ends too early, which is the truth
	}
	again = x.req.KeepAlive && x.body.Done() && !x.sh.g.ending.Load()
	cl.answer(&x.req, status, "", !again)
	if !again {
		cl.linger()
	}
	return again
}

// uploadFailed is for a request body that the client did not finish, or got wrong.
func (x *exchange) uploadFailed() (again bool) {
	if x.begun {
		return false
	}
	_, _, _, err := x.body.Next(nil)
	bad := errSlowBody
	if errors.As(err, &bad) || isTimeout(x.uploadErr) {
		x.cl.answer(&x.req, bad.Status, bad.Reason, true)
		x.cl.linger()
	}
	return false
}

var errSlowBody = &http1.Error{Status: 408, Reason: "the request body took too long"}
