package vfstest

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/unio-go/unio/vfs"
)

// closedDirectory: a directory that was opened knows nothing after its Close.
func closedDirectory(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("dir/file", "")
	for _, name := range []string{"dir", "."} {
		d := c.open(name, os.O_RDONLY)
		c.ok(d.Close())
		c.closed(d, name)
		_, err := d.(fs.ReadDirFile).ReadDir(-1)
		c.fails(err, fs.ErrClosed, "readdir", name)
		_, err = d.(fs.ReadDirFile).ReadDir(1)
		c.fails(err, fs.ErrClosed, "readdir", name)
	}
}

// directoryIsNoFile: an open directory refuses what is for files, and a file what is for directories.
func directoryIsNoFile(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("file", "content")
	d := c.open("dir", os.O_RDONLY)
	p := make([]byte, 1)
	_, err := d.Read(p)
	c.fails(err, fs.ErrInvalid, "read", "dir")
	_, err = d.ReadAt(p, 0)
	c.fails(err, fs.ErrInvalid, "read", "dir")
	_, err = d.Write(p)
	c.fails(err, fs.ErrInvalid, "write", "dir")
	_, err = d.WriteAt(p, 0)
	c.fails(err, fs.ErrInvalid, "write", "dir")
	_, err = d.Seek(0, io.SeekStart)
	c.fails(err, fs.ErrInvalid, "seek", "dir")
	c.fails(d.Truncate(0), fs.ErrInvalid, "truncate", "dir")
	if _, ok := d.(vfs.Allocator); ok {
		c.fails(vfs.Allocate(d, 0, 1), fs.ErrInvalid, "allocate", "dir")
	}
	if _, ok := d.(vfs.Prefetcher); ok {
		c.fails(vfs.Prefetch(d, 0, 1), fs.ErrInvalid, "prefetch", "dir")
	}
	c.ok(d.Close())
	_, err = c.fsys.ReadDir("file")
	c.fails(err, fs.ErrInvalid, "readdir", "file")
	if f, err := c.fsys.Open("file"); err != nil {
		c.Error(err)
	} else {
		if d, ok := f.(fs.ReadDirFile); ok {
			if entries, err := d.ReadDir(-1); err == nil {
				c.Errorf("ReadDir of a file that is open: %v, want an error", entries)
			}
		}
		c.ok(f.Close())
	}
}

// mkdir: one directory, where there is nothing of that name.
func mkdir(c *check) {
	c.write("file", "content")
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.ok(c.fsys.Mkdir("dir/sub", 0o777))
	c.names("dir", "sub")
	c.names("dir/sub")
	c.fails(c.fsys.Mkdir("dir", 0o777), fs.ErrExist, "mkdir", "dir")
	c.fails(c.fsys.Mkdir("file", 0o777), fs.ErrExist, "mkdir", "file")
	c.fails(c.fsys.Mkdir("no/dir", 0o777), fs.ErrNotExist, "mkdir", "no/dir")
	c.fails(c.fsys.Mkdir("file/dir", 0o777), fs.ErrInvalid, "mkdir", "file/dir")
	c.names(".", "dir", "file")
	c.names("dir", "sub")
	c.holds("file", "content")
}

// fill makes n files and a directory in a directory, in no order, and gives their names sorted.
func (c *check) fill(dir string, n int) (names []string) {
	c.Helper()
	c.ok(c.fsys.Mkdir(dir, 0o777))
	for i := range n {
		name := fmt.Sprintf("%03d-%s", i*7919%1000, strings.Repeat("x", i%50))
		c.write(path.Join(dir, name), strings.Repeat("y", i%10))
		names = append(names, name)
	}
	c.ok(c.fsys.Mkdir(path.Join(dir, "500-dir"), 0o777))
	names = append(names, "500-dir")
	slices.Sort(names)
	return names
}

// readDir: all that a directory holds, sorted by name, with types and descriptions.
func readDir(c *check) {
	names := c.fill("dir", 300)
	c.names("dir", names...)
	c.names("dir/500-dir")
	entries, err := c.fsys.ReadDir("dir")
	c.ok(err)
	for _, e := range entries {
		info, err := e.Info()
		c.ok(err)
		want, err := c.fsys.Stat(path.Join("dir", e.Name()))
		c.ok(err)
		if e.IsDir() != want.IsDir() || e.Type() != want.Mode().Type() || info.Name() != e.Name() || info.Mode() != want.Mode() ||
			!want.IsDir() && info.Size() != want.Size() {
			c.Errorf("entry %v, with %v of %d bytes, is by Stat %v of %d", e, info.Mode(), info.Size(), want.Mode(), want.Size())
		}
	}
	_, err = c.fsys.ReadDir("no")
	c.fails(err, fs.ErrNotExist, "readdir", "no")
	c.ok(c.fsys.Remove("dir/" + names[0]))
	c.names("dir", names[1:]...)
}

