package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/unio-go/unio/internal/vfscheck"
)

// WriteFileAtomic gives a file the content data, in one step and durably: when it has returned nil, the file has that content
// after a crash too. Whoever looks meanwhile, and whoever looks after a crash meanwhile or after an error, finds the old content
// or the new, or no file where there was none, and never a mixture.
//
// It writes a temporary file in the same directory, whose name is that of the file with ".tmp-" and a number behind it, syncs
// it, renames it, and syncs the directory. After an error the temporary file is removed, if it can be; a crash may leave it. An
// error of the last step leaves the new content, which may not be durable.
//
// perm, less the umask, is what the file has then, whatever it had before.
func WriteFileAtomic(fsys FS, name string, data []byte, perm fs.FileMode) error {
	if err := vfscheck.Entry("open", name); err != nil {
		return err
	}
	temporary, f, err := createTemporary(fsys, name, perm)
	if err != nil {
		return err
	}
	err = writeSynced(f, data)
	if err == nil {
		err = fsys.Rename(temporary, name)
	}
	if err != nil {
		// A rename that fails may have happened. Then there is nothing left to remove.
		if removing := fsys.Remove(temporary); !errors.Is(removing, fs.ErrNotExist) {
			err = errors.Join(err, removing)
		}
		return err
	}
	return SyncDir(fsys, path.Dir(name))
}

// createTriesMax bounds the names that are tried for a temporary file. Two writers rarely meet at one of 2^32.
const createTriesMax = 100

// createTemporary makes a file beside the one of that name.
func createTemporary(fsys FS, name string, perm fs.FileMode) (string, File, error) {
	dir, base := path.Split(name)
	base = strings.ToValidUTF8(base[:min(len(base), 200)], "") // names have 255 bytes on most file systems
	for try := 1; ; try++ {
		temporary := fmt.Sprintf("%s%s.tmp-%08x", dir, base, rand.Uint32())
		f, err := fsys.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm, nil)
		switch {
		case err == nil:
			return temporary, f, nil
		case !errors.Is(err, fs.ErrExist):
			_ = fsys.Remove(temporary) // an open that fails may have made it; most have not, so this error says nothing
			return "", nil, err
		case try == createTriesMax:
			return "", nil, err
		}
	}
}

// writeSynced writes a file, makes it durable, and closes it.
func writeSynced(f File, data []byte) error {
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// SyncDir makes durable what was created, removed and renamed in a directory.
func SyncDir(fsys FS, name string) error {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0, nil)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// MkdirAll makes a directory, and those on the way to it that are missing. It is no error if the directory is there already.
// It syncs nothing: to be durable each needs the SyncDir of its parent.
func MkdirAll(fsys FS, name string, perm fs.FileMode) error {
	err := isDirectory(fsys, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent := path.Dir(name); parent != "." {
		if err := MkdirAll(fsys, parent, perm); err != nil {
			return err
		}
	}
	if err = fsys.Mkdir(name, perm); errors.Is(err, fs.ErrExist) {
		return isDirectory(fsys, name) // somebody else was faster
	}
	return err
}

// isDirectory is nil where there is a directory of that name.
func isDirectory(fsys FS, name string) error {
	info, err := fsys.Stat(name)
	if err == nil && !info.IsDir() {
		err = vfscheck.As(fs.ErrInvalid, errors.New("it is no directory"))
	}
	return vfscheck.Error("mkdir", name, err)
}

// RemoveAll removes what it can of a file, or of a directory with all that is in it, and returns the first error. Symbolic links
// are removed and not followed. It is no error if there is nothing of that name. The root is refused with
// fs.ErrInvalid, and what is in it stays.
func RemoveAll(fsys FS, name string) error {
	if err := vfscheck.Entry("remove", name); err != nil {
		return err
	}
	err := fsys.Remove(name)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrExist): // because there is something in it
		err = nil
	case !holdsEntries(fsys, name):
		return err
	}
	entries, reading := fsys.ReadDir(name)
	if errors.Is(reading, fs.ErrNotExist) {
		return err // somebody else removed it
	}
	if err == nil {
		err = reading
	}
	for _, e := range entries {
		if below := RemoveAll(fsys, path.Join(name, e.Name())); err == nil {
			err = below
		}
	}
	if last := fsys.Remove(name); err == nil && !errors.Is(last, fs.ErrNotExist) {
		err = last
	}
	return err
}

// holdsEntries reports whether a name is that of a directory. That of a link to one is not: only the directory above tells the
// two apart, because Stat follows.
func holdsEntries(fsys FS, name string) bool {
	entries, _ := fsys.ReadDir(path.Dir(name))
	base := path.Base(name)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == base && e.IsDir() })
}
