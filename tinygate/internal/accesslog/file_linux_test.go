package accesslog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// pieces are small and large writes, none of whose bytes are those of another.
func pieces() (all [][]byte) {
	for i, n := range []int{10, uncachedMin, 1, uncachedMin - 1, 4 * uncachedMin, 4*uncachedMin + 777, 100} {
		all = append(all, bytes.Repeat([]byte{'a' + byte(i)}, n))
	}
	return all
}

func writeAll(t *testing.T, f *file) {
	t.Helper()
	for _, p := range pieces() {
		if n, err := f.Write(p); n != len(p) || err != nil {
			t.Fatalf("wrote %d of %d bytes: %v", n, len(p), err)
		}
	}
}

// TestLargeWritesFollowSmallOnes: by whichever call they are written, pieces stand behind what is there, in their order.
func TestLargeWritesFollowSmallOnes(t *testing.T) {
	for _, cached := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := openFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.cached = cached
		writeAll(t, f)
		t.Logf("asked for the page cache: %v, used it: %v", cached, f.cached)
		got, err := os.ReadFile(path)
		if want := append([]byte("before\n"), bytes.Join(pieces(), nil)...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d, or others: %v", len(got), len(want), err)
		}
	}
}

// TestLargeWritesIntoPipe: a pipe has no page cache to leave alone.
func TestLargeWritesIntoPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	go func() {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		got <- b
	}()
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, f)
	f.Close()
	if b := await(t, got, "the reader's end"); !bytes.Equal(b, bytes.Join(pieces(), nil)) {
		t.Errorf("%d bytes, or others", len(b))
	}
}

// TestLargeWriteToFullDisk: the error is that of an ordinary write, and later ones are tried in the same way.
func TestLargeWriteToFullDisk(t *testing.T) {
	out, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{File: out}
	defer f.Close()
	if n, err := f.Write(make([]byte, uncachedMin)); n != 0 || !isFull(err) {
		t.Errorf("wrote %d, %v", n, err)
	}
}

// TestReopenOnAFullDisk: the new file is in use though nothing can be written to it, which who reopens it must not take for the old one.
func TestReopenOnAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	link := func(to string) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(path), os.Symlink(to, path)); err != nil {
			t.Fatal(err)
		}
	}
	link("/dev/full")
	l, err := Open(config.AccessLog{Path: path, Format: "${status}"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	l.SetLogger(quiet())
	defer l.Close()
	e := entry()
	l.Writer(0).Add(&e)
	if err := l.Reopen(); err != nil || !errors.Is(l.Err(), syscall.ENOSPC) {
		t.Errorf("on a full disk: %v, and it is known that %v", err, l.Err())
	}
	free := filepath.Join(t.TempDir(), "free")
	link(free)
	if err := l.Reopen(); err != nil || l.Err() != nil {
		t.Errorf("on one with room: %v, and it is known that %v", err, l.Err())
	}
	if all := lines(t, free); len(all) != 1 {
		t.Errorf("the new file has %q", all)
	}
}

func isFull(err error) bool {
	pe, ok := err.(*os.PathError)
	return ok && pe.Err == syscall.ENOSPC && pe.Path == "/dev/full"
}
