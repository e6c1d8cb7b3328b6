package accesslog

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
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

func isFull(err error) bool {
	pe, ok := err.(*os.PathError)
	return ok && pe.Err == syscall.ENOSPC && pe.Path == "/dev/full"
}
