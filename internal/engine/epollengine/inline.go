//go:build linux && !unio_noepoll

package epollengine

import (
	"io"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

var _ engine.Inline = (*Engine)(nil)

// RecvInto receives at once, where it is worth it.
func (e *Engine) RecvInto(ed engine.Desc, p []byte) (n int, err error) {
	d := ed.(*desc)
	switch {
	case d.eof:
		return 0, io.EOF
	case !d.readable || !d.bulk.Large():
		return 0, nil
	}
	return e.receive(d, p)
}

// isReady reports whether a receive that has waited is over because its caller can receive now.
func (d *desc) isReady(op *engine.Op) bool { return op.How == engine.RecvReady && d.bulk.Large() }

// RecvNow receives, for anybody.
func (e *Engine) RecvNow(d engine.Desc, p []byte) (n int, err error) { return sys.Receive(d.FD(), p) }

// SendNow sends, for anybody.
func (e *Engine) SendNow(d engine.Desc, p []byte) (n int, err error) { return sys.Transmit(d.FD(), p) }

// SendFailed notes the error of that.
func (e *Engine) SendFailed(d engine.Desc, err error) {
	if errno, ok := err.(syscall.Errno); ok {
		d.(*desc).failed(errno)
	}
}

// SendFrom sends at once.
func (e *Engine) SendFrom(ed engine.Desc, p []byte) (n int, err error) {
	d := ed.(*desc)
	if !d.writable {
		return 0, nil
	}
	n, errno := sys.Send(d.fd, &p[0], len(p), 0)
	e.stats.enters++
	switch {
	case errno == 0:
		d.writable = n == len(p) // as in sent
		return n, nil
	case errno == syscall.EAGAIN:
		d.writable = false
	case errno != syscall.EINTR:
		return 0, d.failed(errno)
	}
	return 0, nil
}
