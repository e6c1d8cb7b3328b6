package memfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
)

// TestWriteFileAtomic replaces a file again and again, and loses power before each call that it makes of the FS, and afterwards: the
// content is the one that was said to be durable, or the next, and nothing else.
func TestWriteFileAtomic(t *testing.T) {
	for seed := range seeds(t, 300) {
		if err := crashWhileReplaced(seed, false); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestRenameWithoutDirectorySyncIsFound leaves the sync of the directory out.
func TestRenameWithoutDirectorySyncIsFound(t *testing.T) {
	for seed := range uint64(500) {
		if err := crashWhileReplaced(seed, true); err != nil {
			t.Logf("seed %d: %v", seed, err)
			return
		}
	}
	t.Error("not found")
}

// seeds is how many seeds are tried: as UNIO_SEEDS says, which is for the night, or as an ordinary run does.
func seeds(t *testing.T, ordinary uint64) uint64 {
	t.Helper()
	text := os.Getenv("UNIO_SEEDS")
	if text == "" {
		return ordinary
	}
	n, err := strconv.ParseUint(text, 0, 64)
	check(t, err)
	return n
}

// crashWhileReplaced gives what is wrong with one of the crashes.
func crashWhileReplaced(seed uint64, noDirSync bool) error {
	random := rand.New(rand.NewPCG(seed, 0))
	fsys := memfs.New()
	if err := errors.Join(fsys.Mkdir("d", 0o777), vfs.SyncDir(fsys, ".")); err != nil {
		return err
	}
	content := func(n int) string { return strings.Repeat(string(rune('a'+n)), 300*n) }
	durable, next, found := 0, 0, error(nil)
	crash := func() {
		p, err := fs.ReadFile(fsys.Crash(random.Uint64()), "d/file")
		switch got := string(p); {
		case durable == 0 && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			found = errors.Join(found, err)
		case got != content(durable) && got != content(next):
			found = errors.Join(found, fmt.Errorf("it holds %s; durable is %s, and %s is being written",
				shortened(p), shortened([]byte(content(durable))), shortened([]byte(content(next)))))
		}
	}
	watched := &watchedFS{FS: fsys, before: crash, noDirSync: noDirSync}
	for next = 1; next < 6; next++ {
		if err := vfs.WriteFileAtomic(watched, "d/file", []byte(content(next)), 0o666); err != nil {
			return err
		}
		durable = next
		crash()
	}
	return found
}

// watchedFS calls before before each call that changes something.
type watchedFS struct {
	*memfs.FS
	before    func()
	noDirSync bool
}

func (w *watchedFS) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	w.before()
	f, err := w.FS.OpenFile(name, flag, perm, o)
	if err != nil {
		return nil, err
	}
	return &watchedFile{File: f, fsys: w}, nil
}

func (w *watchedFS) Rename(oldname, newname string) error {
	w.before()
	return w.FS.Rename(oldname, newname)
}

type watchedFile struct {
	vfs.File
	fsys *watchedFS
}

func (f *watchedFile) Write(p []byte) (int, error) {
	f.fsys.before()
	return f.File.Write(p)
}

func (f *watchedFile) Sync() error {
	f.fsys.before()
	if _, dir := f.File.(fs.ReadDirFile); dir && f.fsys.noDirSync {
		return nil
	}
	return f.File.Sync()
}
