//go:build linux

package uring

// SQE is one submission queue entry, struct io_uring_sqe of the kernel's uapi (linux/io_uring.h). Fields
// that are unions there carry the name of their first member; the comment names the others. Fill it with a
// Prep method, then set UserData and Flags.
type SQE struct {
	Opcode      uint8  // one of the Op constants
	Flags       uint8  // Sqe constants: linking, fixed files, buffer selection
	Ioprio      uint16 // priority; for sockets the Accept, Recvsend and Recv flags
	Fd          int32  // descriptor, or index of a registered file with SqeFixedFile
	Off         uint64 // also addr2, and cmd_op in its lower half
	Addr        uint64 // also splice_off_in, and level and optname
	Len         uint32
	OpFlags     uint32 // rw_flags, msg_flags, poll32_events and all the other per-operation flags
	UserData    uint64 // comes back in the completion
	BufIndex    uint16 // also buf_group
	Personality uint16
	FileIndex   uint32 // also splice_fd_in, zcrx_ifq_idx, optlen, addr_len
	Addr3       uint64 // also optval, attr_ptr and the start of the command bytes
	Pad2        uint64 // attr_type_mask, else 0
}

// prep is liburing's io_uring_prep_rw: it sets every field except UserData.
func (s *SQE) prep(op uint8, fd int, addr uintptr, n uint32, off uint64) {
	s.Opcode = op
	s.Flags = 0
	s.Ioprio = 0
	s.Fd = int32(fd)
	s.Off = off
	s.Addr = uint64(addr)
	s.Len = n
	s.OpFlags = 0
	s.BufIndex = 0
	s.Personality = 0
	s.FileIndex = 0
	s.Addr3 = 0
	s.Pad2 = 0
}

// SetBufferGroup makes the kernel choose the buffer of a read or receive from a group of provided buffers:
// it sets SqeBufferSelect and the group.
func (s *SQE) SetBufferGroup(group uint16) {
	s.Flags |= SqeBufferSelect
	s.BufIndex = group
}

// SetFixedFile says that Fd is the index of a registered file.
func (s *SQE) SetFixedFile() { s.Flags |= SqeFixedFile }

// setTargetFixedFile is liburing's __io_uring_set_target_fixed_file: slot numbers start at 1 in the entry,
// and FileIndexAlloc, which asks the kernel to choose, stands for itself.
func (s *SQE) setTargetFixedFile(slot uint32) {
	if slot == FileIndexAlloc {
		slot--
	}
	s.FileIndex = slot + 1
}

// CQE is one completion queue entry, struct io_uring_cqe. It lies in memory shared with the kernel and is
// valid until it has been marked as seen.
type CQE struct {
	UserData uint64
	Res      int32 // result, or the negated errno
	Flags    uint32
}

// More reports whether the request will post further completions. When it is false the request has ended,
// whatever Res says.
func (c *CQE) More() bool { return c.Flags&CqeFMore != 0 }

// Notif reports whether this is the notification that a zero-copy send no longer needs its memory.
func (c *CQE) Notif() bool { return c.Flags&CqeFNotif != 0 }

// Buffer returns the id of the provided buffer that the request took. A buffer belongs to the caller again
// whenever ok is true, also when Res is an error, unless [CqeFBufMore] is set.
func (c *CQE) Buffer() (id uint16, ok bool) {
	return uint16(c.Flags >> CqeBufferShift), c.Flags&CqeFBuffer != 0
}

// Err is the errno of a failed request and nil otherwise. It is a bare unix.Errno and allocates nothing. A notification tells of no
// failure: its Res is 0, or with SendZcReportUsage the bits of NotifUsageZcCopied.
func (c *CQE) Err() error {
	if c.Res >= 0 || c.Notif() {
		return nil
	}
	return errnoErr(-c.Res)
}