// readDirInParts: an open directory gives each entry once, as fs.ReadDirFile says.
func readDirInParts(c *check) {
	names := c.fill("dir", 100)
	for _, part := range []int{1, 7, 101, 1000, -1, 0} {
		d := c.open("dir", os.O_RDONLY).(fs.ReadDirFile)
		var got []string
		for {
			entries, err := d.ReadDir(part)
			for _, e := range entries {
				got = append(got, e.Name())
			}
			if part <= 0 || err != nil {
				c.endOfDirectory(part, len(entries), err)
				break
			}
			if len(entries) == 0 || len(entries) > part {
				c.Fatalf("ReadDir(%d): %d entries and no error", part, len(entries))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, names) {
			c.Errorf("ReadDir(%d) gave in the end %d names, want these %d: %q", part, len(got), len(names), got)
		}
		again, err := d.ReadDir(part)
		if len(again) != 0 || part > 0 && err != io.EOF || part <= 0 && err != nil {
			c.Errorf("ReadDir(%d) at the end once more: %d entries, %v", part, len(again), err)
		}
		c.ok(d.Close())
	}
}

// endOfDirectory holds what the last of the parts came with.
func (c *check) endOfDirectory(part, n int, err error) {
	c.Helper()
	if part > 0 && (err != io.EOF || n > 0) || part <= 0 && err != nil {
		c.Errorf("ReadDir(%d) at the end: %d entries, %v", part, n, err)
	}
}

// stat: what is there is described, what is not is missing.
func stat(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("dir/file", "content")
	info, err := c.fsys.Stat("dir")
	c.ok(err)
	if !info.IsDir() || info.Name() != "dir" {
		c.Errorf("Stat of a directory: %v named %q", info.Mode(), info.Name())
	}
	c.missing("no")
	c.missing("dir/no")
	c.missing("no/no")
	_, err = c.fsys.Stat("dir/file/x")
	c.fails(err, fs.ErrInvalid, "stat", "dir/file/x")
}

// remove: a file or an empty directory.
func remove(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("dir/file", "content")
	c.fails(c.fsys.Remove("dir"), fs.ErrExist, "remove", "dir")
	c.fails(c.fsys.Remove("no"), fs.ErrNotExist, "remove", "no")
	c.fails(c.fsys.Remove("no/no"), fs.ErrNotExist, "remove", "no/no")
	c.fails(c.fsys.Remove("dir/file/x"), fs.ErrInvalid, "remove", "dir/file/x")
	c.holds("dir/file", "content")
	c.ok(c.fsys.Remove("dir/file"))
	c.missing("dir/file")
	c.names("dir")
	c.fails(c.fsys.Remove("dir/file"), fs.ErrNotExist, "remove", "dir/file")
	c.ok(c.fsys.Remove("dir"))
	c.missing("dir")
	c.names(".")
}

// removeOpen: a file that is open stays readable and writable, and its name is free.
func removeOpen(c *check) {
	f := c.create("file", "old")
	r := c.open("file", os.O_RDONLY)
	c.ok(c.fsys.Remove("file"))
	c.missing("file")
	c.write("file", "a new file")
	c.wrote(f.Write([]byte(" and more")))(9)
	c.ok(f.Sync())
	c.content(f, "old and more")
	c.content(r, "old and more")
	c.ok(f.Truncate(2))
	c.content(r, "ol")
	c.ok(f.Close())
	c.content(r, "ol")
	c.ok(r.Close())
	c.holds("file", "a new file")
	c.names(".", "file")
}

// rename: a file gets another name, also in another directory, and a file that had it is replaced.
func rename(c *check) {
	c.ok(c.fsys.Mkdir("a", 0o777))
	c.ok(c.fsys.Mkdir("b", 0o777))
	c.write("a/file", "content")
	c.ok(c.fsys.Rename("a/file", "a/other"))
	c.names("a", "other")
	c.ok(c.fsys.Rename("a/other", "b/file"))
	c.names("a")
	c.names("b", "file")
	c.write("top", "replaced")
	c.ok(c.fsys.Rename("b/file", "top"))
	c.names("b")
	c.names(".", "a", "b", "top")
	c.holds("top", "content")
	c.ok(c.fsys.Rename("top", "top"))
	c.names(".", "a", "b", "top")
	c.holds("top", "content")
}

// renameDirectories: a directory is renamed with all that is in it, also over an empty one.
func renameDirectories(c *check) {
	c.ok(c.fsys.Mkdir("a", 0o777))
	c.ok(c.fsys.Mkdir("a/sub", 0o777))
	c.ok(c.fsys.Mkdir("empty", 0o777))
	c.write("a/sub/file", "content")
	c.ok(c.fsys.Rename("a", "b"))
	c.missing("a")
	c.holds("b/sub/file", "content")
	c.ok(c.fsys.Rename("b", "empty"))
	c.names(".", "empty")
	c.holds("empty/sub/file", "content")
	c.ok(c.fsys.Rename("empty", "empty"))
	c.holds("empty/sub/file", "content")
	c.ok(c.fsys.Rename("empty/sub", "sub"))
	c.names("empty")
	c.holds("sub/file", "content")
	c.ok(c.fsys.Remove("empty"))
	c.ok(c.fsys.Mkdir("empty", 0o777))
	c.names("empty")
}

// renameRefused: what cannot be renamed stays, and so does what has the new name.
func renameRefused(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("dir/file", "in dir")
	c.ok(c.fsys.Mkdir("full", 0o777))
	c.write("full/file", "in full")
	c.ok(c.fsys.Mkdir("empty", 0o777))
	c.write("file", "content")
	for _, one := range []struct {
		from, to string
		kind     error
	}{
		{"no", "new", fs.ErrNotExist},
		{"no", "file", fs.ErrNotExist},
		{"no", "no", fs.ErrNotExist},
		{"no/no", "new", fs.ErrNotExist},
		{"file", "no/new", fs.ErrNotExist},
		{"file/x", "new", fs.ErrInvalid},
		{"file", "dir/file/new", fs.ErrInvalid},
		{"file", "empty", fs.ErrInvalid},
		{"file", "full", fs.ErrInvalid},
		{"dir", "file", fs.ErrInvalid},
		{"dir", "full", fs.ErrExist},
		{"dir", "dir/sub", fs.ErrInvalid},
	} {
		c.failsLink(c.fsys.Rename(one.from, one.to), one.kind, "rename", one.from, one.to)
	}
	c.names(".", "dir", "empty", "file", "full")
	c.names("dir", "file")
	c.holds("dir/file", "in dir")
	c.holds("full/file", "in full")
	c.holds("file", "content")
}

// renameOpen: files that are open stay what they are, the renamed and the replaced one.
func renameOpen(c *check) {
	moved := c.create("old", "moved")
	replaced := c.create("new", "replaced")
	c.ok(c.fsys.Rename("old", "new"))
	c.wrote(moved.Write([]byte("!")))(1)
	c.wrote(replaced.Write([]byte("?")))(1)
	c.content(moved, "moved!")
	c.content(replaced, "replaced?")
	c.holds("new", "moved!")
	_, err := moved.ReadAt(nil, -1)
	c.fails(err, fs.ErrInvalid, "read", "old") // the name as it was given
	c.ok(moved.Close())
	c.ok(replaced.Close())
	c.names(".", "new")
}

// ioFS: what reads an fs.FS reads this one (testing/fstest).
func ioFS(c *check) {
	c.ok(fstest.TestFS(c.fsys))
	c.fill("a", 20)
	c.ok(c.fsys.Mkdir("b", 0o777))
	c.ok(c.fsys.Mkdir("b/c", 0o777))
	c.write("b/c/deep", strings.Repeat("deep ", 1000)) // more than a page; it is read byte by byte
	c.write("top", "content")
	c.ok(fstest.TestFS(c.fsys, "a/500-dir", "b/c/deep", "top"))
	text, err := fs.ReadFile(c.fsys, "top")
	if c.ok(err); string(text) != "content" {
		c.Errorf("fs.ReadFile: %q", text)
	}
	var walked []string
	c.ok(fs.WalkDir(c.fsys, "b", func(name string, _ fs.DirEntry, err error) error {
		walked = append(walked, name)
		return err
	}))
	if fmt.Sprint(walked) != "[b b/c b/c/deep]" {
		c.Errorf("fs.WalkDir came to %v", walked)
	}
	f, err := c.fsys.Open("top")
	c.ok(err)
	if _, ok := f.(vfs.File); !ok {
		c.Errorf("Open gives a %T, want a vfs.File", f)
	}
	c.ok(f.Close())
}
