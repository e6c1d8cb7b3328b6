package simengine

import (
	"fmt"
	"net"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// Take makes of one of the world's connections what an engine attaches.
func (w *World) Take(c net.Conn) (engine.Socket, error) {
	if own, ok := c.(*Conn); !ok || own.w != w {
		return engine.Socket{}, fmt.Errorf("engine sim: a %T is not a connection of this world: %w", c, syscall.EINVAL)
	}
	return engine.Socket{FD: -1, Conn: c}, nil
}

// TakeListener is Take for a listener.
func (w *World) TakeListener(l net.Listener) (engine.Socket, error) {
	if own, ok := l.(*Listener); !ok || own.w != w {
		return engine.Socket{}, fmt.Errorf("engine sim: a %T is not a listener of this world: %w", l, syscall.EINVAL)
	}
	return engine.Socket{FD: -1, Listener: l}, nil
}
