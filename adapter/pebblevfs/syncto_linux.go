package pebblevfs

import (
	"io/fs"

	"golang.org/x/sys/unix"

	pebble "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/unio-go/unio/vfs"
)

// newFile is f as Pebble's, by the way to write back a part that there is.
func newFile(f vfs.File, name string) pebble.File {
	p := rangeFile{file{f, name}}
	if fd := p.Fd(); fd != pebble.InvalidFd && writesBack(fd) {
		return &p
	}
	return &p.file
}

// writesBack reports whether sync_file_range(2) does what it says: on ext2, ext3 and ext4, as Pebble's own file system has
// it. Others may take the call and do nothing.
func writesBack(fd uintptr) bool {
	var s unix.Statfs_t
	return unix.Fstatfs(int(fd), &s) == nil && s.Type == unix.EXT4_SUPER_MAGIC && unix.SyncFileRange(int(fd), 0, 0, 0) == nil
}

// rangeFile is a file of which a part can be written back.
type rangeFile struct{ file }

// SyncTo has the first n bytes written, and does not wait for more than what was being written already: so not too much is
// ever left for a sync. It promises nothing.
func (f *rangeFile) SyncTo(n int64) (fullSync bool, err error) {
	err = error(fs.ErrClosed)
	if fd := f.Fd(); fd != pebble.InvalidFd {
		err = unix.SyncFileRange(int(fd), 0, n, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE)
	}
	if err != nil {
		err = &fs.PathError{Op: "sync", Path: f.name, Err: err}
	}
	return false, err
}
