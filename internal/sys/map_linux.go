package sys

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Populate is madvise(2) with MADV_POPULATE_READ (5.14): it returns when all of m, which begins at a page, has been read and
// is mapped. EFAULT is where touching it would have been a SIGBUS.
func Populate(m []byte) error {
	return Retry(func() error { return unix.Madvise(m, unix.MADV_POPULATE_READ) })
}

// AdviseMapping is madvise(2) with a kind of advice of Advise. AdviceWillNeed and AdviceDontNeed concern m, which begins at
// a page; of a shared mapping AdviceDontNeed takes only the page tables, so that the page cache is free to let go.
func AdviseMapping(m []byte, advice int) error {
	return Retry(func() error { return unix.Madvise(m, madvices[advice]) })
}

var madvices = map[int]int{
	AdviceNormal: unix.MADV_NORMAL, AdviceRandom: unix.MADV_RANDOM, AdviceSequential: unix.MADV_SEQUENTIAL,
	AdviceWillNeed: unix.MADV_WILLNEED, AdviceDontNeed: unix.MADV_DONTNEED,
}

// Size is the size of an open file.
func Size(fd int) (int64, syscall.Errno) {
	var st syscall.Stat_t
	for {
		switch err := syscall.Fstat(fd, &st); err {
		case nil:
			return st.Size, 0
		case syscall.EINTR:
		default:
			return 0, err.(syscall.Errno)
		}
	}
}

// SeesCache reports whether mincore(2) tells this process what of an open file is in memory. Since 5.2 it does so for the
// owner of the file and for who may write it, and says to all others that everything is (commit 134fca9063ad). Who has the
// right of an owner by a capability alone counts as one of the others.
func SeesCache(fd int) bool {
	var st syscall.Stat_t
	if Retry(func() error { return syscall.Fstat(fd, &st) }) == nil && int(st.Uid) == unix.Geteuid() {
		return true
	}
	return Retry(func() error {
		return unix.Faccessat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.W_OK, unix.AT_EACCESS)
	}) == nil
}
