package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// sizes are of files; the largest has many pieces.
var sizes = []int{0, 1, 4096, 256 << 10, 3<<20 + 17}

func content(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7 >> 3)
	}
	return p
}

func TestCopyFile(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		for _, size := range append([]int{5 << 20, 10}, sizes...) { // one copy takes the place of a longer one
			want := content(size)
			if err := os.WriteFile(from, want, 0o644); err != nil {
				t.Fatal(err)
			}
			n, err := copyFile(context.Background(), rt, from, to)
			if err != nil || n != int64(size) {
				t.Errorf("%d bytes of %d, %v", n, size, err)
			}
			if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the copy of %d bytes differs: %d bytes, %v", size, len(got), err)
			}
		}
		if n, err := copyFile(context.Background(), rt, to, to); n != 0 || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("a file to itself: %d bytes, %v", n, err)
		}
		if info, err := os.Stat(to); err != nil || info.Size() != int64(sizes[len(sizes)-1]) {
			t.Errorf("a file that was to be copied to itself: %v, %v", info, err)
		}
		if _, err := copyFile(context.Background(), rt, filepath.Join(dir, "nowhere"), to); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that is not there: %v", err)
		}
	})
}

func TestCopyThroughBuffers(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		dir := t.TempDir()
		for _, size := range sizes {
			want := content(size)
			if err := os.WriteFile(filepath.Join(dir, "from"), want, 0o644); err != nil {
				t.Fatal(err)
			}
			src, dst := open(t, rt, filepath.Join(dir, "from"), os.O_RDONLY), open(t, rt, filepath.Join(dir, "to"),
				os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
			var seen []byte
			n, err := through(context.Background(), dst, src, func(p []byte) { seen = append(seen, p...) })
			if err != nil || n != int64(size) || !bytes.Equal(seen, want) {
				t.Errorf("%d bytes of %d, %d seen, %v", n, size, len(seen), err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "to")); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the copy of %d bytes differs: %d bytes, %v", size, len(got), err)
			}
		}
	})
}

// A failure on either side ends the copy with that failure and keeps no buffer.
func TestCopyThroughBuffersFails(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "from")
		if err := os.WriteFile(name, content(5<<20), 0o644); err != nil {
			t.Fatal(err)
		}
		src, readOnly := open(t, rt, name, os.O_RDONLY), open(t, rt, name, os.O_RDONLY)
		if n, err := through(context.Background(), readOnly, src, func([]byte) {}); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("to a file that is not open for writing: %d bytes, %v", n, err)
		}
		dst := open(t, rt, name+".copy", os.O_WRONLY|os.O_CREATE)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if n, err := through(ctx, dst, src, func([]byte) {}); n != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before it began: %d bytes, %v", n, err)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := through(context.Background(), dst, src, func([]byte) {}); n != 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("from a closed file: %d bytes, %v", n, err)
		}
	})
}

func open(t *testing.T, rt *unio.Runtime, name string, flag int) *unio.File {
	t.Helper()
	f, err := rt.OpenFile(name, flag, 0o644, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
