//go:build !unix

package osfs

// rename is that of package os: it replaces no directory, not even an empty one.
func (f *FS) rename(oldname, newname string) error { return f.root.Rename(oldname, newname) }
