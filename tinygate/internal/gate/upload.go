package gate

import (
	"errors"
	"io"
	"time"

	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/metrics"
)

var (
	errSlowBody = &http1.Error{Status: 408, Reason: "the request body took too long"}
	errPanicked = errors.New("the upload ended by a panic")
)

// startUpload sends the rest of the request's body in a task of its own, so that an early response is
// seen. The limit for the response begins when it has been sent.
func (x *exchange) startUpload() {
	x.upload = transfer{
		rt: x.sh.g.rt, dst: x.up.c, src: &x.cl.in, body: &x.body,
		chunked: x.req.Body == http1.FramingChunked, edit: x.rule.request, limit: x.times.Body, end: x.end,
		most: x.rule.BodyBytes, n: x.bytes.in, inside: x.inside,
	}
	var limit time.Time // the upload has limits of its own, and knows who was waited for
	if x.isExpected() {
		limit = x.tryBy(x.cl.raw.Now(), x.times.Response)
	}
	x.up.c.SetReadDeadline(limit)
	x.uploading = true
	if x.uploadFn == nil {
		x.uploadFn = x.runUpload
	}
	x.sending.Go(x.uploadFn)
}

// isExpected reports whether the client waits for 100 Continue and has sent nothing of its body: the upstream is to answer.
func (x *exchange) isExpected() bool { return x.req.Continue && len(x.cl.in.bytes()) == 0 }

// awaitBody waits for the first piece of a body that the client holds back. The client's limit begins when that of the
// upstream is over; from the first piece on the upstream may wait for the end of the body.
func (x *exchange) awaitBody() error {
	if !x.isExpected() {
		return nil
	}
	x.cl.in.limit, x.cl.in.end = x.times.Response+x.times.Body, x.end
	switch err := x.cl.in.recv(); err {
	case nil:
		if !x.answered {
			x.up.c.SetReadDeadline(time.Time{})
		}
		return nil
	case io.EOF:
		return x.body.EOF()
	default:
		return err
	}
}

// runUpload is the upload's task.
func (x *exchange) runUpload() error {
	up, err := x.up, errPanicked
	defer func() {
		x.uploading, x.bytes.in = false, x.upload.n
		switch {
		case x.abandoned:
			x.cl.in.drop()
		case err == errPanicked:
			up.c.SetReadDeadline(longAgo) // closing would have to wait
		}
	}()
	if x.settling {
		err = nil
		return nil
	}
	if err = x.awaitBody(); err == nil {
		err = x.upload.run()
	}
	if !x.settling {
		x.uploadEnded(err)
	}
	return nil
}

// uploadEnded lets the task that waits for the response know how the upload has ended. A response whose body is under way
// goes on with limits of its own, whatever becomes of the request, unless the client has gone.
func (x *exchange) uploadEnded(err error) {
	up, now := x.up, x.cl.raw.Now()
	byClient := err != nil && x.upload.sendErr == nil
	if byClient {
		x.uploadErr = err
	}
	switch {
	case byClient && (!x.answered || isGone(err)):
		up.abort() // the request cannot be completed
	case x.answered:
	case err == nil:
		x.from = now
		x.awaitResponse(now)
	case isTimeout(err):
		up.c.SetReadDeadline(longAgo) // the server takes nothing and has said nothing
	default:
		up.c.SetReadDeadline(x.tryBy(now, x.times.Response)) // the server may have answered before it closed
	}
}

// isGone reports whether the error of an upload means that the client's connection is broken, and not that it is late, or that its body
// is wrong or has ended early.
func isGone(err error) bool {
	_, bad := errors.AsType[*http1.Error](err)
	return !bad && !isTimeout(err)
}

// settle ends an upload that is still under way: its upstream has been closed, and the client is not
// waited for.
func (x *exchange) settle() {
	if !x.uploading {
		return
	}
	x.settling = true
	x.cl.in.limit = 0 // what is received next has this deadline too
	x.cl.c.SetReadDeadline(longAgo)
	x.sending.Wait()
}

// uploadFailed answers a client that did not finish its request body, or got it wrong, if that is still
// possible. Where the client has left, the error of the upstream is that we have closed its connection.
func (x *exchange) uploadFailed() {
	if isGone(x.uploadErr) {
		x.cause = clientGone(x.uploadErr)
	}
	if x.begun {
		x.breakOff()
		return
	}
	bad, wrong := errors.AsType[*http1.Error](x.uploadErr)
	switch {
	case wrong:
		x.refuse(bad)
	case isTimeout(x.uploadErr):
		x.refuse(errSlowBody)
	default:
		x.status = metrics.StatusClientGone
	}
}
