package unio_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/faultfs"
	"github.com/unio-go/unio/vfs/vfstest"
)

// tree is an FS in a new directory below dir that ends with the test.
func tree(t testing.TB, rt *unio.Runtime, dir string) *unio.FS {
	t.Helper()
	dir, err := os.MkdirTemp(dir, "tree")
	if err != nil {
		t.Fatal(err)
	}
	s, err := rt.FS(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// An FS is what package vfs says, in each kind of directory, for goroutines and for tasks.
func TestFSConformance(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		dirs := fileDirs(t)
		for where, dir := range dirs {
			t.Run(where+"/goroutine", func(t *testing.T) {
				vfstest.TestFS(t, func(t *testing.T) vfs.FS { return tree(t, rt, dir) })
			})
		}
		where := "memory" // in which a sync takes no time
		if dirs[where] == "" {
			where = "tmp"
		}
		t.Run(where+"/task", func(t *testing.T) {
			vfstest.TestFS(t, func(t *testing.T) vfs.FS { return &taskFS{tree(t, rt, dirs[where]), rt} })
		})
	})
}

// taskFS calls an FS, and what that opens, in tasks.
type taskFS struct {
	*unio.FS
	rt *unio.Runtime
}

// in is what fn gives in a task.
func in[T any](rt *unio.Runtime, fn func() (T, error)) (v T, err error) {
	ended := make(chan struct{})
	rt.Go(func() {
		defer close(ended)
		v, err = fn()
	})
	<-ended
	return v, err
}

// errIn is the error of fn in a task.
func errIn(rt *unio.Runtime, fn func() error) error {
	_, err := in(rt, func() (struct{}, error) { return struct{}{}, fn() })
	return err
}

func (s *taskFS) Open(name string) (fs.File, error) { return s.OpenFile(name, os.O_RDONLY, 0, nil) }

func (s *taskFS) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	f, err := in(s.rt, func() (vfs.File, error) { return s.FS.OpenFile(name, flag, perm, o) })
	if err != nil {
		return nil, err
	}
	return &taskFile{f.(*unio.File), s.rt}, nil
}

func (s *taskFS) Stat(name string) (fs.FileInfo, error) {
	return in(s.rt, func() (fs.FileInfo, error) { return s.FS.Stat(name) })
}

func (s *taskFS) ReadDir(name string) ([]fs.DirEntry, error) {
	return in(s.rt, func() ([]fs.DirEntry, error) { return s.FS.ReadDir(name) })
}

func (s *taskFS) Mkdir(name string, perm fs.FileMode) error {
	return errIn(s.rt, func() error { return s.FS.Mkdir(name, perm) })
}

func (s *taskFS) Remove(name string) error {
	return errIn(s.rt, func() error { return s.FS.Remove(name) })
}

func (s *taskFS) Rename(oldname, newname string) error {
	return errIn(s.rt, func() error { return s.FS.Rename(oldname, newname) })
}

func (s *taskFS) Link(oldname, newname string) error {
	return errIn(s.rt, func() error { return s.FS.Link(oldname, newname) })
}

func (s *taskFS) Lock(name string) (io.Closer, error) {
	l, err := in(s.rt, func() (io.Closer, error) { return s.FS.Lock(name) })
	if err != nil {
		return nil, err
	}
	return taskLock{l, s.rt}, nil
}

func (s *taskFS) Usage() (vfs.Usage, error) { return in(s.rt, s.FS.Usage) }

type taskLock struct {
	io.Closer
	rt *unio.Runtime
}

func (l taskLock) Close() error { return errIn(l.rt, l.Closer.Close) }

type taskFile struct {
	*unio.File
	rt *unio.Runtime
}

func (f *taskFile) Read(p []byte) (int, error) {
	return in(f.rt, func() (int, error) { return f.File.Read(p) })
}

func (f *taskFile) ReadAt(p []byte, off int64) (int, error) {
	return in(f.rt, func() (int, error) { return f.File.ReadAt(p, off) })
}

func (f *taskFile) Write(p []byte) (int, error) {
	return in(f.rt, func() (int, error) { return f.File.Write(p) })
}

func (f *taskFile) WriteAt(p []byte, off int64) (int, error) {
	return in(f.rt, func() (int, error) { return f.File.WriteAt(p, off) })
}

