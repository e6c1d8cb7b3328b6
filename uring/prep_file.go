//go:build linux

package uring

// The operations on files and file systems. Addresses of paths are those of bytes that end with a 0. An
// offset of ^uint64(0) stands for the file's position (FeatRwCurPos). AtFdcwd stands for the working
// directory.

// AtFdcwd is AT_FDCWD of fcntl.h.
const AtFdcwd = -100

// PrepRead reads n bytes at addr from offset off.
//
// liburing: io_uring_prep_read
func (s *SQE) PrepRead(fd int, addr uintptr, n uint32, off uint64) {
	s.prep(OpRead, fd, addr, n, off)
}

// PrepReadMultishot reads from a pollable file (not a regular one) into the provided buffers of group until
// it ends (6.7; before 6.12 it lost buffer ids).
//
// liburing: io_uring_prep_read_multishot
func (s *SQE) PrepReadMultishot(fd int, n uint32, off uint64, group uint16) {
	s.prep(OpReadMultishot, fd, 0, n, off)
	s.SetBufferGroup(group)
}

// PrepWrite writes n bytes at addr to offset off.
//
// liburing: io_uring_prep_write
func (s *SQE) PrepWrite(fd int, addr uintptr, n uint32, off uint64) {
	s.prep(OpWrite, fd, addr, n, off)
}

// PrepReadv reads into n iovecs at iov.
//
// liburing: io_uring_prep_readv
func (s *SQE) PrepReadv(fd int, iov uintptr, n uint32, off uint64) {
	s.prep(OpReadv, fd, iov, n, off)
}

// PrepReadv2 is PrepReadv with the flags of preadv2(2).
//
// liburing: io_uring_prep_readv2
func (s *SQE) PrepReadv2(fd int, iov uintptr, n uint32, off uint64, flags uint32) {
	s.PrepReadv(fd, iov, n, off)
	s.OpFlags = flags
}

// PrepWritev writes n iovecs at iov.
//
// liburing: io_uring_prep_writev
func (s *SQE) PrepWritev(fd int, iov uintptr, n uint32, off uint64) {
	s.prep(OpWritev, fd, iov, n, off)
}

// PrepWritev2 is PrepWritev with the flags of pwritev2(2).
//
// liburing: io_uring_prep_writev2
func (s *SQE) PrepWritev2(fd int, iov uintptr, n uint32, off uint64, flags uint32) {
	s.PrepWritev(fd, iov, n, off)
	s.OpFlags = flags
}

// PrepReadFixed reads into memory inside the registered buffer index.
//
// liburing: io_uring_prep_read_fixed
func (s *SQE) PrepReadFixed(fd int, addr uintptr, n uint32, off uint64, index uint16) {
	s.prep(OpReadFixed, fd, addr, n, off)
	s.BufIndex = index
}

// PrepWriteFixed writes from memory inside the registered buffer index.
//
// liburing: io_uring_prep_write_fixed
func (s *SQE) PrepWriteFixed(fd int, addr uintptr, n uint32, off uint64, index uint16) {
	s.prep(OpWriteFixed, fd, addr, n, off)
	s.BufIndex = index
}

// PrepReadvFixed is PrepReadv2 with iovecs inside the registered buffer index (6.15).
//
// liburing: io_uring_prep_readv_fixed
func (s *SQE) PrepReadvFixed(fd int, iov uintptr, n uint32, off uint64, flags uint32, index uint16) {
	s.prep(OpReadvFixed, fd, iov, n, off)
	s.OpFlags = flags
	s.BufIndex = index
}

// PrepWritevFixed is PrepWritev2 with iovecs inside the registered buffer index (6.15).
//
// liburing: io_uring_prep_writev_fixed
func (s *SQE) PrepWritevFixed(fd int, iov uintptr, n uint32, off uint64, flags uint32, index uint16) {
	s.prep(OpWritevFixed, fd, iov, n, off)
	s.OpFlags = flags
	s.BufIndex = index
}

// PrepFsync makes a file durable; flags is 0 or FsyncDatasync. Set Off and Len afterwards for a part of the
// file.
//
// liburing: io_uring_prep_fsync
func (s *SQE) PrepFsync(fd int, flags uint32) {
	s.prep(OpFsync, fd, 0, 0, 0)
	s.OpFlags = flags
}

