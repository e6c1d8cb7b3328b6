package tree

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/vfscheck"
)

// Entry is what a directory says of one name in it.
type Entry struct {
	Name string
	Type fs.FileMode // the type alone
}

// rooted is a directory as package os has it.
type rooted struct {
	root    *os.Root
	escapes error // what package os says of a name that leads out
}

func openRoot(name string) (rooted, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		if info, e := os.Stat(name); e == nil && !info.IsDir() {
			err = syscall.ENOTDIR // package os says so in words alone
		}
		return rooted{}, vfscheck.Cause(err)
	}
	_, err = root.Lstat("..")
	return rooted{root, vfscheck.Cause(err)}, nil
}

// cause is what a call of root has failed with.
func (r *rooted) cause(err error) error {
	if err = vfscheck.Cause(err); err != nil && err == r.escapes {
		return vfscheck.As(fs.ErrPermission, err)
	}
	return err
}
