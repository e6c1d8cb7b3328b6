package gate

import (
	"errors"
	"io"
	"time"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

var (
	errSlowBody  = &http1.Error{Status: 408, Reason: "the request body took too long"}
	errShortBody = &http1.Error{Status: 400, Reason: "the request body ended early"}
	errPanicked  = errors.New("the upload ended by a panic")
)

// startUpload sends the rest of the request's body in a task of its own, so that an early response is
// seen. The limit for the response begins when it has been sent.
func (x *exchange) startUpload() {
	x.upload = transfer{
		rt: x.sh.g.rt, dst: x.up.c, src: &x.cl.in, body: &x.body,
		chunked: x.req.Body == http1.FramingChunked, limit: x.sh.g.cfg.Times.Body,
	}
	x.up.c.SetReadDeadline(time.Time{})
	x.uploading = true
	if x.uploadFn == nil {
		x.uploadFn = x.runUpload
	}
	x.sending.Go(x.uploadFn)
}

// runUpload is the upload's task.
func (x *exchange) runUpload() error {
	up, err := x.up, errPanicked
	defer func() {
		x.uploading = false
		switch {
		case x.abandoned:
			x.cl.in.drop()
		case err == errPanicked:
			up.c.SetReadDeadline(time.Unix(1, 0)) // closing would have to wait
		}
	}()
	err = x.upload.run()
	wait := x.sh.g.cfg.Times.Response
	switch {
	case x.settling:
	case err == nil:
		up.c.SetReadDeadline(time.Now().Add(wait))
	case x.upload.sendErr == nil:
		x.uploadErr = err
		up.abort() // the request cannot be completed; whoever waits for the response must know
	case isTimeout(err):
		up.c.SetReadDeadline(time.Unix(1, 0)) // it takes nothing and says nothing
	default:
		up.c.SetReadDeadline(time.Now().Add(wait)) // it may have answered before it closed
	}
	return nil
}

// settle ends an upload that is still under way: its upstream has been closed, and the client is not
// waited for.
func (x *exchange) settle() {
	if !x.uploading {
		return
	}
	x.settling = true
	x.cl.c.SetReadDeadline(time.Unix(1, 0))
	x.sending.Wait()
}

// uploadFailed answers a client that did not finish its request body, or got it wrong, if that is still
// possible.
func (x *exchange) uploadFailed() {
	if x.begun {
		return
	}
	bad := errShortBody
	switch err := x.uploadErr; {
	case errors.As(err, &bad):
	case isTimeout(err):
		bad = errSlowBody
	case err != io.EOF:
		return
	}
	x.cl.refuse(&x.req, bad)
}
