//go:build linux && !unio_nouring

package uringengine

import (
	"io"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

var _ engine.Inline = (*Engine)(nil)

// RecvInto receives at once, where it is worth it and nothing that the kernel has can receive before.
func (e *Engine) RecvInto(ed engine.Desc, p []byte) (n int, err error) {
	d := ed.(*desc)
	busy := d.has(armed|starved) && !d.has(looking)
	if !d.bulk.Large() || busy || d.unread.len() > 0 || d.err != nil {
		return 0, nil
	}
	n, d.err = e.RecvNow(d, p)
	e.stats.enters++
	if n > 0 {
		d.bulk.Filled(n, len(p))
	}
	if d.err == io.EOF && d.reset != nil {
		d.err = d.reset // as in recvEnded
	}
	return n, d.err
}

// armLook asks the kernel to tell when there is something to receive.
func (e *Engine) armLook(d *desc) {
	s := e.sqe()
	s.PrepPollAdd(int(d.fd), unix.POLLIN|unix.POLLRDHUP)
	d.flags |= looking | single
	e.arm(d, s, kindRecv, false)
}

// lookDone takes its completion: who waits receives itself, unless it was cancelled and somebody else waits now.
func (e *Engine) lookDone(d *desc, res int32) {
	e.disarm(d, false)
	if d.closing != nil || e.closing {
		e.maybeClosed(d)
		return
	}
	switch op := d.recv; {
	case op == nil:
	case res > 0 && op.How == engine.RecvReady:
		d.recv = nil
		e.complete(op)
	default:
		if res < 0 {
			op.How = 0 // a receive tells why, or goes on
		}
		e.armRecv(d, false)
	}
}

// RecvNow receives, for anybody.
func (e *Engine) RecvNow(d engine.Desc, p []byte) (n int, err error) { return sys.Receive(d.FD(), p) }

// SendNow sends, for anybody.
func (e *Engine) SendNow(d engine.Desc, p []byte) (n int, err error) { return sys.Transmit(d.FD(), p) }

// SendFailed notes the error of that.
func (e *Engine) SendFailed(d engine.Desc, err error) { e.failed(d.(*desc), err) }

// SendFrom sends at once.
func (e *Engine) SendFrom(d engine.Desc, p []byte) (n int, err error) {
	n, err = e.SendNow(d, p)
	e.stats.enters++
	if err != nil {
		e.SendFailed(d, err)
	}
	return n, err
}
