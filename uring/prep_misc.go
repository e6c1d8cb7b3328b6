//go:build linux

package uring

// PrepNop completes with 0.
//
// liburing: io_uring_prep_nop
func (s *SQE) PrepNop() { s.prep(OpNop, -1, 0, 0, 0) }

// PrepClose closes a descriptor. It does not end requests on it: cancel them first.
//
// liburing: io_uring_prep_close
func (s *SQE) PrepClose(fd int) { s.prep(OpClose, fd, 0, 0, 0) }

// PrepCloseDirect empties a slot of the table of registered files.
//
// liburing: io_uring_prep_close_direct
func (s *SQE) PrepCloseDirect(slot uint32) {
	s.PrepClose(0)
	s.setTargetFixedFile(slot)
}

// PrepPollAdd waits for events of a descriptor (POLLIN and so on) once.
//
// liburing: io_uring_prep_poll_add
func (s *SQE) PrepPollAdd(fd int, events uint32) {
	s.prep(OpPollAdd, fd, 0, 0, 0)
	s.OpFlags = pollMask(events)
}

// PrepPollMultishot reports events of a descriptor until it ends (5.13), edge-triggered.
//
// liburing: io_uring_prep_poll_multishot
func (s *SQE) PrepPollMultishot(fd int, events uint32) {
	s.PrepPollAdd(fd, events)
	s.Len = PollAddMulti
}

// PrepPollRemove ends the poll request with this user data.
//
// liburing: io_uring_prep_poll_remove
func (s *SQE) PrepPollRemove(userData uint64) {
	s.prep(OpPollRemove, -1, 0, 0, 0)
	s.Addr = userData
}

// PrepPollUpdate changes events or user data of a poll request (5.13); flags are PollUpdateEvents and
// PollUpdateUserData, with PollAddMulti if it is to stay multishot.
//
// liburing: io_uring_prep_poll_update
func (s *SQE) PrepPollUpdate(oldUserData, newUserData uint64, events, flags uint32) {
	s.prep(OpPollRemove, -1, 0, flags, newUserData)
	s.Addr = oldUserData
	s.OpFlags = pollMask(events)
}

// PrepTimeout ends with -ETIME after the time at ts (a KernelTimespec) or with 0 after count completions.
//
// liburing: io_uring_prep_timeout
func (s *SQE) PrepTimeout(ts uintptr, count uint32, flags uint32) {
	s.prep(OpTimeout, -1, ts, 1, uint64(count))
	s.OpFlags = flags
}

// PrepTimeoutRemove ends the timeout with this user data.
//
// liburing: io_uring_prep_timeout_remove
func (s *SQE) PrepTimeoutRemove(userData uint64, flags uint32) {
	s.prep(OpTimeoutRemove, -1, 0, 0, 0)
	s.Addr = userData
	s.OpFlags = flags
}

// PrepTimeoutUpdate gives the timeout with this user data a new time (5.11).
//
// liburing: io_uring_prep_timeout_update
func (s *SQE) PrepTimeoutUpdate(ts uintptr, userData uint64, flags uint32) {
	s.prep(OpTimeoutRemove, -1, 0, 0, uint64(ts))
	s.Addr = userData
	s.OpFlags = flags | TimeoutUpdate
}

// PrepLinkTimeout limits the time of the request directly before it, which must carry SqeIoLink.
//
// liburing: io_uring_prep_link_timeout
func (s *SQE) PrepLinkTimeout(ts uintptr, flags uint32) {
	s.prep(OpLinkTimeout, -1, ts, 1, 0)
	s.OpFlags = flags
}

// PrepCancel cancels the request with this user data, with AsyncCancelAll all of them. Whatever the result,
// the target's own terminal completion still comes.
//
// liburing: io_uring_prep_cancel64
func (s *SQE) PrepCancel(userData uint64, flags uint32) {
	s.prep(OpAsyncCancel, -1, 0, 0, 0)
	s.Addr = userData
	s.OpFlags = flags
}

// PrepCancelFd cancels the first request on a descriptor, with AsyncCancelAll all of them (5.19). Timeouts
// are not found by it.
//
// liburing: io_uring_prep_cancel_fd
func (s *SQE) PrepCancelFd(fd int, flags uint32) {
	s.prep(OpAsyncCancel, fd, 0, 0, 0)
	s.OpFlags = flags | AsyncCancelFd
}

// PrepCancelOp cancels by operation (6.6), with AsyncCancelFd in flags only those on fd.
func (s *SQE) PrepCancelOp(op uint8, fd int, flags uint32) {
	s.prep(OpAsyncCancel, fd, 0, uint32(op), 0)
	s.OpFlags = flags | AsyncCancelOp
}

// PrepMsgRing posts a completion with userData and res in the ring fd (5.18).
//
// liburing: io_uring_prep_msg_ring
func (s *SQE) PrepMsgRing(fd int, res uint32, userData uint64, flags uint32) {
	s.prep(OpMsgRing, fd, 0, res, userData)
	s.OpFlags = flags
}

// PrepMsgRingCqeFlags also sets the flags of the completion (6.3).
//
// liburing: io_uring_prep_msg_ring_cqe_flags
func (s *SQE) PrepMsgRingCqeFlags(fd int, res uint32, userData uint64, flags, cqeFlags uint32) {
	s.PrepMsgRing(fd, res, userData, flags|MsgRingFlagsPass)
	s.FileIndex = cqeFlags
}

