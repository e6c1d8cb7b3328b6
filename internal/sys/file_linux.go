package sys

import (
	"errors"

	"golang.org/x/sys/unix"
)

// InMemory reports whether the file lies in a file system that is memory, whose reads are copies.
func InMemory(fd int) (bool, error) {
	var st unix.Statfs_t
	err := Retry(func() error { return unix.Fstatfs(fd, &st) })
	kind := uint32(st.Type) // of a width and a sign that depend on the processor
	return kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC, err
}

// ErrNoAlignment says that the kernel or the file system does not tell what direct access needs.
var ErrNoAlignment = errors.New("the file system does not tell its alignment")

// DirectAlignment is what memory, and what offsets and lengths, of direct access are multiples of (statx(2),
// STATX_DIOALIGN); 0: the file has none.
func DirectAlignment(fd int) (memory, offset int, err error) {
	var st unix.Statx_t
	err = Retry(func() error { return unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &st) })
	switch {
	case err == unix.ENOSYS, err == unix.EPERM, err == unix.EINVAL, err == nil && st.Mask&unix.STATX_DIOALIGN == 0:
		return 0, 0, ErrNoAlignment // EPERM: a seccomp profile older than the call
	case err != nil:
		return 0, 0, err
	}
	return int(st.Dio_mem_align), int(st.Dio_offset_align), nil
}

// Datasync is fdatasync(2).
func Datasync(fd int) error { return Retry(func() error { return unix.Fdatasync(fd) }) }

// Allocate is fallocate(2) that keeps the size of the file.
func Allocate(fd int, off, n int64) error {
	return Retry(func() error { return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, off, n) })
}

// Advise is posix_fadvise(2).
func Advise(fd int, off, n int64, advice int) error {
	return Retry(func() error { return unix.Fadvise(fd, off, n, advice) })
}

// CopyRange is copy_file_range(2) of up to n bytes.
func CopyRange(from int, fromOff int64, to int, toOff int64, n int) (copied int, err error) {
	err = Retry(func() (err error) {
		copied, err = unix.CopyFileRange(from, &fromOff, to, &toOff, n, 0)
		return err
	})
	return max(copied, 0), err
}

// The kinds of advice.
const (
	AdviceNormal     = unix.FADV_NORMAL
	AdviceRandom     = unix.FADV_RANDOM
	AdviceSequential = unix.FADV_SEQUENTIAL
	AdviceWillNeed   = unix.FADV_WILLNEED
	AdviceDontNeed   = unix.FADV_DONTNEED
)
