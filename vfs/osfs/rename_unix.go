//go:build unix

package osfs

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/unio-go/unio/internal/sys"
)

// rename renames in the directories that the names lie in, which are opened first so that no name leads out. (os.Root.Rename
// replaces no directory, not even an empty one.)
func (f *FS) rename(oldname, newname string) error {
	oldDir, err := f.parent(oldname)
	if err != nil {
		return err
	}
	defer oldDir.os.Close()
	newDir, err := f.parent(newname)
	if err != nil {
		return err
	}
	defer newDir.os.Close()
	return oldDir.withFD(func(oldFD int) error {
		return newDir.withFD(func(newFD int) error {
			return sys.Rename(oldFD, filepath.Base(oldname), newFD, filepath.Base(newname))
		})
	})
}

// parent opens the directory that a name lies in.
func (f *FS) parent(name string) (*handle, error) {
	dir, err := f.root.OpenFile(filepath.Dir(name), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &handle{os: dir}, nil
}
