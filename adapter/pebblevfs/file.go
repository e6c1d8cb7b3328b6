package pebblevfs

import (
	"errors"
	"io/fs"

	pebble "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/unio-go/unio/vfs"
)

// file is a vfs.File as Pebble's. Reading, writing and Sync are the file's own, and none of them changes the slice that it
// is given, which Pebble's contract would allow Write to do.
type file struct {
	vfs.File
	name string
}

// Preallocate reserves room, where the file system can.
func (f *file) Preallocate(off, n int64) error {
	return unlessUnsupported(vfs.Allocate(f.File, off, n))
}

// Stat describes the file.
func (f *file) Stat() (pebble.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return fileInfo{info, f.name}, nil
}

// SyncData makes durable what was written, and what is needed to read it back.
func (f *file) SyncData() error { return vfs.Datasync(f.File) }

// SyncTo is SyncData: there is no way to begin to write a part.
func (f *file) SyncTo(int64) (fullSync bool, err error) {
	err = f.SyncData()
	return err == nil, err
}

// Prefetch begins to read, where the file system can.
func (f *file) Prefetch(off, n int64) error { return unlessUnsupported(vfs.Prefetch(f.File, off, n)) }

// Fd is the descriptor, or pebble.InvalidFd.
func (f *file) Fd() uintptr { return vfs.Fd(f.File) }

// dir is an open directory.
type dir struct{ file }

func (*dir) Preallocate(int64, int64) error { return nil }

func (*dir) Prefetch(int64, int64) error { return nil }

// SyncData syncs the directory: what changes in one is not its data.
func (d *dir) SyncData() error { return d.Sync() }

// SyncTo does nothing, as Pebble's contract has it for directories.
func (*dir) SyncTo(int64) (fullSync bool, err error) { return false, nil }

// unlessUnsupported passes on what is no lack of a power.
func unlessUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// fileInfo describes a file under the name that Pebble knows it by, whose root has another.
type fileInfo struct {
	fs.FileInfo
	name string
}

func (i fileInfo) Name() string { return i.name }

// DeviceID is zero, as that of Pebble's file system in memory: its type cannot be made outside of Pebble.
func (fileInfo) DeviceID() pebble.DeviceID { return pebble.DeviceID{} }
