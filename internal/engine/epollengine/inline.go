//go:build linux && !unio_noepoll

package epollengine

import (
	"io"

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
	n, errno := sys.Recv(d.fd, &p[0], len(p))
	e.stats.enters++
	return max(n, 0), d.received(n, errno, len(p))
}

// isReady reports whether a receive that has waited is over because its caller can receive now.
func (d *desc) isReady(op *engine.Op) bool { return op.How == engine.RecvReady && d.bulk.Large() }

// RecvNow receives, for anybody.
func (e *Engine) RecvNow(d engine.Desc, p []byte) (n int, err error) { return sys.Receive(d.FD(), p) }

// SendNow sends, for anybody.
func (e *Engine) SendNow(d engine.Desc, p []byte) (n int, err error) { return sys.Transmit(d.FD(), p) }

// SendFailed notes the error of that.
func (e *Engine) SendFailed(d engine.Desc, err error) { d.(*desc).failed(err) }

// SendFrom sends at once.
func (e *Engine) SendFrom(ed engine.Desc, p []byte) (n int, err error) {
	d := ed.(*desc)
	if !d.writable {
		return 0, nil
	}
	n, err = e.SendNow(d, p)
	e.stats.enters++
	if err != nil {
		d.failed(err)
		return 0, err
	}
	d.writable = n == len(p) // as in sent
	return n, nil
}
