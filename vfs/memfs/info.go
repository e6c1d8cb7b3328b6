package memfs

import (
	"io/fs"
	"path"
	"time"
)

// info describes an inode as it was at a moment.
type info struct {
	name     string
	size     int64
	mode     fs.FileMode
	modified time.Time
}

var _ fs.FileInfo = (*info)(nil)

// info describes the inode, whose name is name.
func (n *inode) info(name string) *info {
	n.mu.RLock()
	defer n.mu.RUnlock()
	i := &info{name: path.Base(name), size: n.data.size, mode: n.perm, modified: n.modified}
	if n.dir != nil {
		i.mode |= fs.ModeDir
	}
	return i
}

func (i *info) Name() string       { return i.name }
func (i *info) Size() int64        { return i.size }
func (i *info) Mode() fs.FileMode  { return i.mode }
func (i *info) ModTime() time.Time { return i.modified }
func (i *info) IsDir() bool        { return i.mode.IsDir() }
func (i *info) Sys() any           { return nil }
