//go:build unix

package sys

import "golang.org/x/sys/unix"

// Rename is renameat(2): package os, which asks first what has the new name, refuses any directory there.
func Rename(oldDir int, oldname string, newDir int, newname string) error {
	return Retry(func() error { return unix.Renameat(oldDir, oldname, newDir, newname) })
}
