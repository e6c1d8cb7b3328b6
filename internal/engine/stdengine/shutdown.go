package stdengine

import "errors"

func (d *desc) shutdown(how int) error {
	d.e.counters.Enters.Add(1)
	switch how {
	case shutRead:
		if c, ok := d.conn.(interface{ CloseRead() error }); ok {
			return c.CloseRead()
		}
	case shutWrite:
		if c, ok := d.conn.(interface{ CloseWrite() error }); ok {
			return c.CloseWrite()
		}
	}
	return errors.ErrUnsupported
}

// The directions of syscall.SHUT_RD and SHUT_WR, which not every system's package syscall has.
const (
	shutRead  = 0
	shutWrite = 1
)
