package vfstest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"runtime"
	"strings"

	"github.com/unio-go/unio/vfs"
)

// outcome is what an OpenFile comes to: an error of this kind, or the content that the file has then.
type outcome struct {
	err     error
	content string
}

// opensTo says what the contract wants of an OpenFile.
func opensTo(flag int, exists, directory bool) outcome {
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case flag&os.O_WRONLY != 0 && flag&os.O_RDWR != 0,
		flag&os.O_EXCL != 0 && flag&os.O_CREATE == 0,
		flag&os.O_TRUNC != 0 && !writes:
		return outcome{err: fs.ErrInvalid}
	case exists && flag&os.O_EXCL != 0:
		return outcome{err: fs.ErrExist}
	case directory && flag != os.O_RDONLY:
		return outcome{err: fs.ErrInvalid}
	case !exists && flag&os.O_CREATE == 0:
		return outcome{err: fs.ErrNotExist}
	case !exists, flag&os.O_TRUNC != 0:
		return outcome{}
	}
	return outcome{content: "content"}
}

// openFlags: every combination of the flags, on what is missing, a file and a directory.
func openFlags(c *check) {
	for flag := range 32 {
		for _, kind := range []string{"missing", "file", "dir"} {
			f := combine(flag)
			name := fmt.Sprintf("%s-%d", kind, flag)
			switch kind {
			case "file":
				c.write(name, "content")
			case "dir":
				c.ok(c.fsys.Mkdir(name, 0o777))
			}
			c.opens(name, f, kind)
		}
	}
}

// combine is a combination of the flags by number.
func combine(n int) (flag int) {
	for i, one := range []int{os.O_WRONLY, os.O_RDWR, os.O_CREATE, os.O_EXCL, os.O_TRUNC} {
		if n>>i&1 != 0 {
			flag |= one
		}
	}
	return flag
}

// opens holds one OpenFile to what the contract wants, and what it leaves.
func (c *check) opens(name string, flag int, kind string) {
	c.Helper()
	want := opensTo(flag, kind != "missing", kind == "dir")
	f, err := c.fsys.OpenFile(name, flag, 0o666, nil)
	if want.err != nil {
		if err == nil {
			f.Close()
			c.Errorf("OpenFile of a %s with flags %#x: no error, want %v", kind, flag, want.err)
			return
		}
		if f != nil {
			c.Errorf("OpenFile of a %s with flags %#x: a File beside an error", kind, flag)
		}
		c.fails(err, want.err, "open", name)
		switch kind {
		case "missing":
			c.missing(name)
		case "file":
			c.holds(name, "content")
		}
		return
	}
	if err != nil {
		c.Errorf("OpenFile of a %s with flags %#x: %v, want no error", kind, flag, err)
		return
	}
	c.ok(f.Close())
	if kind != "dir" {
		c.holds(name, want.content)
	}
}

// openFlagsRefused: flags that the contract does not know are refused, and nothing is created or changed.
func openFlagsRefused(c *check) {
	c.write("file", "content")
	for _, flag := range []int{os.O_APPEND, os.O_SYNC, 1 << 30, -1, os.O_APPEND | os.O_SYNC} {
		for _, access := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_CREATE | os.O_TRUNC} {
			for _, name := range []string{"file", "missing"} {
				err := closeAfter(c.fsys.OpenFile(name, access|flag, 0o666, nil))
				c.fails(err, fs.ErrInvalid, "open", name)
			}
		}
	}
	c.names(".", "file")
	c.holds("file", "content")
}

