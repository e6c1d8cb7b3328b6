//go:build unix

package accesslog

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

func namedPipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A named pipe that nobody reads cannot be opened, and is not waited for for ever.
func TestPipeWithoutReaderIsRefused(t *testing.T) {
	path := namedPipe(t)
	opened := make(chan error, 1)
	go func() {
		l, err := Open(config.AccessLog{Path: path}, 1)
		l.Close()
		opened <- err
	}()
	if err := await(t, opened, "a pipe without a reader to be refused"); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("got %v", err)
	}
}

// The reader may come a little later than the program. A pipe whose reader goes can be opened again with the next one.
func TestPipeWaitsForItsReader(t *testing.T) {
	path := namedPipe(t)
	first := make(chan string, 1)
	read := func() {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		line, _ := bufio.NewReader(f).ReadString('\n')
		f.Close() // first, or Reopen could meet this reader, which goes, and not the next
		first <- line
	}
	time.AfterFunc(readerWait/10, read)
	l, err := Open(config.AccessLog{Path: path, Format: "${path}"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	l.SetLogger(quiet())
	for _, path := range []string{"/one", "/two"} {
		l.Writer(0).Add(&Entry{Path: []byte(path)})
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := await(t, first, "the reader"); got != path+"\n" {
			t.Errorf("got %q", got)
		}
		time.AfterFunc(readerWait/10, read)
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, first, "the last reader")
}

func TestReopenIsBounded(t *testing.T) {
	path := namedPipe(t)
	r, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l, err := Open(config.AccessLog{Path: path}, 1)
	if err != nil {
		t.Fatal(err)
	}
	l.SetLogger(quiet())
	l.wait = 20 * time.Millisecond
	e := entry()
	for range 1000 { // more than a pipe has
		l.Writer(0).Add(&e)
	}
	for range 2 {
		if err := l.Reopen(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	if err := l.Close(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
