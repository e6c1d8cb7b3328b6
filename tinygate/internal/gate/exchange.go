package gate

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// exchange is one request and its response. It is used again for others; all of it belongs to the task
// that serves the client, and to the task of the upload while that runs.
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
	out       *mem.Buf
	download  transfer
	asked     bool // the client said itself that this request is its last
	upgrade   bool // Upgrade was passed on, so that 101 may come
	heard     bool // the upstream has sent an interim response
	interims  int
	begun     bool // part of the final response has been sent
	abandoned bool // a panic has ended the exchange

	sending   unio.Group
	upload    transfer
	uploading bool         // the upload's task runs
	uploadErr error        // the client's part in the failure of an upload
	settling  bool         // the upload is being ended by us
	uploadFn  func() error // made once
}

// reset makes the exchange ready for the next request of its client.
func (x *exchange) reset() {
	x.asked, x.upgrade, x.heard, x.begun = false, false, false, false
	x.interims = 0
	x.uploadErr, x.settling = nil, false
	x.upload, x.download = transfer{}, transfer{}
}

// serve serves one request, and reports whether the connection can take another.
func (x *exchange) serve() (again bool) {
	cl := x.cl
	x.reset()
	n, err := cl.readHead(&x.req)
	if n == 0 {
		var bad *http1.Error
		if errors.As(err, &bad) {
			cl.refuse(&x.req, bad)
		}
		return false
	}
	head := cl.in.bytes()[:n]
	x.line = append(append(append(x.line[:0], x.req.MethodName.Of(head)...), ' '), x.req.Target.Of(head)...)
	x.asked = !x.req.KeepAlive
	switch x.req.Method {
	case http1.MethodConnect:
		cl.refuse(&x.req, errConnect)
		return false
	case http1.MethodTrace:
		cl.refuse(&x.req, errTrace)
		return false
	}
	if x.out, err = x.buildRequest(head); err != nil {
		return false // the runtime ends
	}
	return x.forward()
}

var (
	errConnect = &http1.Error{Status: 501, Reason: "CONNECT is not supported by a reverse proxy"}
	// TRACE would show the client what this proxy and those before it have added.
	errTrace = &http1.Error{Status: 405, Reason: "TRACE is not allowed"}
)

// forward sends the request to an upstream and its response back. A pooled connection that turns out to
// have been closed is replaced once, if the request may be repeated.
func (x *exchange) forward() (again bool) {
	repeat := x.repeatable()
	for fresh := false; ; fresh = true {
		if err := x.connect(fresh); err != nil {
			x.dropRequest()
			return x.failed(err)
		}
		mayRepeat := repeat && x.up.reused
		err := x.roundTrip(mayRepeat)
		if err != nil && mayRepeat && !x.heard && errors.Is(err, errNoResponse) {
			x.up.close()
			continue
		}
		x.dropRequest()
		if err != nil {
			x.up.close()
			x.settle()
			x.up = nil
			return x.failed(err)
		}
		return x.done()
	}
}

// repeatable reports whether the request may be sent again: it changes nothing (RFC 9110 9.2.1) and all
// of it is at hand.
func (x *exchange) repeatable() bool {
	switch x.req.Method {
	case http1.MethodGet, http1.MethodHead, http1.MethodOptions:
		return x.body.Done()
	}
	return false
}

// dropRequest gives up what was kept to send the request again.
func (x *exchange) dropRequest() {
	if x.out != nil {
		x.out.Release()
		x.out = nil
	}
}

// errNoResponse says that the upstream closed the connection before the first byte of a response.
var errNoResponse = errors.New("the upstream closed the connection without a response")

// roundTrip sends the request and passes the response on. keep has the request kept for another try.
func (x *exchange) roundTrip(keep bool) error {
	up, now := x.up, time.Now()
	times := &x.sh.g.cfg.Times
	up.c.SetWriteDeadline(now.Add(times.Body))
	out := x.out
	if keep {
		out = out.Ref()
	} else {
		x.out = nil
	}
	if err := up.c.Send(out); err != nil {
		return errors.Join(errNoResponse, err)
	}
	if x.body.Done() {
		up.c.SetReadDeadline(now.Add(times.Response))
	} else {
		x.startUpload()
	}
	for {
		n, err := x.readResponse()
		if err != nil {
			return err
		}
		head := up.in.bytes()[:n]
		if !x.resp.Interim() {
			return x.respond(head)
		}
		if err := x.interim(head); err != nil {
			return err
		}
	}
}

// done ends a complete exchange: the upstream's connection goes back to its pool, and the client's stays
// open if both sides are through with the message.
func (x *exchange) done() (again bool) {
	up := x.up
	if x.uploading && x.body.Done() {
		// The last piece waits for the upstream to take it, which it may not want any more.
		up.c.SetWriteDeadline(time.Now().Add(lingerIdle))
		x.sending.Wait()
	}
	through := x.body.Done() && !x.uploading // the client's connection stands at the next request
	if through && x.upload.sendErr == nil && x.resp.KeepAlive && x.back.Done() && !x.resp.Tunnel {
		up.p.put(up)
	} else {
		up.close()
		x.settle()
	}
	x.up = nil
	if through && x.req.KeepAlive {
		return true
	}
	if !x.resp.Tunnel && (!through || !x.asked || len(x.cl.in.bytes()) > 0) {
		x.cl.linger()
	}
	return false
}

// errClientGone says that there is nobody to answer.
var errClientGone = errors.New("the client has gone")

func clientGone(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errClientGone, err)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// failed answers a request that could not be served, if that is still possible.
func (x *exchange) failed(err error) (again bool) {
	cl := x.cl
	switch {
	case errors.Is(err, errClientGone):
		return false
	case x.uploadErr != nil:
		x.uploadFailed()
		return false
	}
	status := 502
	if isTimeout(err) {
		status = 504
	}
	x.sh.log.warn("tinygate: request failed", slog.Int("status", status),
		slog.String("request", string(x.line)), slog.Any("error", err))
	if x.begun {
		return false // the client sees a response that ends too early, which is the truth
	}
	again = x.req.KeepAlive && x.body.Done() && !x.sh.g.ending.Load()
	if cl.answer(&x.req, status, "", !again) != nil {
		return false
	}
	if !again {
		cl.linger()
	}
	return again
}

// abandon is for an exchange that a panic has ended; it will not be used again. The client's connection
// is closed by whoever recovers the panic. It waits for nothing, since the stack is being unwound.
func (x *exchange) abandon() {
	x.abandoned = true
	x.dropRequest()
	if !x.uploading {
		x.cl.in.drop()
	}
	if up := x.up; up != nil {
		x.sh.g.rt.Go(up.close)
	}
}