// PrepMsgRingFd sends the registered file source to slot target of the ring fd (6.0); FileIndexAlloc lets
// the kernel choose.
//
// liburing: io_uring_prep_msg_ring_fd
func (s *SQE) PrepMsgRingFd(fd int, source, target uint32, userData uint64, flags uint32) {
	s.prep(OpMsgRing, fd, uintptr(MsgSendFd), 0, userData)
	s.Addr3 = uint64(source)
	s.setTargetFixedFile(target)
	s.OpFlags = flags
}

// PrepMsgRingFdAlloc is PrepMsgRingFd with a slot that the kernel chooses.
//
// liburing: io_uring_prep_msg_ring_fd_alloc
func (s *SQE) PrepMsgRingFdAlloc(fd int, source uint32, userData uint64, flags uint32) {
	s.PrepMsgRingFd(fd, source, FileIndexAlloc, userData, flags)
}

// PrepProvideBuffers gives n buffers of size bytes each, one behind the other at addr, to a group of the
// old kind (5.7).
//
// liburing: io_uring_prep_provide_buffers
func (s *SQE) PrepProvideBuffers(addr uintptr, size uint32, n int, group, firstID uint16) {
	s.prep(OpProvideBuffers, n, addr, size, uint64(firstID))
	s.BufIndex = group
}

// PrepRemoveBuffers takes n buffers from a group of the old kind (5.7).
//
// liburing: io_uring_prep_remove_buffers
func (s *SQE) PrepRemoveBuffers(n int, group uint16) {
	s.prep(OpRemoveBuffers, n, 0, 0, 0)
	s.BufIndex = group
}

// PrepFilesUpdate replaces n slots of the table of registered files from offset on; fds is the address of
// int32 values. With an offset of -1, which is FileIndexAlloc as the signed number that this takes, the kernel
// chooses the slots and writes their numbers into fds (5.19).
//
// liburing: io_uring_prep_files_update
func (s *SQE) PrepFilesUpdate(fds uintptr, n uint32, offset int32) {
	s.prep(OpFilesUpdate, -1, fds, n, uint64(int64(offset)))
}

// PrepFixedFdInstall makes a normal descriptor for a registered file (6.8); flags is 0 or FixedFdNoCloexec.
//
// liburing: io_uring_prep_fixed_fd_install
func (s *SQE) PrepFixedFdInstall(slot int, flags uint32) {
	s.prep(OpFixedFdInstall, slot, 0, 0, 0)
	s.Flags = SqeFixedFile
	s.OpFlags = flags
}

// PrepWaitid is waitid(2) (6.7); info is the address of a siginfo or 0.
//
// liburing: io_uring_prep_waitid
func (s *SQE) PrepWaitid(idType uint32, id int, info uintptr, options, flags uint32) {
	s.prep(OpWaitid, id, 0, idType, uint64(info))
	s.FileIndex = options
	s.OpFlags = flags
}

// PrepFutexWait waits until the futex at addr no longer has value (6.7); futexFlags are FUTEX2 flags, flags
// must be 0.
//
// liburing: io_uring_prep_futex_wait
func (s *SQE) PrepFutexWait(addr uintptr, value, mask uint64, futexFlags, flags uint32) {
	s.prep(OpFutexWait, int(int32(futexFlags)), addr, 0, value)
	s.OpFlags = flags
	s.Addr3 = mask
}

// PrepFutexWake wakes up to n waiters (6.7).
//
// liburing: io_uring_prep_futex_wake
func (s *SQE) PrepFutexWake(addr uintptr, n, mask uint64, futexFlags, flags uint32) {
	s.prep(OpFutexWake, int(int32(futexFlags)), addr, 0, n)
	s.OpFlags = flags
	s.Addr3 = mask
}

// PrepFutexWaitv waits for any of n futexes (6.7); waiters is the address of struct futex_waitv values.
//
// liburing: io_uring_prep_futex_waitv
func (s *SQE) PrepFutexWaitv(waiters uintptr, n, flags uint32) {
	s.prep(OpFutexWaitv, 0, waiters, n, 0)
	s.OpFlags = flags
}

// PrepUringCmd is a command of the file's driver (5.19); arguments go into Addr, Addr3 and, with a 128-byte
// entry, the command bytes.
//
// liburing: io_uring_prep_uring_cmd
func (s *SQE) PrepUringCmd(op uint32, fd int) {
	s.prep(OpUringCmd, fd, 0, 0, lowWord(op, 0))
}

// PrepUringCmd128 is PrepUringCmd with a 128-byte entry in a mixed ring (6.19).
//
// liburing: io_uring_prep_uring_cmd128
func (s *SQE) PrepUringCmd128(op uint32, fd int) {
	s.PrepUringCmd(op, fd)
	s.Opcode = OpUringCmd128
}

// PrepNop128 is PrepNop with a 128-byte entry (6.19).
//
// liburing: io_uring_prep_nop128
func (s *SQE) PrepNop128() { s.prep(OpNop128, -1, 0, 0, 0) }

// pollMask is liburing's __io_uring_prep_poll_mask: on big-endian machines the halves of poll32_events are
// swapped.
func pollMask(events uint32) uint32 {
	if littleEndian {
		return events
	}
	return events<<16 | events>>16
}

// lowWord lays two 32-bit fields out in a 64-bit one, first the one at the lower address.
func lowWord(first, second uint32) uint64 {
	if littleEndian {
		return uint64(first) | uint64(second)<<32
	}
	return uint64(first)<<32 | uint64(second)
}

// addrLenWord lays addr_len (16 bits at the lower address) out in the word that it shares with file_index.
func addrLenWord(n uint16) uint32 {
	if littleEndian {
		return uint32(n)
	}
	return uint32(n) << 16
}
