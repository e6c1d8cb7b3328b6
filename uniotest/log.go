package uniotest

import (
	"log/slog"
	"sync"
	"testing"
)

// testLogger writes to the test's log until the test ends: what is logged later belongs to nobody and is dropped.
func testLogger(t testing.TB) *slog.Logger {
	w := &logWriter{t: t}
	t.Cleanup(w.end)
	return slog.New(slog.NewTextHandler(w, nil))
}

// logWriter is a test's log as a writer.
type logWriter struct {
	mu    sync.Mutex
	t     testing.TB
	ended bool
}

// Write logs a line.
func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.t.Logf("%s", p)
	}
	return len(p), nil
}

func (w *logWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
