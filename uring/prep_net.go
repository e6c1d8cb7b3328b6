//go:build linux

package uring

// PrepAccept accepts one connection. addr and addrLen are the addresses of a sockaddr and of its length, or
// 0; flags are those of accept4(2).
//
// liburing: io_uring_prep_accept
func (s *SQE) PrepAccept(fd int, addr, addrLen uintptr, flags uint32) {
	s.prep(OpAccept, fd, addr, 0, uint64(addrLen))
	s.OpFlags = flags
}

// PrepAcceptDirect accepts into slot of the table of registered files; FileIndexAlloc lets the kernel choose.
//
// liburing: io_uring_prep_accept_direct
func (s *SQE) PrepAcceptDirect(fd int, addr, addrLen uintptr, flags, slot uint32) {
	s.PrepAccept(fd, addr, addrLen, flags)
	s.setTargetFixedFile(slot)
}

// PrepMultishotAccept accepts until it ends (5.19). The address would be shared by all completions: pass 0.
//
// liburing: io_uring_prep_multishot_accept
func (s *SQE) PrepMultishotAccept(fd int, addr, addrLen uintptr, flags uint32) {
	s.PrepAccept(fd, addr, addrLen, flags)
	s.Ioprio |= AcceptMultishot
}

// PrepMultishotAcceptDirect accepts until it ends, into slots that the kernel chooses (5.19).
//
// liburing: io_uring_prep_multishot_accept_direct
func (s *SQE) PrepMultishotAcceptDirect(fd int, addr, addrLen uintptr, flags uint32) {
	s.PrepMultishotAccept(fd, addr, addrLen, flags)
	s.setTargetFixedFile(FileIndexAlloc)
}

// PrepConnect connects to the sockaddr of addrLen bytes at addr.
//
// liburing: io_uring_prep_connect
func (s *SQE) PrepConnect(fd int, addr uintptr, addrLen uint32) {
	s.prep(OpConnect, fd, addr, 0, uint64(addrLen))
}

// PrepBind binds to the sockaddr of addrLen bytes at addr (6.11).
//
// liburing: io_uring_prep_bind
func (s *SQE) PrepBind(fd int, addr uintptr, addrLen uint32) {
	s.prep(OpBind, fd, addr, 0, uint64(addrLen))
}

// PrepListen listens (6.11).
//
// liburing: io_uring_prep_listen
func (s *SQE) PrepListen(fd int, backlog uint32) {
	s.prep(OpListen, fd, 0, backlog, 0)
}

// PrepSocket makes a socket (5.19). flags must be 0.
//
// liburing: io_uring_prep_socket
func (s *SQE) PrepSocket(domain, typ, protocol int, flags uint32) {
	s.prep(OpSocket, domain, 0, uint32(protocol), uint64(typ))
	s.OpFlags = flags
}

// PrepSocketDirect makes a socket in slot of the table of registered files; FileIndexAlloc lets the kernel
// choose.
//
// liburing: io_uring_prep_socket_direct
func (s *SQE) PrepSocketDirect(domain, typ, protocol int, slot, flags uint32) {
	s.PrepSocket(domain, typ, protocol, flags)
	s.setTargetFixedFile(slot)
}

// PrepSocketDirectAlloc makes a socket in a slot that the kernel chooses and returns as the result.
//
// liburing: io_uring_prep_socket_direct_alloc
func (s *SQE) PrepSocketDirectAlloc(domain, typ, protocol int, flags uint32) {
	s.PrepSocketDirect(domain, typ, protocol, FileIndexAlloc, flags)
}

// PrepShutdown shuts one or both directions down. It always runs in a kernel worker; shutdown(2) does not
// block.
//
// liburing: io_uring_prep_shutdown
func (s *SQE) PrepShutdown(fd int, how uint32) {
	s.prep(OpShutdown, fd, 0, how, 0)
}

