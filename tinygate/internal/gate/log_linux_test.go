package gate_test

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// fifo is a pipe that takes 64 KiB and that nobody reads.
func fifo(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	// A reader has to be there, or the writer would wait to open it.
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), path)
	t.Cleanup(func() { f.Close() })
	return path
}

// drainFifo reads the pipe of the log until its writer has ended.
func drainFifo(w *world) {
	f, err := os.Open(w.g.Config().Access.Path)
	if err != nil {
		w.Fatal(err)
	}
	go func() {
		defer f.Close()
		io.Copy(io.Discard, f)
	}()
}

// A log that nobody reads costs lines and no time, and the lines that are lost are counted, over a change of the log too.
func TestLogThatIsNotReadHoldsNothing(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		pipe := fifo(t)
		return parse(t, "listen: 127.0.0.1:0\naccess_log: %s\nroutes: [{answer: 204}]\n", pipe)
	}, func(w *world) {
		c := w.dial()
		long := "GET /?" + strings.Repeat("q", 7000) + " HTTP/1.1\r\nHost: h\r\n\r\n"
		lost := func() float64 {
			v, _ := w.metric("tinygate_access_log_dropped_lines_total")
			return v
		}
		for n := 0; lost() == 0 && n < 20; n++ {
			for range 100 {
				c.send(long)
				c.wantStatus("204")
			}
		}
		before := lost()
		if before == 0 {
			w.Fatal("no line was dropped")
		}
		drainFifo(w)
		w.reload(parse(w, "listen: 127.0.0.1:0\nroutes: [{answer: 204}]\n"))
		if after := lost(); after < before {
			w.Errorf("%v lines were lost, and %v after the log has changed", before, after)
		}
	})
}

// A log that hangs when it is to be opened again holds up neither figures nor a reload nor the end. What waits is no task, so
// one engine is enough.
func TestReopenOfALogThatHangsHoldsNothing(t *testing.T) {
	rt := uniotest.New(t, &unio.Options{Loops: 1})
	w := newWorldOf(t, rt, parse(t, "listen: 127.0.0.1:0\naccess_log: %s\nroutes: [{answer: 204}]\n", fifo(t)))
	c := w.dial()
	long := "GET /?" + strings.Repeat("q", 7000) + " HTTP/1.1\r\nHost: h\r\n\r\n"
	for range 60 {
		c.send(long)
		c.wantStatus("204")
	}
	time.Sleep(1500 * time.Millisecond) // the lines of a second have been written: as many as the pipe takes
	reopened := make(chan error, 1)
	go func() { reopened <- w.g.ReopenLog() }()
	time.Sleep(100 * time.Millisecond)
	within(w, "a scrape of the figures", 3*time.Second, func() {
		w.g.Metrics().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil))
	})
	within(w, "a reload", 3*time.Second, func() {
		if _, err := w.g.Reload(w.g.Config()); err != nil {
			w.Error(err)
		}
	})
	c.Close()
	within(w, "the end", 15*time.Second, func() {
		w.g.Drain()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		w.rt.Shutdown(ctx)
		if err := w.g.Close(); !errors.Is(err, os.ErrDeadlineExceeded) {
			w.Errorf("the end: %v", err)
		}
	})
	within(w, "opening the log again", 15*time.Second, func() {
		if err := <-reopened; !errors.Is(err, os.ErrDeadlineExceeded) {
			w.Errorf("opening the log again: %v", err)
		}
	})
	drainFifo(w)
}

// within fails unless fn ends in time.
func within(w *world, what string, limit time.Duration, fn func()) {
	w.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		w.Errorf("%s has not ended after %v", what, limit)
	}
}