func (f *taskFile) Seek(offset int64, whence int) (int64, error) {
	return in(f.rt, func() (int64, error) { return f.File.Seek(offset, whence) })
}

func (f *taskFile) ReadDir(n int) ([]fs.DirEntry, error) {
	return in(f.rt, func() ([]fs.DirEntry, error) { return f.File.ReadDir(n) })
}

func (f *taskFile) Stat() (fs.FileInfo, error) { return in(f.rt, f.File.Stat) }
func (f *taskFile) Sync() error                { return errIn(f.rt, f.File.Sync) }
func (f *taskFile) Datasync() error            { return errIn(f.rt, f.File.Datasync) }
func (f *taskFile) Close() error               { return errIn(f.rt, f.File.Close) }

func (f *taskFile) Truncate(size int64) error {
	return errIn(f.rt, func() error { return f.File.Truncate(size) })
}

func (f *taskFile) Allocate(off, n int64) error {
	return errIn(f.rt, func() error { return f.File.Allocate(off, n) })
}

func (f *taskFile) Prefetch(off, n int64) error {
	return errIn(f.rt, func() error { return f.File.Prefetch(off, n) })
}

// Whoever reads trees by package io/fs can read one.
func TestFSIsAnIOFS(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		s := tree(t, t.rt, t.dir)
		for _, dir := range []string{"a", "a/b", "empty"} {
			t.must(s.Mkdir(dir, 0o755))
		}
		for _, name := range []string{"f", "a/f", "a/b/f", "a/b/g"} {
			f, err := s.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644, nil)
			t.must(err)
			_, err = io.WriteString(f, name)
			t.must(errors.Join(err, f.Close()))
		}
		t.must(os.Symlink("a/b/f", filepath.Join(s.Dir(), "link")))
		t.must(fstest.TestFS(s, "f", "a/f", "a/b/f", "a/b/g", "link", "empty"))
	})
}

func (t fileScene) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What an FS opens is a File with all that a File can do, under its name in the tree.
func TestFSOpensFiles(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		s := tree(t, t.rt, t.dir)
		t.must(s.Mkdir("sub", 0o755))
		opened, err := s.OpenFile("sub/log", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644, &vfs.Options{Random: true})
		t.must(err)
		f := opened.(*unio.File)
		defer f.Close()
		off, err := f.Append(context.Background(), []byte("record"), unio.Durable)
		t.must(err)
		b, err := f.ReadBuf(context.Background(), off, 6)
		t.must(err)
		if string(b.Bytes()) != "record" || f.Name() != "sub/log" {
			t.Errorf("%q in %q", b.Bytes(), f.Name())
		}
		b.Release()
		p := make([]byte, 3)
		t.must(t.rt.ReadBatch(context.Background(), []unio.ReadOp{{File: f, Off: 3, P: p}}))
		if string(p) != "ord" {
			t.Errorf("%q", p)
		}
	})
}

// What is open outlives the FS, and nothing its runtime.
func TestFSEnds(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		e := rt.Report().Engine
		own := uniotest.New(t, &unio.Options{Engine: e})
		s, err := own.FS(t.TempDir())
		must(t, err)
		f, err := s.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644, nil)
		must(t, err)
		l, err := s.Lock("lock")
		must(t, err)
		entries, err := s.ReadDir(".")
		must(t, err)
		must(t, s.Close())
		everyCallFails(t, s)
		if _, err := entries[0].Info(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Info: %v", err)
		}
		_, err = f.WriteAt([]byte("x"), 0)
		must(t, err)
		again, err := own.FS(s.Dir())
		must(t, err)
		if _, err := again.Lock("lock"); !errors.Is(err, vfs.ErrLocked) || err.Error() != "lock lock: somebody has locked it" {
			t.Errorf("Lock: %v", err)
		}
		must(t, l.Close())
		l, err = again.Lock("lock")
		must(t, err)
		must(t, own.Close())
		everyCallFails(t, again)
		if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("WriteAt: %v", err)
		}
		if err := l.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Close of the lock: %v", err)
		}
		if _, err := own.FS(s.Dir()); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("FS: %v", err)
		}
		free, err := uniotest.New(t, &unio.Options{Engine: e}).FS(s.Dir())
		must(t, err)
		l, err = free.Lock("lock") // which has ended with the other runtime
		must(t, err)
		must(t, errors.Join(l.Close(), free.Close()))
	})
}