// PrepSend sends n bytes at addr; flags are those of send(2).
//
// liburing: io_uring_prep_send
func (s *SQE) PrepSend(fd int, addr uintptr, n uint32, flags uint32) {
	s.prep(OpSend, fd, addr, n, 0)
	s.OpFlags = flags
}

// PrepSendBundle sends from the provided buffers of a group, in order, with one completion (6.10); n limits
// the bytes, 0 does not. Set the group with SetBufferGroup.
//
// liburing: io_uring_prep_send_bundle
func (s *SQE) PrepSendBundle(fd int, n uint32, flags uint32) {
	s.PrepSend(fd, 0, n, flags)
	s.Ioprio |= RecvsendBundle
}

// PrepSendto sends to an address (6.1).
//
// liburing: io_uring_prep_sendto
func (s *SQE) PrepSendto(fd int, addr uintptr, n uint32, flags uint32, to uintptr, toLen uint16) {
	s.PrepSend(fd, addr, n, flags)
	s.SetSendAddr(to, toLen)
}

// SetSendAddr gives PrepSend or PrepSendZc a destination (6.1, for zero copy 6.0).
//
// liburing: io_uring_prep_send_set_addr
func (s *SQE) SetSendAddr(to uintptr, toLen uint16) {
	s.Off = uint64(to)
	s.FileIndex = addrLenWord(toLen)
}

// PrepSendVectorized sends n iovecs at iov without a msghdr (6.17). There is no helper for it in liburing:
// the flag is SendVectorized in ioprio, and it works for PrepSendZc in the same way.
func (s *SQE) PrepSendVectorized(fd int, iov uintptr, n uint32, flags uint32) {
	s.PrepSend(fd, iov, n, flags)
	s.Ioprio |= SendVectorized
}

// PrepSendZc sends without copying (6.0). It completes twice: see CqeFMore and CqeFNotif. zcFlags go into
// ioprio: RecvsendPollFirst, SendZcReportUsage, SendVectorized.
//
// liburing: io_uring_prep_send_zc
func (s *SQE) PrepSendZc(fd int, addr uintptr, n uint32, flags uint32, zcFlags uint16) {
	s.prep(OpSendZc, fd, addr, n, 0)
	s.OpFlags = flags
	s.Ioprio = zcFlags
}

// PrepSendZcFixed is PrepSendZc from inside the registered buffer index.
//
// liburing: io_uring_prep_send_zc_fixed
func (s *SQE) PrepSendZcFixed(fd int, addr uintptr, n uint32, flags uint32, zcFlags, index uint16) {
	s.PrepSendZc(fd, addr, n, flags, zcFlags)
	s.Ioprio |= RecvsendFixedBuf
	s.BufIndex = index
}

// PrepSendmsg sends the msghdr at msg.
//
// liburing: io_uring_prep_sendmsg
func (s *SQE) PrepSendmsg(fd int, msg uintptr, flags uint32) {
	s.prep(OpSendmsg, fd, msg, 1, 0)
	s.OpFlags = flags
}

// PrepSendmsgZc is PrepSendmsg without copying (6.1); see PrepSendZc.
//
// liburing: io_uring_prep_sendmsg_zc
func (s *SQE) PrepSendmsgZc(fd int, msg uintptr, flags uint32) {
	s.PrepSendmsg(fd, msg, flags)
	s.Opcode = OpSendmsgZc
}

// PrepSendmsgZcFixed is PrepSendmsgZc with iovecs inside the registered buffer index (6.15).
//
// liburing: io_uring_prep_sendmsg_zc_fixed
func (s *SQE) PrepSendmsgZcFixed(fd int, msg uintptr, flags uint32, index uint16) {
	s.PrepSendmsgZc(fd, msg, flags)
	s.Ioprio |= RecvsendFixedBuf
	s.BufIndex = index
}

// PrepRecv receives up to n bytes into addr; flags are those of recv(2).
//
// liburing: io_uring_prep_recv
func (s *SQE) PrepRecv(fd int, addr uintptr, n uint32, flags uint32) {
	s.prep(OpRecv, fd, addr, n, 0)
	s.OpFlags = flags
}

