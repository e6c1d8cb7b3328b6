//go:build linux && !unio_noepoll

package epollengine

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/unio-go/unio/internal/sys"
)

// Close ends everything. The kernel keeps no operation of this engine, so that only closing with
// SO_LINGER may have to be waited for; what the limit leaves goes on closing by itself.
func (e *Engine) Close(limit time.Duration) error {
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	for _, s := range e.table[1:] {
		if s.d == nil {
			continue
		}
		e.abortAll(s.d)
		if fd := e.detach(s.d); sys.Linger(fd) > 0 {
			e.closers.start(fd, nil)
		} else {
			sys.CloseFD(fd)
		}
	}
	var err error
	if !e.closers.wait(limit) {
		err = fmt.Errorf("engine epoll: close: sockets with SO_LINGER still close after %v", limit)
		e.closers.expire()
	}
	e.closers.take(e)
	e.withdraw()
	e.starved, e.ready, e.later = nil, descQueue{}, descQueue{}
	e.publish()
	err = errors.Join(err, e.waker.close())
	if e.netpoll != nil {
		return errors.Join(err, e.netpoll.close())
	}
	return errors.Join(err, sys.CloseFD(e.ep))
}
