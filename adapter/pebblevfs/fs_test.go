package pebblevfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"testing"

	pebble "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/unio-go/unio/adapter/pebblevfs"
	"github.com/unio-go/unio/vfs"
)

// OpenFile gives a file that knows what every File knows, and no more.
func (b bare) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	if o != nil && *o != (vfs.Options{}) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
	}
	f, err := b.FS.OpenFile(name, flag, perm, o)
	if err != nil {
		return nil, err
	}
	return struct{ vfs.File }{f}, nil
}

// each runs a test on every file system.
func each(t *testing.T, test func(t *testing.T, fsys pebble.FS)) {
	for _, s := range systems {
		t.Run(s.name, func(t *testing.T) { test(t, pebblevfs.New(s.open(t, t.TempDir()))) })
	}
}

// write makes a file by way of Create.
func write(t *testing.T, fsys pebble.FS, name, text string) {
	t.Helper()
	f, err := fsys.Create(name, pebble.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// read gives what is in a file.
func read(t *testing.T, fsys pebble.FS, name string) string {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every spelling of a name is the same file, and none leads above the root.
func TestNames(t *testing.T) {
	each(t, func(t *testing.T, fsys pebble.FS) {
		if err := fsys.MkdirAll("/a//b/", 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, fsys, "a/b/c", "text")
		for _, name := range []string{"a/b/c", "/a/b/c", "./a/b/c", "a//b/./c", "/../a/b/c", "../../a/b/c", "a/b/x/../c", "a/b/c/"} {
			if got := read(t, fsys, name); got != "text" {
				t.Errorf("%q has %q", name, got)
			}
			if info, err := fsys.Stat(name); err != nil || info.Name() != "c" || info.Size() != 4 {
				t.Errorf("Stat(%q): %v, %v", name, info, err)
			}
		}
		for name, want := range map[string]string{"": ".", ".": ".", "/": "/", "//": "/", "..": ".."} {
			info, err := fsys.Stat(name)
			if err != nil || !info.IsDir() || info.Name() != want {
				t.Errorf("Stat(%q): %v, %v; want the root as %q", name, info, err, want)
			}
			if names, err := fsys.List(name); err != nil || !slices.Equal(names, []string{"a"}) {
				t.Errorf("List(%q): %q, %v", name, names, err)
			}
		}
		if got := fsys.PathJoin("/a", "b", "../c"); got != "/a/c" {
			t.Errorf("PathJoin: %q", got)
		}
		if dir, base := fsys.PathDir("/a/b"), fsys.PathBase("/a/b/"); dir != "/a" || base != "b" {
			t.Errorf("PathDir: %q, PathBase: %q", dir, base)
		}
	})
}

// Create leaves alone who has the old file: another name for it, and an open File.
func TestCreateIsAnotherFile(t *testing.T) {
	each(t, func(t *testing.T, fsys pebble.FS) {
		write(t, fsys, "file", "old")
		if err := fsys.Link("file", "link"); err != nil {
			t.Fatal(err)
		}
		open, err := fsys.Open("file")
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		write(t, fsys, "file", "new!")
		var p [3]byte
		if _, err := open.ReadAt(p[:], 0); err != nil || string(p[:]) != "old" {
			t.Errorf("the File that was open reads %q, %v", p, err)
		}
		if got := read(t, fsys, "link") + read(t, fsys, "file"); got != "oldnew!" {
			t.Errorf("link and file have %q", got)
		}
		if err := fsys.MkdirAll("full/of", 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := fsys.Create("full", pebble.WriteCategoryUnspecified); err == nil {
			t.Error("Create over a directory with something in it: no error")
		}
	})
}

// A file that is written again keeps what it has until that is written over.
func TestReuseForWrite(t *testing.T) {
	each(t, func(t *testing.T, fsys pebble.FS) {
		write(t, fsys, "old", "0123456789")
		write(t, fsys, "new", "replaced")
		f, err := fsys.ReuseForWrite("old", "new", pebble.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, part := range []string{"ab", "cd"} {
			if _, err := f.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, fsys, "new"); got != "abcd456789" {
			t.Errorf("it has %q", got)
		}
		if info, err := f.Stat(); err != nil || info.Name() != "new" {
			t.Errorf("Stat: %v, %v", info, err)
		}
		if _, err := fsys.Stat("old"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old name: %v", err)
		}
		if _, err := fsys.ReuseForWrite("none", "new", pebble.WriteCategoryUnspecified); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that there is not: %v", err)
		}
	})
}

func TestMkdirAllAndRemoveAll(t *testing.T) {
	each(t, func(t *testing.T, fsys pebble.FS) {
		for _, name := range []string{"/", "a/b/c", "a/b/c", "a/b"} {
			if err := fsys.MkdirAll(name, 0o755); err != nil {
				t.Errorf("MkdirAll(%q): %v", name, err)
			}
		}
		write(t, fsys, "a/b/file", "")
		if err := fsys.MkdirAll("e", fs.ModeDir|0o755); err != nil { // which os.MkdirAll takes
			t.Error(err)
		}
		if err := fsys.MkdirAll("a/b/file/d", 0o755); err == nil {
			t.Error("MkdirAll below a file: no error")
		}
		if err := fsys.MkdirAll("a/b/file", 0o755); err == nil {
			t.Error("MkdirAll of a file: no error")
		}
		write(t, fsys, "kept", "")
		for _, name := range []string{"a", "a", "e", "none/at/all"} {
			if err := fsys.RemoveAll(name); err != nil {
				t.Errorf("RemoveAll(%q): %v", name, err)
			}
		}
		if names, err := fsys.List("."); err != nil || !slices.Equal(names, []string{"kept"}) {
			t.Errorf("%q are left, %v", names, err)
		}
	})
}

// A symbolic link is removed, not what it leads to.
func TestRemoveAllFollowsNoLinks(t *testing.T) {
	dir := t.TempDir()
	fsys := pebblevfs.New(openOS(t, dir))
	if err := fsys.MkdirAll("kept", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, fsys, "kept/file", "")
	if err := fsys.MkdirAll("removed", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../kept", dir+"/removed/link"); err != nil {
		t.Skipf("lacks: symbolic links: %v", err)
	}
	if err := fsys.RemoveAll("removed"); err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.Stat("kept/file"); err != nil {
		t.Error(err)
	}
}

// One lock at a time, and another when it is gone.
func TestLock(t *testing.T) {
	each(t, func(t *testing.T, fsys pebble.FS) {
		lock, err := fsys.Lock("LOCK")
		if err != nil {
			t.Fatal(err)
		}
		if second, err := fsys.Lock("/LOCK"); err == nil {
			second.Close()
			t.Error("a second lock: no error")
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		if lock, err = fsys.Lock("LOCK"); err != nil {
			t.Fatal(err)
		}
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
	})
}

// All that Pebble has calls for works on a file and on a directory.
func TestFiles(t *testing.T) {
	each(t, func(t *testing.T, fsys pebble.FS) {
		f, err := fsys.OpenReadWrite("file", pebble.WriteCategoryUnspecified, pebble.RandomReadsOption)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(make([]byte, 4096), 4096); err != nil {
			t.Error(err)
		}
		full, syncTo := f.SyncTo(4096)
		for call, err := range map[string]error{
			"Preallocate": f.Preallocate(0, 1<<20), "Prefetch": f.Prefetch(0, 4096), "Sync": f.Sync(), "SyncData": f.SyncData(), "SyncTo": syncTo,
		} {
			if err != nil {
				t.Errorf("%s: %v", call, err)
			}
		}
		if f.Fd() == pebble.InvalidFd && !full {
			t.Error("SyncTo of a file without descriptor was not full, and there is no other way")
		}
		if info, err := f.Stat(); err != nil || info.Size() != 8192 {
			t.Errorf("Stat: %v, %v; what is allocated is not in the size", info, err)
		}
		d, err := fsys.OpenDir("/")
		if err != nil {
			t.Fatal(err)
		}
		full, syncTo = d.SyncTo(1)
		for call, err := range map[string]error{
			"Preallocate": d.Preallocate(0, 1), "Prefetch": d.Prefetch(0, 1), "Sync": d.Sync(), "SyncData": d.SyncData(), "SyncTo": syncTo,
			"Close": d.Close(),
		} {
			if err != nil {
				t.Errorf("%s of a directory: %v", call, err)
			}
		}
		if full {
			t.Error("SyncTo of a directory says that it was full")
		}
		if u, err := fsys.GetDiskUsage("file"); err == nil && (u.TotalBytes == 0 || u.UsedBytes > u.TotalBytes) ||
			err != nil && !errors.Is(err, pebble.ErrUnsupported) {
			t.Errorf("GetDiskUsage: %+v, %v", u, err)
		}
	})
}

// A part that cannot be written back is an error like that of any other call, on each file system.
func TestSyncToOfAClosedFile(t *testing.T) {
	each(t, func(t *testing.T, fsys pebble.FS) {
		f, err := fsys.Create("file", pebble.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		var named *fs.PathError
		if full, err := f.SyncTo(1); full || !errors.As(err, &named) || named.Op != "sync" || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("SyncTo: full %v, %v", full, err)
		}
	})
}

// What a file system cannot do is left out where Pebble allows that, and said where it does not.
func TestWithoutPowers(t *testing.T) {
	fsys := pebblevfs.New(bare{openOS(t, t.TempDir())})
	write(t, fsys, "file", "text")
	f, err := fsys.Open("file", pebble.RandomReadsOption, pebble.SequentialReadsOption)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Preallocate(0, 10), f.Prefetch(0, 10)); err != nil {
		t.Error(err)
	}
	if full, err := f.SyncTo(2); !full || err != nil {
		t.Errorf("SyncTo: full %v, %v", full, err)
	}
	if f.Fd() != pebble.InvalidFd {
		t.Errorf("descriptor %d", f.Fd())
	}
	if _, err := fsys.GetDiskUsage("/"); !errors.Is(err, pebble.ErrUnsupported) || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("GetDiskUsage: %v", err)
	}
	if _, err := fsys.Lock("LOCK"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Lock: %v", err)
	}
	if err := fsys.Link("file", "link"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Link: %v", err)
	}
	if err := pebble.LinkOrCopy(fsys, "file", "copy"); err != nil || read(t, fsys, "copy") != "text" {
		t.Errorf("LinkOrCopy: %v", err)
	}
	if pebble.Root(fsys) != fsys {
		t.Error("it has a file system of Pebble's below it")
	}
}
