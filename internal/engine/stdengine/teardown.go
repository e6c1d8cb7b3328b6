package stdengine

import (
	"fmt"
	"net"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// Close ends all operations and waits for their goroutines.
func (e *Engine) Close(limit time.Duration) error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return net.ErrClosed
	}
	e.closed = true
	var all []*desc
	for d := range e.descs {
		all = append(all, d)
	}
	for _, cancel := range e.dials {
		cancel()
	}
	e.mu.Unlock()
	for _, d := range all {
		d.close(nil)
	}
	ended := make(chan struct{})
	go func() {
		e.workers.Wait()
		close(ended)
	}()
	expired := time.NewTimer(limit)
	defer expired.Stop()
	select {
	case <-ended:
		return nil
	case <-expired.C:
		e.expire()
		return fmt.Errorf("engine std: close: operations still run after %v", limit)
	}
}

// expire ends the Closes that are pending: SO_LINGER may have them wait for a peer for as long as it likes.
func (e *Engine) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for op := range e.closes {
		e.endClose(op, engine.ErrCanceled)
	}
}
