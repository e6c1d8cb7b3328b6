package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

var (
	errNoServer = errors.New("no server of the upstream can take requests")
	// errLateName is errNoServer where a limit of the request has ended the wait for names to be looked up.
	errLateName = fmt.Errorf("%w, and the time of the request is over: %w", errNoServer, os.ErrDeadlineExceeded)
	// errNoResponse says that the upstream closed the connection before the first byte of a response.
	errNoResponse = errors.New("the upstream closed the connection without a response")
	// errUnreached says that no connection could be made, so that nothing was sent.
	errUnreached = errors.New("the server cannot be reached")
)

// forward sends the request to a server and its response back, and to another server where the rule allows it.
func (x *exchange) forward() (again bool) {
	if x.rule.group.Balance == config.Hash {
		x.key = x.hash()
	}
	for x.next = x.first(); ; {
		err := x.try()
		if err == nil {
			x.dropRequest()
			return x.done()
		}
		x.unwatch()
		outcome := x.outcome(err)
		if x.up != nil {
			x.up.close()
			x.settle()
			x.up = nil
		}
		x.leaveServer(outcome)
		if !x.mayRetry(err) {
			x.dropRequest()
			return x.failed(err)
		}
		x.sh.log.warn("tinygate: another server is asked", "request", x.title(), "server", x.last, "error", err)
	}
}

// first chooses the server that is tried first. Names that are being looked up for the first time, at the start or after a
// reload, are waited for as a connection is.
func (x *exchange) first() *cluster.Server {
	p := x.picker()
	if s := x.pick(); s != nil {
		return s
	}
	known := unio.NewChan[struct{}](1)
	if p.Await(func() { known.TrySend(struct{}{}) }) {
		by := x.by(x.cl.raw.Now(), x.times.Connect)
		if x.watched(by, func(ctx context.Context) { known.Recv(ctx) }) != nil {
			return nil
		}
	}
	return x.pick()
}

// pick chooses a server that was not tried. One whose connections are all in use is passed over while another has room.
func (x *exchange) pick() *cluster.Server {
	return x.picker().Pick(x.key, &x.tried, x.rule.group.full)
}

// noServer says why there is no server to try.
func (x *exchange) noServer() error {
	switch {
	case x.gone != nil:
		return clientGone(x.gone)
	case x.over(x.now):
		return errLateName
	}
	return errNoServer
}

// picker is the one by which this loop chooses servers of the upstream.
func (x *exchange) picker() *cluster.Picker { return x.rule.group.pickers[x.sh.loop] }

// try is one try with the server that was chosen. A pooled connection that turns out to have been closed is replaced once
// by a new one to the same server, where a reset allows that; with it this is still one try, as in nginx.
func (x *exchange) try() error {
	server := x.next
	if x.next = nil; server == nil {
		return x.noServer()
	}
	x.tries++
	x.server, x.last = server, server.Name
	server.Began(x.sh.loop)
	if x.tries > 1 {
		server.Retried(x.sh.loop)
		x.now = x.cl.raw.Now()
	}
	x.sent = x.now
	x.from = x.sent
	p := x.sh.pool(x.rule.group, server)
	if err := p.enter(x); err != nil {
		return err
	}
	for fresh := false; ; fresh = true {
		up, err := p.get(x, fresh)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnreached, err)
		}
		x.up = up
		if err = x.roundTrip(); err == nil || !x.isStale(err) {
			return err
		}
		x.unwatch() // the client is watched for the connection whose response it waits for
		up.close()
		x.up = nil
	}
}

// dropRequest gives up what was kept to send the request again.
func (x *exchange) dropRequest() {
	if x.out != nil {
		x.out.Release()
		x.out = nil
	}
	x.request.drop()
}

// leaveServer tells the server what became of the request, and lets the next one have its turn. The connection has been
// given up before.
func (x *exchange) leaveServer(o cluster.Outcome) {
	if x.server != nil {
		x.server.Ended(x.sh.loop, o)
		x.server = nil
	}
	x.leaveTurn()
}

// outcome is what the response says about the server, or the error in place of one.
func (x *exchange) outcome(err error) cluster.Outcome {
	switch {
	case err != nil:
		return x.failure(err)
	case slices.Contains(x.rule.Retry.Status, x.resp.Status):
		return cluster.StatusRetried
	case x.resp.Status < 500:
		return cluster.OK
	case x.uploadErr != nil:
		return cluster.ClientGone
	}
	return cluster.Status5xx
}

func (x *exchange) failure(err error) cluster.Outcome {
	if errors.Is(err, errClientGone) || x.uploadErr != nil {
		return cluster.ClientGone
	}
	if _, ok := errors.AsType[statusError](err); ok {
		return cluster.StatusRetried
	}
	_, bad := errors.AsType[*http1.Error](err)
	switch {
	case errors.Is(err, errFull), errors.Is(err, errMemory):
		return cluster.NoTurn
	case cluster.IsNoDescriptor(err):
		return cluster.NoDescriptor
	case errors.Is(err, errHandshake):
		return cluster.TLSFailed
	case errors.Is(err, errUnreached):
		return cluster.ConnectFailed
	case isTimeout(err):
		return cluster.Timeout
	case bad && !errors.Is(err, io.ErrUnexpectedEOF):
		return cluster.BadResponse
	}
	return cluster.Reset
}

// roundTrip sends the request and passes the response on.
func (x *exchange) roundTrip() error {
	up := x.up
	x.upload.sendErr = x.send(x.keeps())
	switch {
	case isTimeout(x.upload.sendErr):
		return x.upload.sendErr
	case x.upload.sendErr != nil, x.body.Done(): // a server that takes no more may have answered before
		x.awaitResponse(x.now)
	default:
		x.startUpload()
	}
	for {
		n, err := x.readResponse()
		if err != nil {
			if x.gone != nil {
				return clientGone(x.gone)
			}
			return err
		}
		if !x.resp.Interim() {
			x.unwatch()
		}
		head := up.in.bytes()[:n]
		switch {
		case x.resp.Interim():
			if err := x.interim(head); err != nil {
				return err
			}
		case x.retries(x.resp.Status):
			return statusError(x.resp.Status)
		default:
			return x.respond(head)
		}
	}
}

// send sends the head, and a body that was held back. keep has them kept for another try.
func (x *exchange) send(keep bool) error {
	out := x.out
	if keep {
		out = out.Ref()
	} else {
		x.out = nil
	}
	x.up.c.SetWriteDeadline(x.tryBy(x.now, x.times.Body))
	if x.request.empty() {
		return x.up.c.Send(out)
	}
	return x.sendHeld(out, keep)
}

// sendHeld sends head and what is held, piece by piece: each has the limit of a body.
func (x *exchange) sendHeld(head *mem.Buf, keep bool) (err error) {
	for i, b := range x.request.bufs {
		if keep {
			b = b.Ref()
		} else {
			x.request.bufs[i] = nil
		}
		x.list = append(x.list[:0], b)
		if i == 0 {
			x.list = append(x.list[:0], head, b)
		}
		err = x.up.c.Send(x.list...)
		x.now = x.cl.raw.Now()
		if err != nil {
			break
		}
		x.up.c.SetWriteDeadline(x.tryBy(x.now, x.times.Body))
	}
	if !keep {
		x.request.drop()
	}
	return err
}
