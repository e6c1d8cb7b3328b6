package memfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
)

// FuzzVFS runs a script on a memfs and on a directory of the system, without our code between, and wants the same from each call: what
// it gives, and the kind of its error. Then it loses power, and wants a tree that can be read.
func FuzzVFS(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x01\x09\x20\x0a\x05\x03\x01\x02\x06"))
	for i := range byte(fuzzCalls) {
		script := []byte{0, 1, 2, 0, 2, 2, 7, 4, 0}
		for j := range byte(24) {
			script = append(script, (i+j*7)%fuzzCalls, j*5, i+j*3)
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		check(t, err)
		fsys := memfs.New()
		m := &fuzzSide{fsys: memSide{fsys}}
		s := &fuzzSide{fsys: osSide{root, dir}}
		defer s.close()
		defer m.close()
		for ; len(script) >= 3; script = script[3:] {
			got, want := m.call(script[0], script[1], script[2]), s.call(script[0], script[1], script[2])
			if got != want {
				t.Fatalf("call %d of %d and %d: memfs gave %s, package os %s", script[0]%fuzzCalls, script[1], script[2], got, want)
			}
		}
		if got, want := tree(fsys), tree(root.FS()); got != want {
			t.Fatalf("memfs holds %s, and package os %s", got, want)
		}
		check(t, root.Close())
		for seed := range uint64(4) {
			after := fsys.Crash(seed)
			if found, again := tree(after), tree(after.Crash(seed+1)); found != again {
				t.Fatalf("after a crash %s, after another %s", found, again)
			}
		}
	})
}

// fuzzFS is what a script uses, of both sides.
type fuzzFS interface {
	open(name string, flag int) (vfs.File, error)
	Mkdir(name string, perm fs.FileMode) error
	Remove(name string) error
	Rename(oldname, newname string) error
	Link(oldname, newname string) error
	Stat(name string) (fs.FileInfo, error)
	readDir(name string) ([]fs.DirEntry, error)
}

type memSide struct{ *memfs.FS }

func (s memSide) open(name string, flag int) (vfs.File, error) {
	return s.OpenFile(name, flag, 0o600, nil)
}

func (s memSide) readDir(name string) ([]fs.DirEntry, error) { return s.ReadDir(name) }

type osSide struct {
	*os.Root
	dir string
}

// Rename is the kernel's: package os has none that replaces a directory.
func (s osSide) Rename(oldname, newname string) error {
	return syscall.Rename(filepath.Join(s.dir, oldname), filepath.Join(s.dir, newname))
}

func (s osSide) open(name string, flag int) (vfs.File, error) { return s.OpenFile(name, flag, 0o600) }

func (s osSide) readDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(s.FS(), name) }

// fuzzSide is one of the two, with the files that are open.
type fuzzSide struct {
	fsys  fuzzFS
	files [4]vfs.File
}

func (s *fuzzSide) close() {
	for _, f := range s.files {
		if f != nil {
			f.Close()
		}
	}
}

// fuzzCalls is how many calls there are.
const fuzzCalls = 15

// fuzzNames are few, so that calls meet.
var fuzzNames = []string{"a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "a/b"}

var fuzzFlags = []int{
	os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_CREATE | os.O_TRUNC, os.O_RDONLY, os.O_WRONLY | os.O_CREATE | os.O_EXCL, os.O_WRONLY, os.O_RDWR,
}

// call makes one call, and gives what came of it as a text.
func (s *fuzzSide) call(code, a, b byte) string {
	name, other := fuzzNames[int(a)%len(fuzzNames)], fuzzNames[int(b)%len(fuzzNames)]
	switch code % fuzzCalls {
	case 0:
		f, err := s.fsys.open(name, fuzzFlags[int(b)%len(fuzzFlags)])
		if err == nil {
			i := int(a/8) % len(s.files)
			if s.files[i] != nil {
				s.files[i].Close()
			}
			s.files[i] = f
		}
		return kindOf(err)
	case 1:
		return kindOf(s.fsys.Mkdir(name, 0o700))
	case 2:
		return kindOf(s.fsys.Remove(name))
	case 3:
		return kindOf(s.fsys.Rename(name, other))
	case 4:
		return kindOf(s.fsys.Link(name, other))
	case 5:
		info, err := s.fsys.Stat(name)
		if err != nil {
			return kindOf(err)
		}
		return described(info)
	case 6:
		entries, err := s.fsys.readDir(name)
		names := []string{}
		for _, e := range entries {
			names = append(names, e.Name()+" "+e.Type().String())
		}
		slices.Sort(names)
		return fmt.Sprint(names, kindOf(err))
	}
	return s.callFile(code%fuzzCalls, a, b)
}

// callFile makes a call of a file.
func (s *fuzzSide) callFile(code, a, b byte) string {
	f := s.files[int(a)%len(s.files)]
	if f == nil {
		return "no file"
	}
	if info, err := f.Stat(); err == nil && info.IsDir() && code != 14 {
		return "a directory" // package os gives errors of other kinds than the contract
	}
	size, off := 1+int(b)*37, int64(a/4)*131
	switch code {
	case 7:
		n, err := f.WriteAt(bytes.Repeat([]byte{a}, size), off)
		return fmt.Sprint(n, kindOf(err))
	case 8:
		n, err := f.Write(bytes.Repeat([]byte{b}, size))
		return fmt.Sprint(n, kindOf(err))
	case 9:
		p := make([]byte, size)
		n, err := f.ReadAt(p, off)
		return fmt.Sprint(shortened(p[:n]), kindOf(err))
	case 10:
		p := make([]byte, size)
		n, err := f.Read(p)
		return fmt.Sprint(shortened(p[:n]), kindOf(err))
	case 11:
		n, err := f.Seek(off-2000, int(b)%3)
		return fmt.Sprint(n, kindOf(err))
	case 12:
		return kindOf(f.Truncate(off*int64(b%8) - 1))
	case 13:
		return kindOf(f.Sync())
	}
	info, err := f.Stat()
	if err != nil {
		return kindOf(err)
	}
	if b%4 == 0 { // a closed file stays where it is
		f.Close()
	}
	return described(info)
}

func described(info fs.FileInfo) string {
	if info.IsDir() {
		return info.Name() + " " + info.Mode().String()
	}
	return fmt.Sprint(info.Name(), info.Mode(), info.Size())
}

// kindOf is what of an error the two have in common.
func kindOf(err error) string {
	if err == nil || err == io.EOF {
		return fmt.Sprint(err)
	}
	for _, kind := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrClosed} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return "an error"
}
