package gate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

var (
	errNoServer = errors.New("no server of the upstream can take requests")
	// errNoResponse says that the upstream closed the connection before the first byte of a response.
	errNoResponse = errors.New("the upstream closed the connection without a response")
	// errUnreached says that no connection could be made, so that nothing was sent.
	errUnreached = errors.New("the server cannot be reached")
	// errStatus says that the response has a status for which another server is asked.
	errStatus = errors.New("the status of the response is one to try again for")
)

// forward sends the request to a server and its response back, and to another server where the rule allows it.
func (x *exchange) forward() (again bool) {
	picker := x.rule.group.pickers[x.sh.loop]
	if x.rule.group.Balance == config.Hash {
		x.key = x.hash()
	}
	var before error
	for {
		x.tries++
		err := x.try(picker)
		if err == nil {
			x.dropRequest()
			x.leaveServer(x.outcome(nil))
			return x.done()
		}
		x.leaveServer(x.outcome(err))
		if x.up != nil {
			x.up.close()
			x.settle()
			x.up = nil
		}
		if errors.Is(err, errNoServer) && before != nil {
			err = before // why the servers that were asked could not
		} else if x.mayRetry(picker, err) {
			before = err
			x.sh.log.warn("tinygate: another server is asked", "request", x.title(), "server", x.last, "error", err)
			continue
		}
		x.dropRequest()
		return x.failed(err)
	}
}

// try is one try with one server. A pooled connection that turns out to have been closed is replaced once by a new one to
// the same server, where a reset allows another try.
func (x *exchange) try(picker *cluster.Picker) error {
	server := picker.Pick(x.key, &x.tried)
	if server == nil {
		x.tries-- // nobody was asked
		return errNoServer
	}
	x.server, x.last = server, server.Name
	server.Began()
	if x.tries > 1 {
		x.now = time.Now()
	}
	x.sent = x.now
	p := x.sh.pool(x.rule.group, server)
	if err := p.enter(x); err != nil {
		return err
	}
	defer x.leaveTurn()
	for fresh := false; ; fresh = true {
		up, err := p.get(x, fresh)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnreached, err)
		}
		x.up = up
		err = x.roundTrip()
		if err == nil || !up.reused || !errors.Is(err, errNoResponse) || x.heard || !x.rule.Retry.Reset || !x.repeatable() {
			return err
		}
		up.close()
		x.up = nil
	}
}

// mayRetry reports whether the rule allows another try.
func (x *exchange) mayRetry(picker *cluster.Picker, err error) bool {
	r := &x.rule.Retry
	if x.tries >= r.Tries || x.begun || x.heard || !x.end.IsZero() && !time.Now().Before(x.end) {
		return false
	}
	switch {
	case errors.Is(err, errNoServer), errors.Is(err, errClientGone), x.uploadErr != nil:
		return false
	case errors.Is(err, errUnreached):
		if !r.Connect || x.out == nil {
			return false
		}
	case !x.repeatable():
		return false
	case errors.Is(err, errStatus):
	case errors.Is(err, errNoResponse):
		if !r.Reset {
			return false
		}
	case isTimeout(err):
		if !r.Timeout {
			return false
		}
	default:
		return false
	}
	return picker.MayRetry(time.Now(), r.Budget)
}

// repeatable reports whether the request may be sent again after it was sent: its method is idempotent (RFC 9110 9.2.2) and
// all of it is at hand.
func (x *exchange) repeatable() bool {
	switch x.req.Method {
	case http1.MethodGet, http1.MethodHead, http1.MethodOptions, http1.MethodPut, http1.MethodDelete:
		return x.body.Done() && x.out != nil
	}
	return false
}

// keeps reports whether the request has to be kept for another try.
func (x *exchange) keeps() bool {
	r := &x.rule.Retry
	return (r.Reset || r.Timeout || len(r.Status) > 0) && (x.up.reused || x.tries < r.Tries) && x.repeatable()
}

// retries reports whether another server is to be asked because of the response's status.
func (x *exchange) retries(status int) bool {
	r := &x.rule.Retry
	return len(r.Status) > 0 && x.tries < r.Tries && slices.Contains(r.Status, status) && x.repeatable()
}

// dropRequest gives up what was kept to send the request again.
func (x *exchange) dropRequest() {
	if x.out != nil {
		x.out.Release()
		x.out = nil
	}
	x.request.drop()
}

// leaveServer tells the server what became of the request.
func (x *exchange) leaveServer(o cluster.Outcome) {
	if x.server != nil {
		x.server.Ended(x.sh.loop, o, x.took)
		x.server = nil
	}
}

// outcome is what an error says about the server.
func (x *exchange) outcome(err error) cluster.Outcome {
	switch {
	case err == nil && x.resp.Status < 500:
		return cluster.OK
	case errors.Is(err, errClientGone), x.uploadErr != nil:
		return cluster.ClientGone
	case err == nil:
		return cluster.Status5xx
	case errors.Is(err, errStatus):
		return cluster.StatusRetried
	case errors.Is(err, errUnreached):
		return cluster.ConnectFailed
	case isTimeout(err):
		return cluster.Timeout
	case errors.Is(err, errNoResponse):
		return cluster.Reset
	}
	return cluster.BadResponse
}

// roundTrip sends the request and passes the response on.
func (x *exchange) roundTrip() error {
	up, now := x.up, x.now
	up.c.SetWriteDeadline(x.by(now, x.times.Body))
	if err := x.send(x.keeps()); err != nil {
		return errors.Join(errNoResponse, err)
	}
	if x.body.Done() {
		up.c.SetReadDeadline(x.responseBy(now))
	} else {
		x.startUpload()
	}
	for {
		n, err := x.readResponse()
		if err != nil {
			return err
		}
		head := up.in.bytes()[:n]
		switch {
		case x.resp.Interim():
			if err := x.interim(head); err != nil {
				return err
			}
		case x.retries(x.resp.Status):
			return errStatus
		default:
			return x.respond(head)
		}
	}
}

// responseBy is the deadline for a response head.
func (x *exchange) responseBy(now time.Time) time.Time {
	t := x.by(now, x.times.Response)
	if x.times.Try > 0 {
		if by := x.sent.Add(x.times.Try); by.Before(t) {
			return by
		}
	}
	return t
}

// send sends the head, and a body that was held back. keep has them kept for another try.
func (x *exchange) send(keep bool) error {
	out := x.out
	if keep {
		out = out.Ref()
	} else {
		x.out = nil
	}
	if x.request.empty() {
		return x.up.c.Send(out)
	}
	return x.up.c.Send(x.request.with(out, keep)...)
}
