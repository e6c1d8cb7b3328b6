package gate

import (
	"errors"
	"os"
	"sync"

	"github.com/unio-go/unio/tinygate/internal/accesslog"
)

// accessLogs is the access log, and what is remembered of those before it.
type accessLogs struct {
	mu   sync.Mutex // no loop takes it
	log  *accesslog.Log
	lost uint64 // lines that earlier logs have dropped
}

func (l *accessLogs) now() *accesslog.Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log
}

// dropped is how many lines were lost since the start.
func (l *accessLogs) dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost + l.log.Dropped()
}

// change makes another log the present one. The function that it returns closes the one before, when no loop writes to it
// any more; what that loses until then counts too.
func (l *accessLogs) change(to *accesslog.Log) (closeOld func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.log
	if old == to {
		return func() error { return nil }
	}
	before := old.Dropped()
	l.lost += before
	l.log = to
	return func() error {
		err := old.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lost += old.Dropped() - before
		return err
	}
}

// ReopenLog opens the access log again, after its file was moved. It holds up nothing else while the log hangs. One that a
// reload replaces meanwhile is closed, and the next one has just been opened.
func (g *Gate) ReopenLog() error {
	log := g.logs.now()
	err := log.Reopen()
	if errors.Is(err, os.ErrClosed) && log != g.logs.now() {
		return nil
	}
	return err
}
