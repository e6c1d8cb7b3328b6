package sys

import "golang.org/x/sys/unix"

// Usage is how many bytes the device has on which fd lies, how many nobody uses, and how many of those a process without
// privileges gets (fstatfs(2)).
func Usage(fd int) (total, free, avail uint64, err error) {
	var st unix.Statfs_t
	err = Retry(func() error { return unix.Fstatfs(fd, &st) })
	unit := uint64(st.Frsize)
	if unit == 0 {
		unit = uint64(st.Bsize) // before Linux 2.6
	}
	return st.Blocks * unit, st.Bfree * unit, st.Bavail * unit, err
}