// PrepRecvMultishot receives into provided buffers until it ends (6.0): set the group with SetBufferGroup,
// addr and n must be 0. No MSG_WAITALL.
//
// liburing: io_uring_prep_recv_multishot
func (s *SQE) PrepRecvMultishot(fd int, addr uintptr, n uint32, flags uint32) {
	s.PrepRecv(fd, addr, n, flags)
	s.Ioprio |= RecvMultishot
}

// PrepRecvMultishotLimit is a multishot receive into the buffers of group that gives at most each bytes per
// completion and ends by itself with the completion that makes it total bytes or more, one without CqeFMore:
// that may bring more than was left of total (6.17; older kernels refuse each with EINVAL, see
// FeatureRecvLimit). 0 means no limit.
func (s *SQE) PrepRecvMultishotLimit(fd int, group uint16, each, total uint32, flags uint32) {
	s.PrepRecvMultishot(fd, 0, each, flags)
	s.SetBufferGroup(group)
	s.FileIndex = total // optlen
}

// PrepRecvmsg receives into the msghdr at msg.
//
// liburing: io_uring_prep_recvmsg
func (s *SQE) PrepRecvmsg(fd int, msg uintptr, flags uint32) {
	s.prep(OpRecvmsg, fd, msg, 1, 0)
	s.OpFlags = flags
}

// PrepRecvmsgMultishot receives messages into provided buffers until it ends (6.0). The msghdr tells only
// how much room to reserve for name and control data; RecvmsgOut takes the buffer apart.
//
// liburing: io_uring_prep_recvmsg_multishot
func (s *SQE) PrepRecvmsgMultishot(fd int, msg uintptr, flags uint32) {
	s.PrepRecvmsg(fd, msg, flags)
	s.Ioprio |= RecvMultishot
}

// PrepRecvZc receives without copying into the zero-copy queue ifq (6.15); n limits the bytes, 0 does not.
// It is always multishot.
//
// liburing has no helper for it.
func (s *SQE) PrepRecvZc(fd int, n uint32, ifq uint32) {
	s.prep(OpRecvZc, fd, 0, n, 0)
	s.Ioprio = RecvMultishot
	s.FileIndex = ifq
}

// PrepCmdSock is a command on a socket (6.6 and 6.7): op is a SocketUringOp constant, level, optname and
// optlen are those of setsockopt(2), optval is an address.
//
// liburing: io_uring_prep_cmd_sock
func (s *SQE) PrepCmdSock(op uint32, fd int, level, optname uint32, optval uintptr, optlen uint32) {
	s.prep(OpUringCmd, fd, 0, 0, 0)
	s.Off = lowWord(op, 0)
	s.Addr = lowWord(level, optname)
	s.FileIndex = optlen
	s.Addr3 = uint64(optval)
}

// PrepCmdGetsockname asks for the name of a socket (6.19), of its peer when peer is true. addr is the
// address of a sockaddr, addrLen that of its length.
//
// liburing: io_uring_prep_cmd_getsockname
func (s *SQE) PrepCmdGetsockname(fd int, addr, addrLen uintptr, peer bool) {
	s.prep(OpUringCmd, fd, addr, 0, lowWord(SocketUringOpGetsockname, 0))
	s.Addr3 = uint64(addrLen)
	if peer {
		s.FileIndex = 1
	}
}

// PrepEpollCtl is epoll_ctl(2); event is an address.
//
// liburing: io_uring_prep_epoll_ctl
func (s *SQE) PrepEpollCtl(epfd, fd int, op uint32, event uintptr) {
	s.prep(OpEpollCtl, epfd, event, op, uint64(uint32(fd)))
}

// PrepEpollWait waits for events of an epoll descriptor, up to n at events (6.15). flags must be 0.
//
// liburing: io_uring_prep_epoll_wait
func (s *SQE) PrepEpollWait(epfd int, events uintptr, n, flags uint32) {
	s.prep(OpEpollWait, epfd, events, n, 0)
	s.OpFlags = flags
}