// A Close that is refused in a coroutine leaves the FS as it was: it ends with the Runtime.
func TestFSCloseRefusedInACoroutine(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		own := uniotest.New(t, &unio.Options{Engine: rt.Report().Engine, Loops: 1})
		s, err := own.FS(t.TempDir())
		must(t, err)
		asCoroutine(t, own, func() { wantIs(t, "Close in a coroutine", s.Close(), unio.ErrCoroutine) })
		_, err = s.Stat(".")
		must(t, err)
		must(t, own.Close())
		everyCallFails(t, s)
	})
}

// An FS of faults over one of a runtime has its powers, although each File has a ReadDir.
func TestFSKeepsItsPowersBelowFaults(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		below := tree(t, rt, t.TempDir())
		fsys := faultfs.New(below, faultfs.NewPlan(1))
		f, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o600, nil)
		must(t, err)
		defer f.Close()
		_, datasyncer := f.(vfs.Datasyncer)
		_, allocator := f.(vfs.Allocator)
		_, prefetcher := f.(vfs.Prefetcher)
		_, aligner := f.(vfs.Aligner)
		if !datasyncer || !allocator || !prefetcher || !aligner {
			t.Errorf("of Datasync, Allocate, Prefetch and Alignment it has %t, %t, %t, %t", datasyncer, allocator, prefetcher, aligner)
		}
		entries, err := fsys.ReadDir(".")
		if err != nil || len(entries) != 1 {
			t.Errorf("ReadDir: %v, %v", entries, err)
		}
		d, err := fsys.Open(".")
		must(t, err)
		defer d.Close()
		if entries, err := d.(fs.ReadDirFile).ReadDir(-1); err != nil || len(entries) != 1 {
			t.Errorf("ReadDir of the open directory: %v, %v", entries, err)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// everyCallFails wants the FS to have ended.
func everyCallFails(t *testing.T, s *unio.FS) {
	t.Helper()
	_, open := s.Open("f")
	_, stat := s.Stat("f")
	_, readDir := s.ReadDir(".")
	_, lock := s.Lock("lock")
	_, usage := s.Usage()
	for call, err := range map[string]error{
		"Open": open, "Stat": stat, "ReadDir": readDir, "Lock": lock, "Usage": usage, "Mkdir": s.Mkdir("d", 0o755),
		"Remove": s.Remove("f"), "Rename": s.Rename("f", "g"), "Link": s.Link("f", "g"), "Close": s.Close(),
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s of what is closed: %v", call, err)
		}
	}
}

func TestFSOfNoDirectory(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		name := filepath.Join(t.dir, "none")
		_, err := t.rt.FS(name)
		var pe *fs.PathError
		if !errors.As(err, &pe) || !errors.Is(err, fs.ErrNotExist) || pe.Op != "open" || pe.Path != name {
			t.Error(err)
		}
		t.create("file", nil)
		if _, err := t.rt.FS(filepath.Join(t.dir, "file")); !errors.Is(err, fs.ErrInvalid) {
			t.Error(err)
		}
	})
}

// A directory that was opened by its own name can be read as well.
func TestFileReadDir(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		t.create("a", []byte("content"))
		d := t.open(".", os.O_RDONLY, nil)
		entries, err := d.ReadDir(1)
		t.must(err)
		info, err := entries[0].Info()
		t.must(err)
		if len(entries) != 1 || entries[0].Name() != "a" || entries[0].IsDir() || info.Size() != 7 {
			t.Errorf("%v, %v", entries, info)
		}
		if entries, err = d.ReadDir(1); len(entries) != 0 || err != io.EOF {
			t.Errorf("%v, %v", entries, err)
		}
		if err := d.Advise(0, 0, unio.AdviceDontNeed); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Advise about a directory: %v", err)
		}
		if _, err := t.open("a", os.O_RDONLY, nil).ReadDir(-1); !errors.Is(err, fs.ErrInvalid) {
			t.Error(err)
		}
	})
}

