package unio_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever somebody renames meanwhile, no name of an FS leads to what lies outside.
func TestFSNamesStayInside(t *testing.T) {
	tries := scale(150, 40)
	eachFileScene(t, func(t fileScene) {
		out := filepath.Join(t.dir, "out")
		t.must(os.Mkdir(out, 0o755))
		t.must(os.WriteFile(filepath.Join(out, "f"), []byte("outside"), 0o644))
		s := tree(t, t.rt, t.dir)
		t.must(s.Mkdir("d", 0o755))
		t.must(os.WriteFile(filepath.Join(s.Dir(), "d/f"), []byte("in"), 0o644))
		t.must(os.Symlink(out, filepath.Join(s.Dir(), "link")))
		t.must(os.Symlink("./d", filepath.Join(s.Dir(), "via")))
		for _, name := range []string{"link", "link/f"} {
			if _, err := s.Stat(name); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v", name, err)
			}
		}
		var stop atomic.Bool
		stopped := make(chan error, 1)
		go func() {
			var err error
			for err == nil && !stop.Load() {
				err = unix.Renameat2(unix.AT_FDCWD, s.Dir()+"/d", unix.AT_FDCWD, s.Dir()+"/link", unix.RENAME_EXCHANGE)
			}
			stopped <- err
		}()
		for i := range tries {
			name := []string{"d", "via", "link"}[i%3]
			if p, err := fs.ReadFile(s, name+"/f"); err == nil && string(p) != "in" {
				t.Errorf("try %d: %q", i, p)
			}
			if info, err := s.Stat(name + "/f"); err == nil && info.Size() != 2 {
				t.Errorf("try %d: %v", i, info)
			}
			s.Mkdir(name+"/new", 0o755)
			s.Remove(name + "/new")
			s.Link("via/f", name+"/g")
			s.Rename(name+"/g", "g")
			s.Remove("g")
		}
		stop.Store(true)
		t.must(<-stopped)
		if left, err := os.ReadDir(out); len(left) != 1 || err != nil {
			t.Errorf("outside there is %v, %v", left, err)
		}
		if p, err := os.ReadFile(filepath.Join(out, "f")); string(p) != "outside" || err != nil {
			t.Errorf("outside: %q, %v", p, err)
		}
	})
}

// A pipe is refused, also where nobody has its other side.
func TestFSDoesNotWaitForPipes(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		s := tree(t, t.rt, t.dir)
		t.must(unix.Mkfifo(filepath.Join(s.Dir(), "pipe"), 0o600))
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
			if f, err := s.OpenFile("pipe", flag, 0, nil); err == nil {
				t.Errorf("%#x: %v", flag, f.Close())
			}
		}
	})
}

// What the kernel has said is in the error, beside what package vfs calls it.
func TestFSErrorsKeepTheirCause(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		s := tree(t, t.rt, t.dir)
		t.must(s.Mkdir("d", 0o755))
		f, err := s.OpenFile("f", os.O_WRONLY|os.O_CREATE, 0o644, nil)
		t.must(err)
		defer f.Close()
		_, readWriteOnly := f.ReadAt(make([]byte, 1), 0)
		_, below := s.Stat("f/x")
		_, list := s.ReadDir("f")
		d, err := s.OpenFile("d", os.O_RDONLY, 0, nil)
		t.must(err)
		defer d.Close()
		_, readDir := io.ReadAll(d)
		for what, c := range map[string]struct {
			err, kind error
			errno     syscall.Errno
		}{
			"read":       {readWriteOnly, fs.ErrPermission, syscall.EBADF},
			"stat":       {below, fs.ErrInvalid, syscall.ENOTDIR},
			"readdir":    {list, fs.ErrInvalid, syscall.ENOTDIR},
			"read a dir": {readDir, fs.ErrInvalid, syscall.EISDIR},
			"truncate":   {f.Truncate(-1), fs.ErrInvalid, syscall.EINVAL},
			"link a dir": {s.Link("d", "e"), fs.ErrPermission, syscall.EPERM},
			"rename":     {s.Rename("d", "d/sub"), fs.ErrInvalid, syscall.EINVAL},
		} {
			if !errors.Is(c.err, c.kind) || !errors.Is(c.err, c.errno) {
				t.Errorf("%s: %v, want %v and %v", what, c.err, c.kind, c.errno)
			}
		}
	})
}
