//go:build linux || darwin

package osfs

import (
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/vfs"
)

var _ vfs.Measurer = (*FS)(nil)

// Usage is how large the file system is that the directory lies in (fstatfs(2)).
func (f *FS) Usage() (vfs.Usage, error) {
	dir, err := f.root.Open(".")
	if err != nil {
		return vfs.Usage{}, f.error("usage", ".", err)
	}
	defer dir.Close()
	var u vfs.Usage
	h := handle{dir, "."}
	err = h.withFD(func(fd int) error {
		total, free, avail, err := sys.Usage(fd)
		u = vfs.Usage{Total: total, Used: total - free, Avail: avail}
		return err
	})
	return u, f.error("usage", ".", err)
}
