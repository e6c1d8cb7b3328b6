package simengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// shutdown performs a Shutdown.
func (d *desc) shutdown(k *call) {
	c := d.c
	w := d.e.w
	err := c.shutdownEnd()
	switch {
	case err == syscall.ENOTCONN:
		w.counts[Reset][k.code]++
	case err == nil && w.strikes(Failed, k.code, w.profile.Failed):
		err = syscall.ENOBUFS
	}
	if err == nil && k.op.How == engine.ShutRead {
		c.noRead = true
		c.notify()
	}
	if err == nil && k.op.How == engine.ShutWrite {
		c.endWrite()
	}
	d.e.finish(k, err)
}
