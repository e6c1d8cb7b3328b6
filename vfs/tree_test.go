package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/faultfs"
	"github.com/unio-go/unio/vfs/osfs"
)

func newFS(t *testing.T) *osfs.FS {
	t.Helper()
	fsys, err := osfs.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

func write(t *testing.T, fsys vfs.FS, name, content string) {
	t.Helper()
	if err := vfs.WriteFileAtomic(fsys, name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	p, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// names is what a directory holds.
func names(t *testing.T, fsys vfs.FS, dir string) string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestWriteFileAtomic(t *testing.T) {
	fsys := newFS(t)
	if err := fsys.Mkdir("dir", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "dir/file", strings.Repeat("n", 255), strings.Repeat("é", 127)} {
		for _, content := range []string{"first", "", strings.Repeat("second", 100000), "third"} {
			write(t, fsys, name, content)
			if got := read(t, fsys, name); got != content {
				t.Errorf("%q holds %d bytes, want %d", name, len(got), len(content))
			}
		}
	}
	if got := names(t, fsys, "dir"); got != "file" {
		t.Errorf("the directory holds %s", got)
	}
	if err := vfs.WriteFileAtomic(fsys, "private", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := fsys.Stat("private"); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("a private file: %v, %v", info.Mode(), err)
	}
	for name, want := range map[string]error{".": fs.ErrInvalid, "../x": fs.ErrInvalid, "no/x": fs.ErrNotExist, "file/x": fs.ErrInvalid,
		"dir": fs.ErrInvalid} {
		if err := vfs.WriteFileAtomic(fsys, name, nil, 0o666); !errors.Is(err, want) {
			t.Errorf("WriteFileAtomic of %q: %v, want %v", name, err, want)
		}
	}
	if got := names(t, fsys, "dir"); got != "file" {
		t.Errorf("after what was refused the directory holds %s", got)
	}
}

// TestWriteFileAtomicFailsAnywhere fails each call of it, before, after and in the middle: the file has the old content or the
// new, and the temporary file goes.
func TestWriteFileAtomicFailsAnywhere(t *testing.T) {
	failed := 0
	for _, old := range []string{"", "old content"} {
		for _, kind := range []string{"before", "after", "torn"} {
			for nth := 1; ; nth++ {
				p := faultfs.NewPlan(uint64(nth))
				lower := newFS(t)
				if old != "" {
					write(t, lower, "file", old)
				}
				rule := faultfs.Rule{Nth: nth, After: kind == "after"}
				if kind == "torn" {
					rule.Op, rule.Torn = "write", true
				}
				if err := p.Add(rule); err != nil {
					t.Fatal(err)
				}
				err := vfs.WriteFileAtomic(faultfs.New(lower, p), "file", []byte("new content"), 0o644)
				if len(p.Log()) == 0 {
					if err != nil || read(t, lower, "file") != "new content" {
						t.Errorf("nothing failed, but %v", err)
					}
					break
				}
				failed++
				checkFailed(t, lower, old, err, p.Log()[0])
			}
		}
	}
	if failed < 30 {
		t.Errorf("only %d calls were failed", failed)
	}
}

// checkFailed holds what a WriteFileAtomic left that failed.
func checkFailed(t *testing.T, fsys vfs.FS, old string, err error, injected faultfs.Injection) {
	t.Helper()
	if !errors.Is(err, faultfs.ErrInjected) {
		t.Errorf("%v: the error is %v", injected, err)
	}
	p, reading := fs.ReadFile(fsys, "file")
	if got := string(p); got != "new content" && (got != old || old == "" && !errors.Is(reading, fs.ErrNotExist)) {
		t.Errorf("%v: the file holds %q (%v), want %q or the new content", injected, got, reading, old)
	}
	if got := names(t, fsys, "."); got != "file" && got != "" {
		t.Errorf("%v: left over: %s", injected, got)
	}
}

func TestMkdirAllAndRemoveAll(t *testing.T) {
	fsys := newFS(t)
	for range 2 {
		for _, name := range []string{"a/b/c", "a", ".", "a/d"} {
			if err := vfs.MkdirAll(fsys, name, 0o777); err != nil {
				t.Errorf("MkdirAll of %q: %v", name, err)
			}
		}
	}
	write(t, fsys, "a/b/file", "content")
	write(t, fsys, "keep", "content")
	for _, name := range []string{"a/b/file", "a/b/file/x", "../x", ""} {
		err := vfs.MkdirAll(fsys, name, 0o777)
		var e *fs.PathError
		if !errors.Is(err, fs.ErrInvalid) || !errors.As(err, &e) || e.Op != "mkdir" {
			t.Errorf("MkdirAll of %q: %v, want fs.ErrInvalid of mkdir", name, err)
		}
	}
	if err := vfs.SyncDir(fsys, "a/b"); err != nil {
		t.Error(err)
	}
	if err := vfs.SyncDir(fsys, "no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SyncDir of nothing: %v", err)
	}
	for _, name := range []string{"a/b/file", "a", "a", "no/no"} {
		if err := vfs.RemoveAll(fsys, name); err != nil {
			t.Errorf("RemoveAll of %q: %v", name, err)
		}
	}
	for _, name := range []string{".", "..", "keep/"} {
		if err := vfs.RemoveAll(fsys, name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("RemoveAll of %q: %v, want fs.ErrInvalid", name, err)
		}
	}
	if got := names(t, fsys, "."); got != "keep" {
		t.Errorf("left: %s", got)
	}
}

// What cannot be removed does not keep the rest.
func TestRemoveAllRemovesWhatItCan(t *testing.T) {
	p := faultfs.NewPlan(1)
	fsys := faultfs.New(newFS(t), p)
	if err := vfs.MkdirAll(fsys, "dir/sub", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dir/a", "dir/b", "dir/sub/c"} {
		write(t, fsys, name, "content")
	}
	if err := p.Add(faultfs.Rule{Op: "remove", Path: "dir/a"}); err != nil {
		t.Fatal(err)
	}
	if err := vfs.RemoveAll(fsys, "dir"); !errors.Is(err, faultfs.ErrInjected) {
		t.Errorf("the error is %v, want that of dir/a", err)
	}
	if got := names(t, fsys, "dir"); got != "a" {
		t.Errorf("left: %s", got)
	}
}

// A directory that may not be removed is emptied all the same. A link to one is not followed, and the root stays.
func TestRemoveAllEmptiesWhatItMayNotRemove(t *testing.T) {
	for _, reason := range []error{syscall.EACCES, syscall.EPERM, syscall.EBUSY} {
		dir := t.TempDir()
		lower, err := osfs.New(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer lower.Close()
		p := faultfs.NewPlan(1)
		fsys := faultfs.New(lower, p)
		if err := vfs.MkdirAll(fsys, "dir/sub/x", 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, fsys, "dir/a", "content")
		write(t, fsys, "dir/sub/b", "content")
		links := os.Symlink("dir", filepath.Join(dir, "link")) == nil
		for _, name := range []string{"dir", "link", "."} {
			if err := p.Add(faultfs.Rule{Op: "remove", Path: name, Err: reason}); err != nil {
				t.Fatal(err)
			}
		}
		if err := vfs.RemoveAll(fsys, "link"); links && !errors.Is(err, reason) {
			t.Errorf("of the link: %v, want %v", err, reason)
		}
		if err := vfs.RemoveAll(fsys, "."); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("of the root: %v", err)
		}
		if got := names(t, lower, "dir"); got != "a sub" {
			t.Errorf("of the directory that the link leads to is left: %s", got)
		}
		if err := vfs.RemoveAll(fsys, "dir"); !errors.Is(err, reason) {
			t.Errorf("of the directory: %v, want %v", err, reason)
		}
		if got := names(t, lower, "dir"); got != "" {
			t.Errorf("left: %s", got)
		}
	}
}

// TestTreesFailAnywhere: an error of any call comes back, and trying again does the rest.
func TestTreesFailAnywhere(t *testing.T) {
	for nth := 1; ; nth++ {
		p := faultfs.NewPlan(1)
		fsys := faultfs.New(newFS(t), p)
		if err := p.Add(faultfs.Rule{Nth: nth}); err != nil {
			t.Fatal(err)
		}
		work := func() error {
			for i := range 3 {
				if err := vfs.MkdirAll(fsys, fmt.Sprintf("dir/sub/%d/x", i), 0o777); err != nil {
					return err
				}
			}
			return vfs.RemoveAll(fsys, "dir")
		}
		err := work()
		if len(p.Log()) == 0 {
			if err != nil {
				t.Error(err)
			}
			return
		}
		if !errors.Is(err, faultfs.ErrInjected) {
			t.Errorf("call %d failed, and the error is %v", nth, err)
		}
		p.Clear()
		if err := work(); err != nil {
			t.Errorf("after call %d had failed: %v", nth, err)
		}
		if _, err := fsys.Stat("dir"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the directory is there still: %v", err)
		}
	}
}

// bare is a File and an FS without powers.
type bare struct{ vfs.FS }

func TestWithoutPowers(t *testing.T) {
	lower := newFS(t)
	fsys := bare{lower}
	sound, err := lower.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := struct{ vfs.File }{sound}
	_, lock := vfs.Lock(fsys, "lock")
	_, usage := vfs.Measure(fsys)
	for call, err := range map[string]error{
		"Allocate": vfs.Allocate(f, 0, 1), "Prefetch": vfs.Prefetch(f, 0, 1), "Lock": lock, "Measure": usage,
		"Link": vfs.Link(fsys, "file", "other"),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want errors.ErrUnsupported", call, err)
		}
	}
	if err := vfs.Datasync(f); err != nil || vfs.Alignment(f) != 1 {
		t.Errorf("Datasync: %v, Alignment: %d", err, vfs.Alignment(f))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for call, err := range map[string]error{"Allocate": vfs.Allocate(f, 0, 1), "Datasync": vfs.Datasync(f)} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s of a closed file: %v, want fs.ErrClosed", call, err)
		}
	}
}