// PrepSyncFileRange is sync_file_range(2).
//
// liburing: io_uring_prep_sync_file_range
func (s *SQE) PrepSyncFileRange(fd int, n uint32, off uint64, flags uint32) {
	s.prep(OpSyncFileRange, fd, 0, n, off)
	s.OpFlags = flags
}

// PrepFallocate is fallocate(2).
//
// liburing: io_uring_prep_fallocate
func (s *SQE) PrepFallocate(fd int, mode uint32, off, n uint64) {
	s.prep(OpFallocate, fd, 0, mode, off)
	s.Addr = n
}

// PrepFtruncate is ftruncate(2) (6.9).
//
// liburing: io_uring_prep_ftruncate
func (s *SQE) PrepFtruncate(fd int, size uint64) {
	s.prep(OpFtruncate, fd, 0, 0, size)
}

// PrepFadvise is posix_fadvise(2) with a length of 32 bits.
//
// liburing: io_uring_prep_fadvise
func (s *SQE) PrepFadvise(fd int, off uint64, n uint32, advice uint32) {
	s.prep(OpFadvise, fd, 0, n, off)
	s.OpFlags = advice
}

// PrepFadvise64 is posix_fadvise(2) with a length of 64 bits (6.11).
//
// liburing: io_uring_prep_fadvise64
func (s *SQE) PrepFadvise64(fd int, off, n uint64, advice uint32) {
	s.prep(OpFadvise, fd, 0, 0, off)
	s.Addr = n
	s.OpFlags = advice
}

// PrepMadvise is madvise(2) with a length of 32 bits.
//
// liburing: io_uring_prep_madvise
func (s *SQE) PrepMadvise(addr uintptr, n uint32, advice uint32) {
	s.prep(OpMadvise, -1, addr, n, 0)
	s.OpFlags = advice
}

// PrepMadvise64 is madvise(2) with a length of 64 bits (6.11).
//
// liburing: io_uring_prep_madvise64
func (s *SQE) PrepMadvise64(addr uintptr, n uint64, advice uint32) {
	s.prep(OpMadvise, -1, addr, 0, n)
	s.OpFlags = advice
}

// PrepOpenat is openat(2).
//
// liburing: io_uring_prep_openat
func (s *SQE) PrepOpenat(dirfd int, path uintptr, flags, mode uint32) {
	s.prep(OpOpenat, dirfd, path, mode, 0)
	s.OpFlags = flags
}

// PrepOpenatDirect opens into slot of the table of registered files; FileIndexAlloc lets the kernel choose.
// O_CLOEXEC is refused.
//
// liburing: io_uring_prep_openat_direct
func (s *SQE) PrepOpenatDirect(dirfd int, path uintptr, flags, mode, slot uint32) {
	s.PrepOpenat(dirfd, path, flags, mode)
	s.setTargetFixedFile(slot)
}

// OpenHowSize is the size of struct open_how, which PrepOpenat2 takes.
const OpenHowSize = 24

// PrepOpenat2 is openat2(2); how is the address of a struct open_how (unix.OpenHow).
//
// liburing: io_uring_prep_openat2
func (s *SQE) PrepOpenat2(dirfd int, path, how uintptr) {
	s.prep(OpOpenat2, dirfd, path, OpenHowSize, uint64(how))
}

// PrepOpenat2Direct is PrepOpenat2 into slot of the table of registered files.
//
// liburing: io_uring_prep_openat2_direct
func (s *SQE) PrepOpenat2Direct(dirfd int, path, how uintptr, slot uint32) {
	s.PrepOpenat2(dirfd, path, how)
	s.setTargetFixedFile(slot)
}

// PrepStatx is statx(2); buf is the address of a struct statx (unix.Statx_t).
//
// liburing: io_uring_prep_statx
func (s *SQE) PrepStatx(dirfd int, path uintptr, flags, mask uint32, buf uintptr) {
	s.prep(OpStatx, dirfd, path, mask, uint64(buf))
	s.OpFlags = flags
}

