package simengine

import (
	"net"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// connect starts a Connect: the request arrives where somebody listens, and the answer comes back.
func (e *Engine) connect(k *call) {
	w, op := e.w, k.op
	op.Desc = nil
	switch op.Dial.Addr.(type) {
	case *net.TCPAddr, *net.UnixAddr:
	default:
		e.finish(k, syscall.EAFNOSUPPORT)
		return
	}
	dial := op.Dial
	w.at(w.clock()+1+w.delay(), func() {
		if k.over {
			return
		}
		var c *Conn
		var err error
		if w.strikes(Failed, k.code, 5*w.profile.Failed) {
			err = []error{syscall.ECONNREFUSED, syscall.ETIMEDOUT, syscall.EHOSTUNREACH}[w.rnd.IntN(3)]
		} else {
			c, err = w.dial(dial.Addr, dial.Local)
		}
		w.at(w.clock()+w.delay(), func() { e.connected(k, c, err) })
	})
}

// connected is the answer. When nobody wants it any more the connection is closed.
func (e *Engine) connected(k *call, c *Conn, err error) {
	if k.over {
		if c != nil {
			c.closeEnd()
		}
		return
	}
	if err == nil {
		k.op.Desc = engine.Desc(e.attach(c))
	}
	e.finish(k, err)
}
