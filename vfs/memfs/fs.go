package memfs

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// FS is a tree of files in memory. It needs no Close: it is gone when nobody uses it any more.
//
// Files can be linked, locked, and synced without their times; options but Random are refused.
type FS struct {
	// mu is held for reading by what changes a file, and for writing by what changes the tree and by what wants to see one
	// moment of everything.
	mu    sync.RWMutex
	root  *inode
	nodes uint64 // inodes made
	locks map[*inode]bool

	done   uint64 // changes of directories made
	synced uint64 // the newest of which a directory was synced
	ops    []*op  // those that are not, in order
}

var _ interface {
	vfs.FS
	vfs.Linker
	vfs.Locker
} = (*FS)(nil)

// New makes an empty FS.
func New() *FS {
	f := &FS{locks: map[*inode]bool{}}
	f.root = f.newDir(fs.ModePerm)
	return f
}

// inode is a file or a directory, whatever names it has.
type inode struct {
	id   uint64
	perm fs.FileMode
	dir  *dir // nil for a file

	mu       sync.RWMutex // for what follows; below FS.mu
	modified time.Time
	data     data
}

// dir is what an inode has that is a directory. FS.mu is for it.
type dir struct {
	parent  *inode
	names   map[string]*inode
	durable map[string]*inode // what a crash finds at least
	last    map[string]*op    // by name the newest change that is not durable
	placed  *op               // the newest change, not durable, that gave the directory a name
}

func (f *FS) newFile(perm fs.FileMode) *inode {
	f.nodes++
	return &inode{id: f.nodes, perm: perm, modified: time.Now(), data: newData()}
}

func (f *FS) newDir(perm fs.FileMode) *inode {
	n := f.newFile(perm)
	n.dir = &dir{names: map[string]*inode{}, durable: map[string]*inode{}, last: map[string]*op{}}
	return n
}

// find gives what has a name, nil if there is nothing in a directory that there is.
func (f *FS) find(name string) (*inode, error) {
	if name == "." {
		return f.root, nil
	}
	parent, base, err := f.place(name)
	if err != nil {
		return nil, err
	}
	return parent.dir.names[base], nil
}

// place is the directory that a name other than the root's lies in, and its last part.
func (f *FS) place(name string) (parent *inode, base string, err error) {
	n := f.root
	for {
		part, rest, more := strings.Cut(name, "/")
		if !more {
			return n, part, nil
		}
		switch n = n.dir.names[part]; {
		case n == nil:
			return nil, "", fs.ErrNotExist
		case n.dir == nil:
			return nil, "", syscall.ENOTDIR
		}
		name = rest
	}
}

// existing is find of what must be there.
func (f *FS) existing(name string) (*inode, error) {
	n, err := f.find(name)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	return n, err
}

// Open opens a file or a directory for reading.
func (f *FS) Open(name string) (fs.File, error) { return f.OpenFile(name, os.O_RDONLY, 0, nil) }

// OpenFile opens a file as vfs.FS says.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	if err := vfscheck.Open(name, flag, perm); err != nil {
		return nil, err
	}
	if o == nil {
		o = &vfs.Options{}
	}
	file, err := f.open(name, flag, perm, *o)
	if err != nil {
		return nil, vfscheck.Error("open", name, err)
	}
	return file, nil
}

func (f *FS) open(name string, flag int, perm fs.FileMode, o vfs.Options) (vfs.File, error) {
	if o.Direct {
		return nil, vfscheck.Unsupported("a file system in memory has no page cache to bypass: leave Direct out")
	}
	if flag&(os.O_CREATE|os.O_TRUNC) == 0 { // the tree stays as it is
		f.mu.RLock()
		defer f.mu.RUnlock()
	} else {
		f.mu.Lock()
		defer f.mu.Unlock()
	}
	n, err := f.find(name)
	switch {
	case err != nil:
		return nil, err
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n == nil:
		n = f.create(name, perm)
	case flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case n.dir != nil:
		return f.openDir(n, name, flag, o)
	case flag&os.O_TRUNC != 0:
		n.truncate(0)
	}
	return newFile(f, n, name, flag), nil
}

func (f *FS) openDir(n *inode, name string, flag int, o vfs.Options) (vfs.File, error) {
	switch {
	case flag != os.O_RDONLY:
		return nil, syscall.EISDIR
	case o != vfs.Options{}:
		return nil, vfscheck.Unsupported("options are for files, and it is a directory")
	}
	return &directory{handle: handle{fsys: f, node: n, name: name}}, nil
}

