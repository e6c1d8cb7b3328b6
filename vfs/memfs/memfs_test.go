package memfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
)

func TestFS(t *testing.T) {
	fsys := memfs.New()
	check(t, fsys.Mkdir("dir", 0o777))
	check(t, fsys.Mkdir("dir/empty", 0o777))
	for _, name := range []string{"a", "dir/b", "dir/c"} {
		writeFile(t, fsys, name, []byte("content of "+name))
	}
	if err := fstest.TestFS(fsys, "a", "dir/b", "dir/c", "dir/empty"); err != nil {
		t.Error(err)
	}
	syncDir(t, fsys, ".")
	syncDir(t, fsys, "dir")
	for _, name := range []string{"a", "dir/b", "dir/c"} {
		syncFile(t, fsys, name)
	}
	if err := fstest.TestFS(fsys.Crash(1), "a", "dir/b", "dir/c", "dir/empty"); err != nil {
		t.Error(err)
	}
}

// Writers go on while power is lost again and again. Each appends records, and says how many are durable after each sync.
func TestCrashWhileFilesAreWritten(t *testing.T) {
	fsys := memfs.New()
	const writers, crashes = 4, 100
	var durable [writers]atomic.Uint64
	var group sync.WaitGroup
	turns := make(chan struct{}, 4*writers) // to write a record, so that the files stay short
	for i := range writers {
		f := create(t, fsys, fmt.Sprint(i))
		syncDir(t, fsys, ".")
		group.Go(func() {
			defer f.Close()
			n := uint64(0)
			for range turns {
				_, err := f.Write(record(n))
				if err = errors.Join(err, vfs.Datasync(f)); err != nil {
					t.Error(err)
				}
				n++
				durable[i].Store(n)
			}
		})
	}
	for seed := range uint64(crashes) {
		for range 4 * writers {
			turns <- struct{}{}
		}
		var want [writers]uint64
		for i := range want {
			want[i] = durable[i].Load()
		}
		after := fsys.Crash(seed)
		for i, n := range want {
			p := readFile(t, after, fmt.Sprint(i))
			for k := range n {
				if at := int(k) * recordBytes; len(p) < at+recordBytes || !bytes.Equal(p[at:at+recordBytes], record(k)) {
					t.Fatalf("seed %d: record %d of writer %d is not there, and %d were durable", seed, k, i, n)
				}
			}
		}
	}
	close(turns)
	group.Wait()
}

const recordBytes = 13 // so that many lie across two sectors

func record(n uint64) []byte {
	return fmt.Appendf(nil, "%012d\n", n)
}

func TestSameSeedSameCrash(t *testing.T) {
	make := func() *memfs.FS {
		fsys := memfs.New()
		random := rand.New(rand.NewPCG(1, 2))
		for i := range 200 {
			name := fmt.Sprint(random.IntN(10))
			switch random.IntN(4) {
			case 0:
				_ = fsys.Rename(name, fmt.Sprint(random.IntN(10)))
			case 1:
				syncDir(t, fsys, ".")
			default:
				f := create(t, fsys, name)
				if _, err := f.WriteAt(bytes.Repeat([]byte{byte(i)}, random.IntN(10000)), int64(random.IntN(10000))); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
		}
		return fsys
	}
	a, b := make(), make()
	different := 0
	for seed := range uint64(100) {
		if tree(a.Crash(seed)) != tree(b.Crash(seed)) {
			t.Fatalf("seed %d is not the same twice", seed)
		}
		if tree(a.Crash(seed)) != tree(a.Crash(seed+1)) {
			different++
		}
	}
	if different < 50 {
		t.Errorf("of 100 seeds %d differ from the next", different)
	}
}

func TestLockEndsWithACrash(t *testing.T) {
	fsys := memfs.New()
	l, err := fsys.Lock("LOCK")
	check(t, err)
	if _, err := fsys.Lock("LOCK"); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	syncDir(t, fsys, ".")
	after := fsys.Crash(1)
	if _, err := after.Lock("LOCK"); err != nil {
		t.Errorf("after the crash: %v", err)
	}
	check(t, l.Close())
	if err := l.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
	if _, err := fsys.Lock("LOCK"); err != nil {
		t.Errorf("after the lock was closed: %v", err)
	}
}

// TestLastPageBecomesDurable: the page that reaches beyond the largest offset is one like others.
func TestLastPageBecomesDurable(t *testing.T) {
	const off = math.MaxInt64 - 8
	for what, sync := range map[string]func(f *memfs.File) error{
		"Sync":          (*memfs.File).Sync,
		"DatasyncRange": func(f *memfs.File) error { return f.DatasyncRange(off, 1) },
	} {
		fsys := memfs.New()
		f := create(t, fsys, "file")
		syncDir(t, fsys, ".")
		_, err := f.WriteAt([]byte("x"), off)
		check(t, err)
		check(t, sync(f.(*memfs.File)))
		after, err := fsys.Durable().OpenFile("file", os.O_RDONLY, 0, nil)
		check(t, err)
		p := make([]byte, 1)
		if n, err := after.ReadAt(p, off); n != 1 || p[0] != 'x' {
			t.Errorf("after %s and a crash: %q, %d, %v", what, p, n, err)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666, nil)
	check(t, err)
	return f
}

func writeFile(t testing.TB, fsys vfs.FS, name string, p []byte) {
	t.Helper()
	f := create(t, fsys, name)
	_, err := f.Write(p)
	check(t, err)
	check(t, f.Close())
}

func readFile(t testing.TB, fsys vfs.FS, name string) []byte {
	t.Helper()
	p, err := fs.ReadFile(fsys, name)
	check(t, err)
	return p
}

func syncFile(t testing.TB, fsys vfs.FS, name string) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0, nil)
	check(t, err)
	check(t, f.Sync())
	check(t, f.Close())
}

func syncDir(t testing.TB, fsys vfs.FS, name string) {
	t.Helper()
	syncFile(t, fsys, name)
}