// openAccess: a File can be read, or written, only where it was opened for it.
func openAccess(c *check) {
	c.write("file", "content")
	opened, err := c.fsys.Open("file")
	c.ok(err)
	fromOpen, ok := opened.(vfs.File)
	if !ok {
		c.Fatalf("Open gives a %T, want a vfs.File", opened)
	}
	for _, f := range []vfs.File{fromOpen, c.open("file", os.O_RDONLY), c.open("file", os.O_RDONLY|os.O_CREATE)} {
		_, err := f.Write([]byte("x"))
		c.fails(err, fs.ErrPermission, "write", "file")
		_, err = f.WriteAt([]byte("x"), 0)
		c.fails(err, fs.ErrPermission, "write", "file")
		c.wrote(f.Write(nil))(0) // nothing is not written
		c.wrote(f.WriteAt(nil, 0))(0)
		c.fails(f.Truncate(0), fs.ErrPermission, "truncate", "file")
		c.fails(f.Truncate(100), fs.ErrPermission, "truncate", "file")
		if _, ok := f.(vfs.Allocator); ok {
			c.fails(vfs.Allocate(f, 0, 1), fs.ErrPermission, "allocate", "file")
		}
		c.content(f, "content")
		c.ok(f.Close())
	}
	f := c.open("file", os.O_WRONLY)
	_, err = f.Read(make([]byte, 1))
	c.fails(err, fs.ErrPermission, "read", "file")
	_, err = f.ReadAt(make([]byte, 1), 0)
	c.fails(err, fs.ErrPermission, "read", "file")
	n, err := f.Read(nil)
	c.reads("Read of no bytes", nil, n, err, "", nil)
	n, err = f.ReadAt(nil, 0)
	c.reads("ReadAt of no bytes", nil, n, err, "", nil)
	c.wrote(f.Write([]byte("CON")))(3)
	c.wrote(f.WriteAt([]byte("TENT!"), 3))(5)
	c.ok(f.Truncate(7))
	c.ok(f.Close())
	c.holds("file", "CONTENT")
}

// openTruncated: os.O_TRUNC empties the file that is there, for those who have it open and by its other names too.
func openTruncated(c *check) {
	f := c.create("file", "content")
	if hasLinker(c.fsys) {
		c.ok(vfs.Link(c.fsys, "file", "other"))
	}
	for _, flag := range []int{os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_TRUNC, os.O_RDWR | os.O_CREATE | os.O_TRUNC} {
		w := c.open("file", flag)
		c.content(f, "")
		c.wrote(w.Write([]byte("new")))(3)
		c.content(f, "new")
		c.ok(w.Close())
	}
	if hasLinker(c.fsys) {
		c.holds("other", "new")
	}
	c.ok(f.Close())
}

// openPerm: what is created has the permissions that were asked for, less the umask, what is there keeps its own, and there are no
// other mode bits.
func openPerm(c *check) {
	for _, perm := range []fs.FileMode{0o600, 0o644, 0o666, 0o777, 0o400} {
		file, dir := fmt.Sprintf("file-%o", perm), fmt.Sprintf("dir-%o", perm)
		f, err := c.fsys.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm, nil)
		c.ok(err)
		c.ok(f.Close())
		c.ok(c.fsys.Mkdir(dir, perm))
		for _, name := range []string{file, dir} {
			info, err := c.fsys.Stat(name)
			c.ok(err)
			// The umask leaves the owner's bits in any sane process. Windows knows read-only alone.
			got := info.Mode().Perm()
			if runtime.GOOS != "windows" && (got&^perm != 0 || got&0o700 != perm&0o700) {
				c.Errorf("%s was created with %v and has %v", name, perm, got)
			}
		}
	}
	before, err := c.fsys.Stat("file-600")
	c.ok(err)
	for _, flag := range []int{os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_CREATE | os.O_TRUNC} {
		c.ok(closeAfter(c.fsys.OpenFile("file-600", flag, 0o644, nil)))
		after, err := c.fsys.Stat("file-600")
		c.ok(err)
		if after.Mode() != before.Mode() {
			c.Errorf("a file that was there had %v, and has %v since it was opened with os.O_CREATE", before.Mode(), after.Mode())
		}
	}
	for _, perm := range []fs.FileMode{fs.ModeDir | 0o777, fs.ModeSetuid | 0o777, fs.ModeSticky, fs.ModeSymlink | 0o777} {
		err := closeAfter(c.fsys.OpenFile("refused", os.O_RDWR|os.O_CREATE, perm, nil))
		c.fails(err, fs.ErrInvalid, "open", "refused")
		c.fails(c.fsys.Mkdir("refused", perm), fs.ErrInvalid, "mkdir", "refused")
	}
	c.missing("refused")
}

