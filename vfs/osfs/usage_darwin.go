package osfs

import (
	"syscall"

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
	var st syscall.Statfs_t
	h := handle{dir, "."}
	if err := h.withFD(func(fd int) error { return syscall.Fstatfs(fd, &st) }); err != nil {
		return vfs.Usage{}, f.error("usage", ".", err)
	}
	unit := uint64(st.Bsize)
	return vfs.Usage{Total: st.Blocks * unit, Used: (st.Blocks - st.Bfree) * unit, Avail: st.Bavail * unit}, nil
}
