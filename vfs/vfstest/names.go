package vfstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/unio-go/unio/vfs"
)

// onePath is each call that takes one name.
var onePath = []struct {
	op string
	do func(fsys vfs.FS, name string) error
}{
	{"open", func(fsys vfs.FS, name string) error { return closeAfter(fsys.Open(name)) }},
	{"open", func(fsys vfs.FS, name string) error {
		return closeAfter(fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666, nil))
	}},
	{"stat", func(fsys vfs.FS, name string) error { _, err := fsys.Stat(name); return err }},
	{"readdir", func(fsys vfs.FS, name string) error { _, err := fsys.ReadDir(name); return err }},
	{"mkdir", func(fsys vfs.FS, name string) error { return fsys.Mkdir(name, 0o777) }},
	{"remove", func(fsys vfs.FS, name string) error { return fsys.Remove(name) }},
	{"lock", func(fsys vfs.FS, name string) error { return closeAfter(vfs.Lock(fsys, name)) }},
}

// closeAfter closes what was opened, so that the error is all that is left.
func closeAfter[F interface{ Close() error }](f F, err error) error {
	if err == nil {
		err = f.Close()
	}
	return err
}

// hasLinker and hasLocker ask an FS for its powers.
func hasLinker(fsys vfs.FS) bool { _, ok := fsys.(vfs.Linker); return ok }
func hasLocker(fsys vfs.FS) bool { _, ok := fsys.(vfs.Locker); return ok }

// namesRefused: names are valid by fs.ValidPath and have no zero byte, or are refused with fs.ErrInvalid.
func namesRefused(c *check) {
	c.write("file", "content")
	c.ok(c.fsys.Mkdir("dir", 0o777))
	for _, name := range []string{
		"", "/", "/file", "file/", "dir/", "..", "../file", "dir/..", "dir/../file", "./file", "dir/.", ".//file", "dir//x", "dir/./x",
		"\x00", "file\x00", "dir\x00x/file", "dir/\x00", "\xff", "dir/a\xc3", "../" + filepath.Base(c.dir) + "/file",
	} {
		for _, call := range onePath {
			if call.op != "lock" || hasLocker(c.fsys) {
				c.fails(call.do(c.fsys, name), fs.ErrInvalid, call.op, name)
			}
		}
		c.failsLink(c.fsys.Rename(name, "new"), fs.ErrInvalid, "rename", name, "new")
		c.failsLink(c.fsys.Rename("file", name), fs.ErrInvalid, "rename", "file", name)
		if hasLinker(c.fsys) {
			c.failsLink(vfs.Link(c.fsys, name, "new"), fs.ErrInvalid, "link", name, "new")
			c.failsLink(vfs.Link(c.fsys, "file", name), fs.ErrInvalid, "link", "file", name)
		}
	}
	c.names(".", "dir", "file")
	c.holds("file", "content")
}

// namesRoot: the root is ".", a directory that stays.
func namesRoot(c *check) {
	c.write("file", "content")
	info, err := c.fsys.Stat(".")
	c.ok(err)
	if !info.IsDir() || info.Name() != "." {
		c.Errorf(`Stat of ".": %v named %q, want a directory named "."`, info.Mode(), info.Name())
	}
	c.names(".", "file")
	root, err := c.fsys.Open(".")
	c.ok(err)
	c.ok(root.(vfs.File).Sync())
	c.ok(root.Close())
	c.fails(c.fsys.Mkdir(".", 0o777), fs.ErrExist, "mkdir", ".")
	c.fails(c.fsys.Remove("."), fs.ErrInvalid, "remove", ".")
	c.failsLink(c.fsys.Rename(".", "new"), fs.ErrInvalid, "rename", ".", "new")
	c.failsLink(c.fsys.Rename("file", "."), fs.ErrInvalid, "rename", "file", ".")
	if hasLinker(c.fsys) {
		c.failsLink(vfs.Link(c.fsys, ".", "new"), fs.ErrInvalid, "link", ".", "new")
		c.failsLink(vfs.Link(c.fsys, "file", "."), fs.ErrInvalid, "link", "file", ".")
	}
	c.names(".", "file")
}

