package gate_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
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