// PrepRenameat is renameat2(2).
//
// liburing: io_uring_prep_renameat
func (s *SQE) PrepRenameat(oldDirfd int, oldPath uintptr, newDirfd int, newPath uintptr, flags uint32) {
	s.prep(OpRenameat, oldDirfd, oldPath, uint32(int32(newDirfd)), uint64(newPath))
	s.OpFlags = flags
}

// PrepUnlinkat is unlinkat(2).
//
// liburing: io_uring_prep_unlinkat
func (s *SQE) PrepUnlinkat(dirfd int, path uintptr, flags uint32) {
	s.prep(OpUnlinkat, dirfd, path, 0, 0)
	s.OpFlags = flags
}

// PrepMkdirat is mkdirat(2).
//
// liburing: io_uring_prep_mkdirat
func (s *SQE) PrepMkdirat(dirfd int, path uintptr, mode uint32) {
	s.prep(OpMkdirat, dirfd, path, mode, 0)
}

// PrepSymlinkat is symlinkat(2).
//
// liburing: io_uring_prep_symlinkat
func (s *SQE) PrepSymlinkat(target uintptr, dirfd int, link uintptr) {
	s.prep(OpSymlinkat, dirfd, target, 0, uint64(link))
}

// PrepLinkat is linkat(2).
//
// liburing: io_uring_prep_linkat
func (s *SQE) PrepLinkat(oldDirfd int, oldPath uintptr, newDirfd int, newPath uintptr, flags uint32) {
	s.prep(OpLinkat, oldDirfd, oldPath, uint32(int32(newDirfd)), uint64(newPath))
	s.OpFlags = flags
}

// PrepGetxattr is getxattr(2): n bytes of room at value.
//
// liburing: io_uring_prep_getxattr
func (s *SQE) PrepGetxattr(name, value, path uintptr, n uint32) {
	s.prep(OpGetxattr, 0, name, n, uint64(value))
	s.Addr3 = uint64(path)
}

// PrepSetxattr is setxattr(2).
//
// liburing: io_uring_prep_setxattr
func (s *SQE) PrepSetxattr(name, value, path uintptr, flags, n uint32) {
	s.prep(OpSetxattr, 0, name, n, uint64(value))
	s.Addr3 = uint64(path)
	s.OpFlags = flags
}

// PrepFgetxattr is fgetxattr(2).
//
// liburing: io_uring_prep_fgetxattr
func (s *SQE) PrepFgetxattr(fd int, name, value uintptr, n uint32) {
	s.prep(OpFgetxattr, fd, name, n, uint64(value))
}

// PrepFsetxattr is fsetxattr(2).
//
// liburing: io_uring_prep_fsetxattr
func (s *SQE) PrepFsetxattr(fd int, name, value uintptr, flags, n uint32) {
	s.prep(OpFsetxattr, fd, name, n, uint64(value))
	s.OpFlags = flags
}

// PrepSplice is splice(2), always run by a kernel worker. An offset of -1 stands for none, which pipes
// require.
//
// liburing: io_uring_prep_splice
func (s *SQE) PrepSplice(fdIn int, offIn int64, fdOut int, offOut int64, n, flags uint32) {
	s.prep(OpSplice, fdOut, 0, n, uint64(offOut))
	s.Addr = uint64(offIn)
	s.FileIndex = uint32(int32(fdIn))
	s.OpFlags = flags
}

// PrepTee is tee(2), always run by a kernel worker.
//
// liburing: io_uring_prep_tee
func (s *SQE) PrepTee(fdIn, fdOut int, n, flags uint32) {
	s.prep(OpTee, fdOut, 0, n, 0)
	s.FileIndex = uint32(int32(fdIn))
	s.OpFlags = flags
}

// PrepPipe makes a pipe (6.16): two int32 descriptors at fds; flags are those of pipe2(2).
//
// liburing: io_uring_prep_pipe
func (s *SQE) PrepPipe(fds uintptr, flags uint32) {
	s.prep(OpPipe, 0, fds, 0, 0)
	s.OpFlags = flags
}

// PrepPipeDirect makes a pipe in the table of registered files, in slot and the one behind it, or with
// FileIndexAlloc where the kernel chooses.
//
// liburing: io_uring_prep_pipe_direct
func (s *SQE) PrepPipeDirect(fds uintptr, flags, slot uint32) {
	s.PrepPipe(fds, flags)
	s.setTargetFixedFile(slot)
}
