package stdengine

import (
	"errors"

	"github.com/unio-go/unio/internal/engine"
)

// shutdown performs a Shutdown.
func (d *desc) shutdown(how uint8) error {
	d.e.counters.Enters.Add(1)
	switch how {
	case engine.ShutRead:
		if c, ok := d.conn.(interface{ CloseRead() error }); ok {
			return c.CloseRead()
		}
	case engine.ShutWrite:
		if c, ok := d.conn.(interface{ CloseWrite() error }); ok {
			return c.CloseWrite()
		}
	}
	return errors.ErrUnsupported
}
