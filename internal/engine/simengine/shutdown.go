package simengine

import "syscall"

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
	if err == nil && int(k.op.How) == shutRead {
		c.noRead = true
		c.notify()
	}
	if err == nil && int(k.op.How) == shutWrite {
		c.endWrite()
	}
	d.e.finish(k, err)
}

// The directions of shutdown(2), which not every system's package syscall has.
const (
	shutRead  = 0
	shutWrite = 1
)