// openMissing: a directory on the way is missing, or is a file.
func openMissing(c *check) {
	c.write("file", "content")
	for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_CREATE | os.O_EXCL} {
		c.fails(closeAfter(c.fsys.OpenFile("no/file", flag, 0o666, nil)), fs.ErrNotExist, "open", "no/file")
		c.fails(closeAfter(c.fsys.OpenFile("file/x", flag, 0o666, nil)), fs.ErrInvalid, "open", "file/x")
	}
	c.fails(closeAfter(c.fsys.Open("no")), fs.ErrNotExist, "open", "no")
	c.names(".", "file")
}

// openOptions: nil and none are good; each that is set is honoured or refused.
func openOptions(c *check) {
	c.write("file", "content")
	c.ok(c.fsys.Mkdir("dir", 0o777))
	f, err := c.fsys.OpenFile("file", os.O_RDWR, 0, &vfs.Options{})
	c.ok(err)
	if a := vfs.Alignment(f); a != 1 {
		c.Errorf("a file that was opened without Direct has the alignment %d, want 1", a)
	}
	c.content(f, "content")
	c.ok(f.Close())
	c.ok(closeAfter(c.fsys.OpenFile("dir", os.O_RDONLY, 0, &vfs.Options{})))

	f, err = c.fsys.OpenFile("file", os.O_RDWR, 0, &vfs.Options{Random: true})
	if err != nil {
		c.fails(err, errors.ErrUnsupported, "open", "file")
	} else {
		c.content(f, "content")
		c.ok(f.Close())
	}
	for _, o := range []vfs.Options{{Direct: true}, {Random: true}, {Direct: true, Random: true}} {
		c.fails(closeAfter(c.fsys.OpenFile("dir", os.O_RDONLY, 0, &o)), errors.ErrUnsupported, "open", "dir")
	}
	missing := &vfs.Options{Random: true}
	if err := closeAfter(c.fsys.OpenFile("missing", os.O_RDONLY, 0, missing)); !errors.Is(err, errors.ErrUnsupported) {
		c.fails(err, fs.ErrNotExist, "open", "missing")
	}
}

// openDirect: a File that was opened with Direct reads and writes in multiples of its alignment, and meets the end.
func openDirect(c *check) {
	c.write("file", "")
	f, err := c.fsys.OpenFile("file", os.O_RDWR, 0, &vfs.Options{Direct: true})
	if err != nil {
		c.fails(err, errors.ErrUnsupported, "open", "file")
		return
	}
	a := vfs.Alignment(f)
	if a < 1 || bits.OnesCount(uint(a)) != 1 {
		c.Fatalf("alignment %d, want a power of two", a)
	}
	text := strings.Repeat("0123456789abcdef", a/16+1)[:a]
	p := alignedMemory(2*a, a)
	copy(p, text+text)
	c.wrote(f.WriteAt(p, 0))(2 * a)
	c.wrote(f.Write(p[:a]))(a)
	clear(p)
	if n, err := f.ReadAt(p, 0); n != 2*a || err != nil && err != io.EOF || string(p) != text+text {
		c.Errorf("ReadAt of %d bytes from 0: %d, %v, %s", 2*a, n, err, short(string(p)))
	}
	size := a + a/2
	c.ok(f.Truncate(int64(size)))
	for off := 0; off <= 2*a; off += a {
		want := max(size-off, 0)
		if n, err := f.ReadAt(p, int64(off)); n != want || err != io.EOF || string(p[:n]) != text[:min(want, a)]+text[:max(want-a, 0)] {
			c.Errorf("ReadAt of %d bytes from %d of %d: %d, %v, want %d and io.EOF", len(p), off, size, n, err, want)
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	c.ok(err)
	for _, want := range []int{a, size - a, 0} {
		n, err := f.Read(p[:a])
		if n != want || want == 0 && err != io.EOF || want > 0 && err != nil {
			c.Errorf("Read of %d bytes, where %d are left: %d, %v", a, want, n, err)
		}
	}
	c.ok(f.Sync())
	c.ok(f.Close())
}