// create makes a file that is not there, in a directory that is.
func (f *FS) create(name string, perm fs.FileMode) *inode {
	n := f.newFile(perm)
	parent, base, _ := f.place(name)
	f.change(&op{changes: []change{{dir: parent, name: base, to: n}}})
	return n
}

// Stat describes a file or directory.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	if err := vfscheck.Name("stat", name); err != nil {
		return nil, err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, err := f.existing(name)
	if err != nil {
		return nil, vfscheck.Error("stat", name, err)
	}
	return n.info(path.Base(name)), nil
}

// ReadDir gives what a directory holds, sorted by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := vfscheck.Name("readdir", name); err != nil {
		return nil, err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, err := f.existing(name)
	if err == nil && n.dir == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, vfscheck.Error("readdir", name, err)
	}
	return n.entries(), nil
}

// entries are those of a directory, sorted by name.
func (n *inode) entries() []fs.DirEntry {
	list := make([]fs.DirEntry, 0, len(n.dir.names))
	for name, node := range n.dir.names {
		list = append(list, fs.FileInfoToDirEntry(node.info(name)))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

// Mkdir makes one directory.
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	if err := vfscheck.Mkdir(name, perm); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return vfscheck.Error("mkdir", name, f.mkdir(name, perm))
}

func (f *FS) mkdir(name string, perm fs.FileMode) error {
	switch n, err := f.find(name); {
	case err != nil:
		return err
	case n != nil:
		return fs.ErrExist
	}
	n := f.newDir(perm)
	parent, base, _ := f.place(name)
	f.change(&op{changes: []change{{dir: parent, name: base, to: n}}})
	return nil
}

// Remove removes a file or an empty directory.
func (f *FS) Remove(name string) error {
	if err := vfscheck.Entry("remove", name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return vfscheck.Error("remove", name, f.remove(name))
}

var errNotEmpty = vfscheck.As(fs.ErrExist, syscall.ENOTEMPTY)

func (f *FS) remove(name string) error {
	n, err := f.existing(name)
	switch {
	case err != nil:
		return err
	case n.dir != nil && len(n.dir.names) > 0:
		return errNotEmpty
	}
	parent, base, _ := f.place(name)
	f.change(&op{changes: []change{{dir: parent, name: base}}})
	return nil
}

// Rename gives a file or a directory another name.
func (f *FS) Rename(oldname, newname string) error {
	if err := vfscheck.Entries("rename", oldname, newname); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return vfscheck.LinkError("rename", oldname, newname, f.rename(oldname, newname))
}

func (f *FS) rename(oldname, newname string) error {
	from, oldbase, err := f.place(oldname)
	if err != nil {
		return err
	}
	to, newbase, err := f.place(newname)
	if err != nil {
		return err
	}
	n, target := from.dir.names[oldbase], to.dir.names[newbase]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case n == target:
		return nil
	case to.within(n):
		return vfscheck.As(fs.ErrInvalid, syscall.EINVAL) // it would lie in itself
	case target == nil:
	case from.within(target), target.dir != nil && n.dir != nil && len(target.dir.names) > 0:
		return errNotEmpty
	case n.dir != nil && target.dir == nil:
		return syscall.ENOTDIR
	case n.dir == nil && target.dir != nil:
		return syscall.EISDIR
	}
	f.change(&op{rename: true, changes: []change{{dir: from, name: oldbase}, {dir: to, name: newbase, to: n}}})
	return nil
}

// within reports whether a directory is, or lies in, another.
func (n *inode) within(other *inode) bool {
	for ; n != nil; n = n.dir.parent {
		if n == other {
			return true
		}
	}
	return false
}

// Link gives a file one more name.
func (f *FS) Link(oldname, newname string) error {
	if err := vfscheck.Entries("link", oldname, newname); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return vfscheck.LinkError("link", oldname, newname, f.link(oldname, newname))
}

func (f *FS) link(oldname, newname string) error {
	from, oldbase, err := f.place(oldname)
	if err != nil {
		return err
	}
	to, newbase, err := f.place(newname)
	if err != nil {
		return err
	}
	n := from.dir.names[oldbase]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case to.dir.names[newbase] != nil:
		return fs.ErrExist
	case n.dir != nil:
		return vfscheck.As(fs.ErrPermission, syscall.EPERM)
	}
	f.change(&op{changes: []change{{dir: to, name: newbase, to: n}}})
	return nil
}
