package gate

import (
	"context"
	"io"
	"time"
)

// watchAfter is how long a response, or more of its body, is waited for before the gate looks whether the client is still
// there. Most come earlier and pay nothing for it: the wait has a deadline anyway, which is only set nearer.
const watchAfter = 250 * time.Millisecond

// awaitResponse sets the limit for the upstream's response, whose wait begins now.
func (x *exchange) awaitResponse(now time.Time) {
	x.awaitUpstream(now, x.tryBy(now, x.times.Response))
}

// awaitUpstream sets the limit for what the upstream sends next, whose wait begins now.
func (x *exchange) awaitUpstream(now, by time.Time) {
	x.responseBy = by
	look := now.Add(watchAfter)
	if x.look = !x.watching && look.Before(by); x.look {
		by = look
	}
	x.up.c.SetReadDeadline(by)
}

// nextPiece waits for more of the response's body. The client is watched as before the head, for nothing is sent meanwhile that would
// show that it has gone.
func (x *exchange) nextPiece() error {
	if x.gone != nil { // since the last piece came
		return clientGone(x.gone)
	}
	in := &x.up.in
	now := in.c.Now()
	x.awaitUpstream(now, x.by(now, x.times.Body))
	in.limit = 0
	for {
		err := in.recv()
		switch {
		case isTimeout(err) && x.watch():
		case err != nil && x.gone != nil:
			return clientGone(x.gone)
		default:
			return err
		}
	}
}

// watch is called when the deadline of a wait for the upstream is over. It reports whether that was only watchAfter: then
// the client is watched from now on, and the response may still come. A client that has already sent its next request is not
// watched: its end could be seen only behind that.
func (x *exchange) watch() bool {
	if !x.look || x.gone != nil {
		return false
	}
	x.look = false
	x.up.c.SetReadDeadline(x.responseBy)
	x.startWatch()
	return true
}

// watched calls wait, for a wait before there is a connection to a server, which ends early when the context is done. The
// client is watched meanwhile, and at once: such a wait is never short. The error says that the client has gone.
func (x *exchange) watched(by time.Time, wait func(context.Context)) error {
	ctx, cancel := context.WithDeadline(context.Background(), by)
	defer cancel()
	x.giveUp = cancel
	x.startWatch()
	wait(ctx)
	x.unwatch()
	x.now = x.cl.raw.Now()
	return clientGone(x.gone)
}

// startWatch starts the task that watches, unless something of the client is still to be read.
func (x *exchange) startWatch() {
	if x.uploading || !x.body.Done() || len(x.cl.in.bytes()) > 0 {
		return
	}
	x.watching = true
	x.cl.in.limit = 0
	x.cl.c.SetReadDeadline(time.Time{})
	if x.watchFn == nil {
		x.watchFn = x.runWatch
	}
	x.watcher.Go(x.watchFn)
}

// runWatch is the task that watches. TCP cannot tell a client that has closed its connection from one that has only ended
// its side, so the route says what an end means. An end of TLS without close_notify is never taken for a half-close.
func (x *exchange) runWatch() error {
	up := x.up
	err := x.cl.in.recv()
	switch {
	case x.abandoned:
		x.cl.in.drop()
	case err == nil, isTimeout(err): // the client's next request, or unwatch
	case err == io.EOF && x.rule.HalfClose:
	case up == nil:
		x.gone = err
		x.giveUp()
	default:
		x.gone = err
		up.c.SetReadDeadline(longAgo)
	}
	return nil
}

// unwatch ends the watch. The client's connection is then as it was, with what was received in its source.
func (x *exchange) unwatch() {
	x.look = false
	if !x.watching {
		return
	}
	x.watching = false
	x.cl.c.SetReadDeadline(longAgo)
	x.watcher.Wait()
	x.cl.c.SetReadDeadline(time.Time{})
}