// namesUnusual: whatever else fs.ValidPath takes is a name.
func namesUnusual(c *check) {
	for _, name := range []string{"...", "..a", "a..", ".hidden", "a b", "-rf", "*", "ünïcödé", "'", "~", strings.Repeat("n", 255)} {
		c.write(name, name)
		c.names(".", name)
		c.holds(name, name)
		c.ok(c.fsys.Rename(name, "plain"))
		c.ok(c.fsys.Rename("plain", name))
		c.ok(c.fsys.Remove(name))
	}
}

// symlink makes a symbolic link behind the back of the FS.
func (c *check) symlink(target, name string) {
	c.Helper()
	c.ok(os.Symlink(target, filepath.Join(c.dir, filepath.FromSlash(name))))
}

// symlinksOut: no name leads out of an FS, whatever symbolic links there are.
func symlinksOut(c *check) {
	if c.dir == "" {
		return
	}
	outside := c.TempDir()
	c.ok(os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o666))
	relative, err := filepath.Rel(realPath(c, filepath.Join(c.dir, "dir")), realPath(c, outside))
	c.ok(err)
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("dir/inside", "inside")
	c.symlink(outside, "dir/absolute")
	c.symlink(relative, "dir/relative")
	c.symlink("relative", "dir/chain")
	c.symlink("../..", "dir/above")
	c.symlink(filepath.Join(outside, "file"), "dir/tofile")
	c.symlink(filepath.Join(relative, "new"), "dir/tonothing")
	for _, name := range []string{"dir/absolute/file", "dir/relative/file", "dir/chain/file", "dir/chain/new", "dir/above/file"} {
		for _, call := range onePath {
			if call.op != "lock" || hasLocker(c.fsys) {
				c.fails(call.do(c.fsys, name), fs.ErrPermission, call.op, name)
			}
		}
		c.failsLink(c.fsys.Rename(name, "new"), fs.ErrPermission, "rename", name, "new")
		c.failsLink(c.fsys.Rename("dir/inside", name), fs.ErrPermission, "rename", "dir/inside", name)
		if hasLinker(c.fsys) {
			c.failsLink(vfs.Link(c.fsys, name, "new"), fs.ErrPermission, "link", name, "new")
			c.failsLink(vfs.Link(c.fsys, "dir/inside", name), fs.ErrPermission, "link", "dir/inside", name)
		}
	}
	for _, name := range []string{"dir/tofile", "dir/tonothing", "dir/absolute"} {
		for _, call := range onePath[:3] {
			c.fails(call.do(c.fsys, name), fs.ErrPermission, call.op, name)
		}
	}
	found, err := os.ReadDir(outside)
	c.ok(err)
	if text, err := os.ReadFile(filepath.Join(outside, "file")); len(found) != 1 || string(text) != "outside" || err != nil {
		c.Errorf("the directory outside was changed: it holds %v, and the file %q, %v", found, text, err)
	}
	c.names(".", "dir")
	c.holds("dir/inside", "inside")
}

// realPath is a path without symbolic links in the part of it that exists.
func realPath(c *check, path string) string {
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	c.ok(err)
	return filepath.Join(parent, filepath.Base(path))
}

// symlinksWithin: a symbolic link that stays in the tree is followed, but for removing and renaming, which are of the link.
func symlinksWithin(c *check) {
	if c.dir == "" {
		return
	}
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("dir/file", "content")
	c.symlink("dir", "todir")
	c.symlink("../dir/file", "dir/tofile")
	c.holds("todir/file", "content")
	c.holds("dir/tofile", "content")
	c.names("todir", "file", "tofile")
	info, err := c.fsys.Stat("dir/tofile")
	c.ok(err)
	if !info.Mode().IsRegular() || info.Size() != 7 {
		c.Errorf("Stat of a link to a file: %v of %d bytes, want the file", info.Mode(), info.Size())
	}
	c.ok(c.fsys.Rename("dir/tofile", "dir/other"))
	c.ok(c.fsys.Remove("dir/other"))
	c.ok(c.fsys.Remove("todir"))
	c.names(".", "dir")
	c.holds("dir/file", "content")
}