// No call of an FS, or on what it opened, holds the loop of the task that waits for it.
func TestFSCallsParkTheirTask(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		s := tree(t, rt, t.TempDir())
		for _, c := range fsCalls(t, rt, s) {
			release := unio.HoldThreads(rt)
			called, ended := make(chan struct{}), make(chan struct{})
			rt.Go(func() {
				defer close(ended)
				close(called)
				if err := c.call(); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			})
			await(t, called, c.name+" to be called")
			other := make(chan struct{})
			rt.Go(func() { close(other) })
			await(t, other, "the loop, which "+c.name+" holds")
			select {
			case <-ended:
				t.Errorf("%s has not waited for a thread", c.name)
			default:
			}
			release()
			await(t, ended, c.name+" to end")
		}
	})
}

// fsCall is one call that may wait for the device.
type fsCall struct {
	name string
	call func() error
}

// fsCalls are all there are, in an order in which each succeeds.
func fsCalls(t *testing.T, rt *unio.Runtime, s *unio.FS) []fsCall {
	f, err := s.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644, nil)
	must(t, err)
	d, err := s.Open(".")
	must(t, err)
	entries, err := s.ReadDir(".")
	must(t, err)
	var opened []io.Closer
	keep := func(c io.Closer, err error) error {
		opened = append(opened, c)
		return err
	}
	t.Cleanup(func() {
		for _, c := range append(opened, f, d) {
			c.Close()
		}
	})
	file, dir := f.(*unio.File), d.(*unio.File)
	return []fsCall{
		{"FS", func() error {
			other, err := rt.FS(s.Dir())
			return errors.Join(err, other.Close())
		}},
		{"OpenFile", func() error { return keep(s.OpenFile("new", os.O_RDWR|os.O_CREATE, 0o644, nil)) }},
		{"Open", func() error { return keep(s.Open(".")) }},
		{"Stat", func() error { return drop(s.Stat("f")) }},
		{"ReadDir", func() error { return drop(s.ReadDir(".")) }},
		{"Info", func() error { return drop(entries[0].Info()) }},
		{"Mkdir", func() error { return s.Mkdir("d", 0o755) }},
		{"Rename", func() error { return s.Rename("d", "e") }},
		{"Link", func() error { return s.Link("f", "g") }},
		{"Remove", func() error { return s.Remove("e") }},
		{"Lock", func() error { return keep(s.Lock("lock")) }},
		{"Usage", func() error { return drop(s.Usage()) }},
		{"File.ReadDir", func() error { return drop(dir.ReadDir(-1)) }},
		{"File.Stat", func() error { return drop(dir.Stat()) }},
		{"File.Sync of a directory", dir.Sync},
		{"File.Sync", file.Sync},
		{"File.Datasync", file.Datasync},
		{"File.WriteAt", func() error { return drop(file.WriteAt([]byte("x"), 0)) }},
		{"File.Truncate", func() error { return file.Truncate(10) }},
		{"File.Allocate", func() error { return file.Allocate(0, 10) }},
		{"File.Prefetch", func() error { return file.Prefetch(0, 10) }},
		{"Close", s.Close},
	}
}

// drop is the error alone.
func drop[T any](_ T, err error) error { return err }

// In a simulation the caller does everything, at once.
func TestFSInASimulation(t *testing.T) {
	dir := t.TempDir()
	uniotest.Simulate(t, func(s *uniotest.Sim) {
		tree, err := s.Runtime().FS(dir)
		if err != nil {
			s.Fatalf("%v", err)
		}
		var group unio.Group
		for _, name := range []string{"a", "b", "c"} {
			group.Go(func() error {
				for range 5 {
					f, err := tree.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644, nil)
					if err != nil {
						return err
					}
					unio.Sleep(time.Duration(s.Rand.IntN(int(time.Second))))
					l, err := tree.Lock("lock" + name)
					if err := errors.Join(err, f.Close(), tree.Mkdir("dir"+name, 0o755)); err != nil {
						return err
					}
					unio.Sleep(time.Duration(s.Rand.IntN(int(time.Second))))
					entries, err := tree.ReadDir(".")
					if err != nil || len(entries) < 3 {
						s.Errorf("%v, %v", entries, err)
					}
					if err := errors.Join(l.Close(), tree.Rename(name, "dir"+name+"/moved"), tree.Remove("dir"+name+"/moved"),
						tree.Remove("dir"+name)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := errors.Join(group.Wait(), tree.Close()); err != nil {
			s.Errorf("%v", err)
		}
	})
}
