package epollengine

import (
	"fmt"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// Available makes an engine and closes it again, and says why that fails.
func Available() error {
	pool, err := mem.NewPool(nil)
	if err != nil {
		return err
	}
	defer pool.Close()
	e, err := New(engine.Config{Pool: pool})
	if err != nil {
		return err
	}
	if err := e.Close(time.Second); err != nil {
		return fmt.Errorf("closing a trial engine: %w", err)
	}
	return nil
}
