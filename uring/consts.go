//go:build linux

package uring

// The constants of linux/io_uring.h. The comment is the kernel's spelling and the first kernel that has it;
// a test compares each with the installed header and with its own name.

// Operations, SQE.Opcode.
const (
	OpNop            uint8 = 0  // IORING_OP_NOP, 5.1
	OpReadv          uint8 = 1  // IORING_OP_READV, 5.1
	OpWritev         uint8 = 2  // IORING_OP_WRITEV, 5.1
	OpFsync          uint8 = 3  // IORING_OP_FSYNC, 5.1
	OpReadFixed      uint8 = 4  // IORING_OP_READ_FIXED, 5.1
	OpWriteFixed     uint8 = 5  // IORING_OP_WRITE_FIXED, 5.1
	OpPollAdd        uint8 = 6  // IORING_OP_POLL_ADD, 5.1
	OpPollRemove     uint8 = 7  // IORING_OP_POLL_REMOVE, 5.1
	OpSyncFileRange  uint8 = 8  // IORING_OP_SYNC_FILE_RANGE, 5.2
	OpSendmsg        uint8 = 9  // IORING_OP_SENDMSG, 5.3
	OpRecvmsg        uint8 = 10 // IORING_OP_RECVMSG, 5.3
	OpTimeout        uint8 = 11 // IORING_OP_TIMEOUT, 5.4
	OpTimeoutRemove  uint8 = 12 // IORING_OP_TIMEOUT_REMOVE, 5.5
	OpAccept         uint8 = 13 // IORING_OP_ACCEPT, 5.5
	OpAsyncCancel    uint8 = 14 // IORING_OP_ASYNC_CANCEL, 5.5
	OpLinkTimeout    uint8 = 15 // IORING_OP_LINK_TIMEOUT, 5.5
	OpConnect        uint8 = 16 // IORING_OP_CONNECT, 5.5
	OpFallocate      uint8 = 17 // IORING_OP_FALLOCATE, 5.6
	OpOpenat         uint8 = 18 // IORING_OP_OPENAT, 5.6
	OpClose          uint8 = 19 // IORING_OP_CLOSE, 5.6
	OpFilesUpdate    uint8 = 20 // IORING_OP_FILES_UPDATE, 5.6
	OpStatx          uint8 = 21 // IORING_OP_STATX, 5.6
	OpRead           uint8 = 22 // IORING_OP_READ, 5.6
	OpWrite          uint8 = 23 // IORING_OP_WRITE, 5.6
	OpFadvise        uint8 = 24 // IORING_OP_FADVISE, 5.6
	OpMadvise        uint8 = 25 // IORING_OP_MADVISE, 5.6
	OpSend           uint8 = 26 // IORING_OP_SEND, 5.6
	OpRecv           uint8 = 27 // IORING_OP_RECV, 5.6
	OpOpenat2        uint8 = 28 // IORING_OP_OPENAT2, 5.6
	OpEpollCtl       uint8 = 29 // IORING_OP_EPOLL_CTL, 5.6
	OpSplice         uint8 = 30 // IORING_OP_SPLICE, 5.7
	OpProvideBuffers uint8 = 31 // IORING_OP_PROVIDE_BUFFERS, 5.7
	OpRemoveBuffers  uint8 = 32 // IORING_OP_REMOVE_BUFFERS, 5.7
	OpTee            uint8 = 33 // IORING_OP_TEE, 5.8
	OpShutdown       uint8 = 34 // IORING_OP_SHUTDOWN, 5.11
	OpRenameat       uint8 = 35 // IORING_OP_RENAMEAT, 5.11
	OpUnlinkat       uint8 = 36 // IORING_OP_UNLINKAT, 5.11
	OpMkdirat        uint8 = 37 // IORING_OP_MKDIRAT, 5.15
	OpSymlinkat      uint8 = 38 // IORING_OP_SYMLINKAT, 5.15
	OpLinkat         uint8 = 39 // IORING_OP_LINKAT, 5.15
	OpMsgRing        uint8 = 40 // IORING_OP_MSG_RING, 5.18
	OpFsetxattr      uint8 = 41 // IORING_OP_FSETXATTR, 5.19
	OpSetxattr       uint8 = 42 // IORING_OP_SETXATTR, 5.19
	OpFgetxattr      uint8 = 43 // IORING_OP_FGETXATTR, 5.19
	OpGetxattr       uint8 = 44 // IORING_OP_GETXATTR, 5.19
	OpSocket         uint8 = 45 // IORING_OP_SOCKET, 5.19
	OpUringCmd       uint8 = 46 // IORING_OP_URING_CMD, 5.19
	OpSendZc         uint8 = 47 // IORING_OP_SEND_ZC, 6.0
	OpSendmsgZc      uint8 = 48 // IORING_OP_SENDMSG_ZC, 6.1
	OpReadMultishot  uint8 = 49 // IORING_OP_READ_MULTISHOT, 6.7
	OpWaitid         uint8 = 50 // IORING_OP_WAITID, 6.7
	OpFutexWait      uint8 = 51 // IORING_OP_FUTEX_WAIT, 6.7
	OpFutexWake      uint8 = 52 // IORING_OP_FUTEX_WAKE, 6.7
	OpFutexWaitv     uint8 = 53 // IORING_OP_FUTEX_WAITV, 6.7
	OpFixedFdInstall uint8 = 54 // IORING_OP_FIXED_FD_INSTALL, 6.8
	OpFtruncate      uint8 = 55 // IORING_OP_FTRUNCATE, 6.9
	OpBind           uint8 = 56 // IORING_OP_BIND, 6.11
	OpListen         uint8 = 57 // IORING_OP_LISTEN, 6.11
	OpRecvZc         uint8 = 58 // IORING_OP_RECV_ZC, 6.15
	OpEpollWait      uint8 = 59 // IORING_OP_EPOLL_WAIT, 6.15
	OpReadvFixed     uint8 = 60 // IORING_OP_READV_FIXED, 6.15
	OpWritevFixed    uint8 = 61 // IORING_OP_WRITEV_FIXED, 6.15
	OpPipe           uint8 = 62 // IORING_OP_PIPE, 6.16
	OpNop128         uint8 = 63 // IORING_OP_NOP128, 6.19
	OpUringCmd128    uint8 = 64 // IORING_OP_URING_CMD128, 6.19
)

// Flags of every entry, SQE.Flags.
const (
	SqeFixedFile      uint8 = 1  // IOSQE_FIXED_FILE, 5.1
	SqeIoDrain        uint8 = 2  // IOSQE_IO_DRAIN, 5.2
	SqeIoLink         uint8 = 4  // IOSQE_IO_LINK, 5.3
	SqeIoHardlink     uint8 = 8  // IOSQE_IO_HARDLINK, 5.5
	SqeAsync          uint8 = 16 // IOSQE_ASYNC, 5.6
	SqeBufferSelect   uint8 = 32 // IOSQE_BUFFER_SELECT, 5.7
	SqeCqeSkipSuccess uint8 = 64 // IOSQE_CQE_SKIP_SUCCESS, 5.17
)

// Flags of io_uring_setup, Params.Flags.
const (
	SetupIopoll           uint32 = 1        // IORING_SETUP_IOPOLL, 5.1
	SetupSqpoll           uint32 = 2        // IORING_SETUP_SQPOLL, 5.1
	SetupSqAff            uint32 = 4        // IORING_SETUP_SQ_AFF, 5.1
	SetupCqsize           uint32 = 8        // IORING_SETUP_CQSIZE, 5.5
	SetupClamp            uint32 = 0x10     // IORING_SETUP_CLAMP, 5.6
	SetupAttachWq         uint32 = 0x20     // IORING_SETUP_ATTACH_WQ, 5.6
	SetupRDisabled        uint32 = 0x40     // IORING_SETUP_R_DISABLED, 5.10
	SetupSubmitAll        uint32 = 0x80     // IORING_SETUP_SUBMIT_ALL, 5.18
	SetupCoopTaskrun      uint32 = 0x100    // IORING_SETUP_COOP_TASKRUN, 5.19
	SetupTaskrunFlag      uint32 = 0x200    // IORING_SETUP_TASKRUN_FLAG, 5.19
	SetupSqe128           uint32 = 0x400    // IORING_SETUP_SQE128, 5.19
	SetupCqe32            uint32 = 0x800    // IORING_SETUP_CQE32, 5.19
	SetupSingleIssuer     uint32 = 0x1000   // IORING_SETUP_SINGLE_ISSUER, 6.0
	SetupDeferTaskrun     uint32 = 0x2000   // IORING_SETUP_DEFER_TASKRUN, 6.1
	SetupNoMmap           uint32 = 0x4000   // IORING_SETUP_NO_MMAP, 6.5
	SetupRegisteredFdOnly uint32 = 0x8000   // IORING_SETUP_REGISTERED_FD_ONLY, 6.5
	SetupNoSqarray        uint32 = 0x10000  // IORING_SETUP_NO_SQARRAY, 6.6
	SetupHybridIopoll     uint32 = 0x20000  // IORING_SETUP_HYBRID_IOPOLL, 6.13
	SetupCqeMixed         uint32 = 0x40000  // IORING_SETUP_CQE_MIXED, 6.18
	SetupSqeMixed         uint32 = 0x80000  // IORING_SETUP_SQE_MIXED, 6.19
	SetupSqRewind         uint32 = 0x100000 // IORING_SETUP_SQ_REWIND, 7.0
)

// Flags of io_uring_enter.
const (
	EnterGetevents      uint32 = 1    // IORING_ENTER_GETEVENTS, 5.1
	EnterSqWakeup       uint32 = 2    // IORING_ENTER_SQ_WAKEUP, 5.1
	EnterSqWait         uint32 = 4    // IORING_ENTER_SQ_WAIT, 5.10
	EnterExtArg         uint32 = 8    // IORING_ENTER_EXT_ARG, 5.11
	EnterRegisteredRing uint32 = 0x10 // IORING_ENTER_REGISTERED_RING, 5.18
	EnterAbsTimer       uint32 = 0x20 // IORING_ENTER_ABS_TIMER, 6.12
	EnterExtArgReg      uint32 = 0x40 // IORING_ENTER_EXT_ARG_REG, 6.13
	EnterNoIowait       uint32 = 0x80 // IORING_ENTER_NO_IOWAIT, 6.15
)

// What the kernel promises, Params.Features.
const (
	FeatSingleMmap     uint32 = 1       // IORING_FEAT_SINGLE_MMAP, 5.4
	FeatNodrop         uint32 = 2       // IORING_FEAT_NODROP, 5.5
	FeatSubmitStable   uint32 = 4       // IORING_FEAT_SUBMIT_STABLE, 5.5
	FeatRwCurPos       uint32 = 8       // IORING_FEAT_RW_CUR_POS, 5.6
	FeatCurPersonality uint32 = 0x10    // IORING_FEAT_CUR_PERSONALITY, 5.6
	FeatFastPoll       uint32 = 0x20    // IORING_FEAT_FAST_POLL, 5.7
	FeatPoll32bits     uint32 = 0x40    // IORING_FEAT_POLL_32BITS, 5.9
	FeatSqpollNonfixed uint32 = 0x80    // IORING_FEAT_SQPOLL_NONFIXED, 5.11
	FeatExtArg         uint32 = 0x100   // IORING_FEAT_EXT_ARG, 5.11
	FeatNativeWorkers  uint32 = 0x200   // IORING_FEAT_NATIVE_WORKERS, 5.12
	FeatRsrcTags       uint32 = 0x400   // IORING_FEAT_RSRC_TAGS, 5.13
	FeatCqeSkip        uint32 = 0x800   // IORING_FEAT_CQE_SKIP, 5.17
	FeatLinkedFile     uint32 = 0x1000  // IORING_FEAT_LINKED_FILE, 5.18
	FeatRegRegRing     uint32 = 0x2000  // IORING_FEAT_REG_REG_RING, 6.3
	FeatRecvsendBundle uint32 = 0x4000  // IORING_FEAT_RECVSEND_BUNDLE, 6.10
	FeatMinTimeout     uint32 = 0x8000  // IORING_FEAT_MIN_TIMEOUT, 6.12
	FeatRwAttr         uint32 = 0x10000 // IORING_FEAT_RW_ATTR, 6.14
	FeatNoIowait       uint32 = 0x20000 // IORING_FEAT_NO_IOWAIT, 6.15
)

// Flags of a completion, CQE.Flags. The buffer's id stands above CqeBufferShift.
const (
	CqeFBuffer       uint32 = 1       // IORING_CQE_F_BUFFER, 5.7
	CqeFMore         uint32 = 2       // IORING_CQE_F_MORE, 5.13
	CqeFSockNonempty uint32 = 4       // IORING_CQE_F_SOCK_NONEMPTY, 5.19
	CqeFNotif        uint32 = 8       // IORING_CQE_F_NOTIF, 6.0
	CqeFBufMore      uint32 = 0x10    // IORING_CQE_F_BUF_MORE, 6.12
	CqeFSkip         uint32 = 0x20    // IORING_CQE_F_SKIP, 6.18
	CqeF32           uint32 = 0x8000  // IORING_CQE_F_32, 6.18
	CqeFTstampHw     uint32 = 0x10000 // IORING_CQE_F_TSTAMP_HW, 6.17
	CqeBufferShift   uint32 = 0x10    // IORING_CQE_BUFFER_SHIFT, 5.7
)

// Flag words of the rings: what the kernel tells in the submission ring, what the user tells in the
// completion ring.
const (
	SqNeedWakeup      uint32 = 1 // IORING_SQ_NEED_WAKEUP, 5.1
	SqCqOverflow      uint32 = 2 // IORING_SQ_CQ_OVERFLOW, 5.8
	SqTaskrun         uint32 = 4 // IORING_SQ_TASKRUN, 5.19
	CqEventfdDisabled uint32 = 1 // IORING_CQ_EVENTFD_DISABLED, 5.8
)

// Registrations, io_uring_register.
const (
	RegisterBuffers           uint32 = 0          // IORING_REGISTER_BUFFERS, 5.1
	UnregisterBuffers         uint32 = 1          // IORING_UNREGISTER_BUFFERS, 5.1
	RegisterFiles             uint32 = 2          // IORING_REGISTER_FILES, 5.1
	UnregisterFiles           uint32 = 3          // IORING_UNREGISTER_FILES, 5.1
	RegisterEventfd           uint32 = 4          // IORING_REGISTER_EVENTFD, 5.2
	UnregisterEventfd         uint32 = 5          // IORING_UNREGISTER_EVENTFD, 5.2
	RegisterFilesUpdate       uint32 = 6          // IORING_REGISTER_FILES_UPDATE, 5.5
	RegisterEventfdAsync      uint32 = 7          // IORING_REGISTER_EVENTFD_ASYNC, 5.6
	RegisterProbe             uint32 = 8          // IORING_REGISTER_PROBE, 5.6
	RegisterPersonality       uint32 = 9          // IORING_REGISTER_PERSONALITY, 5.6
	UnregisterPersonality     uint32 = 0xa        // IORING_UNREGISTER_PERSONALITY, 5.6
	RegisterRestrictions      uint32 = 0xb        // IORING_REGISTER_RESTRICTIONS, 5.10
	RegisterEnableRings       uint32 = 0xc        // IORING_REGISTER_ENABLE_RINGS, 5.10
	RegisterFiles2            uint32 = 0xd        // IORING_REGISTER_FILES2, 5.13
	RegisterFilesUpdate2      uint32 = 0xe        // IORING_REGISTER_FILES_UPDATE2, 5.13
	RegisterBuffers2          uint32 = 0xf        // IORING_REGISTER_BUFFERS2, 5.13
	RegisterBuffersUpdate     uint32 = 0x10       // IORING_REGISTER_BUFFERS_UPDATE, 5.13
	RegisterIowqAff           uint32 = 0x11       // IORING_REGISTER_IOWQ_AFF, 5.14
	UnregisterIowqAff         uint32 = 0x12       // IORING_UNREGISTER_IOWQ_AFF, 5.14
	RegisterIowqMaxWorkers    uint32 = 0x13       // IORING_REGISTER_IOWQ_MAX_WORKERS, 5.15
	RegisterRingFds           uint32 = 0x14       // IORING_REGISTER_RING_FDS, 5.18
	UnregisterRingFds         uint32 = 0x15       // IORING_UNREGISTER_RING_FDS, 5.18
	RegisterPbufRing          uint32 = 0x16       // IORING_REGISTER_PBUF_RING, 5.19
	UnregisterPbufRing        uint32 = 0x17       // IORING_UNREGISTER_PBUF_RING, 5.19
	RegisterSyncCancel        uint32 = 0x18       // IORING_REGISTER_SYNC_CANCEL, 6.0
	RegisterFileAllocRange    uint32 = 0x19       // IORING_REGISTER_FILE_ALLOC_RANGE, 6.0
	RegisterPbufStatus        uint32 = 0x1a       // IORING_REGISTER_PBUF_STATUS, 6.8
	RegisterNapi              uint32 = 0x1b       // IORING_REGISTER_NAPI, 6.9
	UnregisterNapi            uint32 = 0x1c       // IORING_UNREGISTER_NAPI, 6.9
	RegisterClock             uint32 = 0x1d       // IORING_REGISTER_CLOCK, 6.12
	RegisterCloneBuffers      uint32 = 0x1e       // IORING_REGISTER_CLONE_BUFFERS, 6.12
	RegisterSendMsgRing       uint32 = 0x1f       // IORING_REGISTER_SEND_MSG_RING, 6.13
	RegisterZcrxIfq           uint32 = 0x20       // IORING_REGISTER_ZCRX_IFQ, 6.15
	RegisterResizeRings       uint32 = 0x21       // IORING_REGISTER_RESIZE_RINGS, 6.13
	RegisterMemRegion         uint32 = 0x22       // IORING_REGISTER_MEM_REGION, 6.13
	RegisterQuery             uint32 = 0x23       // IORING_REGISTER_QUERY, 6.18
	RegisterZcrxCtrl          uint32 = 0x24       // IORING_REGISTER_ZCRX_CTRL, 6.19
	RegisterBpfFilter         uint32 = 0x25       // IORING_REGISTER_BPF_FILTER, 7.0
	RegisterUseRegisteredRing uint32 = 0x80000000 // IORING_REGISTER_USE_REGISTERED_RING, 6.3
)

// Accept, in SQE.Ioprio.
const (
	AcceptMultishot uint16 = 1 // IORING_ACCEPT_MULTISHOT, 5.19
	AcceptDontwait  uint16 = 2 // IORING_ACCEPT_DONTWAIT, 6.10
	AcceptPollFirst uint16 = 4 // IORING_ACCEPT_POLL_FIRST, 6.10
)

// Send and receive, in SQE.Ioprio.
const (
	RecvsendPollFirst uint16 = 1    // IORING_RECVSEND_POLL_FIRST, 5.19
	RecvMultishot     uint16 = 2    // IORING_RECV_MULTISHOT, 6.0
	RecvsendFixedBuf  uint16 = 4    // IORING_RECVSEND_FIXED_BUF, 6.0
	SendZcReportUsage uint16 = 8    // IORING_SEND_ZC_REPORT_USAGE, 6.2
	RecvsendBundle    uint16 = 0x10 // IORING_RECVSEND_BUNDLE, 6.10
	SendVectorized    uint16 = 0x20 // IORING_SEND_VECTORIZED, 6.17
)

// The result of a zero-copy notification with SendZcReportUsage.
const (
	NotifUsageZcCopied uint32 = 0x80000000 // IORING_NOTIF_USAGE_ZC_COPIED, 6.2
)

// Timeouts, in SQE.OpFlags.
const (
	TimeoutAbs          uint32 = 1    // IORING_TIMEOUT_ABS, 5.4
	TimeoutUpdate       uint32 = 2    // IORING_TIMEOUT_UPDATE, 5.11
	TimeoutBoottime     uint32 = 4    // IORING_TIMEOUT_BOOTTIME, 5.15
	TimeoutRealtime     uint32 = 8    // IORING_TIMEOUT_REALTIME, 5.15
	LinkTimeoutUpdate   uint32 = 0x10 // IORING_LINK_TIMEOUT_UPDATE, 5.15
	TimeoutEtimeSuccess uint32 = 0x20 // IORING_TIMEOUT_ETIME_SUCCESS, 5.16
	TimeoutMultishot    uint32 = 0x40 // IORING_TIMEOUT_MULTISHOT, 6.4
	TimeoutImmediateArg uint32 = 0x80 // IORING_TIMEOUT_IMMEDIATE_ARG, 7.1
)

// Poll, in SQE.Len.
const (
	PollAddMulti       uint32 = 1 // IORING_POLL_ADD_MULTI, 5.13
	PollUpdateEvents   uint32 = 2 // IORING_POLL_UPDATE_EVENTS, 5.13
	PollUpdateUserData uint32 = 4 // IORING_POLL_UPDATE_USER_DATA, 5.13
	PollAddLevel       uint32 = 8 // IORING_POLL_ADD_LEVEL, 6.0
)

// Cancellation, in SQE.OpFlags.
const (
	AsyncCancelAll      uint32 = 1    // IORING_ASYNC_CANCEL_ALL, 5.19
	AsyncCancelFd       uint32 = 2    // IORING_ASYNC_CANCEL_FD, 5.19
	AsyncCancelAny      uint32 = 4    // IORING_ASYNC_CANCEL_ANY, 5.19
	AsyncCancelFdFixed  uint32 = 8    // IORING_ASYNC_CANCEL_FD_FIXED, 6.0
	AsyncCancelUserdata uint32 = 0x10 // IORING_ASYNC_CANCEL_USERDATA, 6.6
	AsyncCancelOp       uint32 = 0x20 // IORING_ASYNC_CANCEL_OP, 6.6
)

// Fsync, in SQE.OpFlags.
const (
	FsyncDatasync uint32 = 1 // IORING_FSYNC_DATASYNC, 5.1
)

// Nop, in SQE.OpFlags.
const (
	NopInjectResult uint32 = 1    // IORING_NOP_INJECT_RESULT, 6.10
	NopFile         uint32 = 2    // IORING_NOP_FILE, later than 6.10
	NopFixedFile    uint32 = 4    // IORING_NOP_FIXED_FILE, later than 6.10
	NopFixedBuffer  uint32 = 8    // IORING_NOP_FIXED_BUFFER, later than 6.10
	NopTw           uint32 = 0x10 // IORING_NOP_TW, later than 6.10
	NopCqe32        uint32 = 0x20 // IORING_NOP_CQE32, later than 6.10
)

// Messages between rings: what is sent (SQE.Addr).
const (
	MsgData   uint64 = 0 // IORING_MSG_DATA, 5.18
	MsgSendFd uint64 = 1 // IORING_MSG_SEND_FD, 6.0
)

// Messages between rings: flags, in SQE.OpFlags.
const (
	MsgRingCqeSkip   uint32 = 1 // IORING_MSG_RING_CQE_SKIP, 6.0
	MsgRingFlagsPass uint32 = 2 // IORING_MSG_RING_FLAGS_PASS, 6.3
)

// Splice, in SQE.OpFlags. The kernel's spelling has no IORING_ prefix.
const (
	SpliceFFdInFixed uint32 = 0x80000000 // SPLICE_F_FD_IN_FIXED, 5.7
)

// Uring_cmd, in SQE.OpFlags.
const (
	UringCmdFixed     uint32 = 1 // IORING_URING_CMD_FIXED, 5.19
	UringCmdMultishot uint32 = 2 // IORING_URING_CMD_MULTISHOT, 6.18
)

// Fixed_fd_install, in SQE.OpFlags.
const (
	FixedFdNoCloexec uint32 = 1 // IORING_FIXED_FD_NO_CLOEXEC, 6.8
)

// Commands of sockets, the lower half of SQE.Off of OpUringCmd.
const (
	SocketUringOpSiocinq     uint32 = 0 // SOCKET_URING_OP_SIOCINQ, 6.6
	SocketUringOpSiocoutq    uint32 = 1 // SOCKET_URING_OP_SIOCOUTQ, 6.6
	SocketUringOpGetsockopt  uint32 = 2 // SOCKET_URING_OP_GETSOCKOPT, 6.7
	SocketUringOpSetsockopt  uint32 = 3 // SOCKET_URING_OP_SETSOCKOPT, 6.7
	SocketUringOpTxTimestamp uint32 = 4 // SOCKET_URING_OP_TX_TIMESTAMP, 6.17
	SocketUringOpGetsockname uint32 = 5 // SOCKET_URING_OP_GETSOCKNAME, 6.19
)

// Registered resources.
const (
	FileIndexAlloc        uint32 = 0xffffffff // IORING_FILE_INDEX_ALLOC, 5.19
	RsrcRegisterSparse    uint32 = 1          // IORING_RSRC_REGISTER_SPARSE, 5.19
	RegisterSrcRegistered uint32 = 1          // IORING_REGISTER_SRC_REGISTERED, 6.12
	RegisterDstReplace    uint32 = 2          // IORING_REGISTER_DST_REPLACE, 6.13
)

// A descriptor of a registered file table that FilesUpdate leaves alone.
const (
	RegisterFilesSkip int32 = -2 // IORING_REGISTER_FILES_SKIP, 5.12
)

// Provided-buffer rings.
const (
	PbufRingMmap uint16 = 1 // IOU_PBUF_RING_MMAP, 6.4
	PbufRingInc  uint16 = 2 // IOU_PBUF_RING_INC, 6.12
)

// Mapping offsets of the ring's descriptor.
const (
	OffSqRing    int64 = 0          // IORING_OFF_SQ_RING, 5.1
	OffCqRing    int64 = 0x8000000  // IORING_OFF_CQ_RING, 5.1
	OffSqes      int64 = 0x10000000 // IORING_OFF_SQES, 5.1
	OffPbufRing  int64 = 0x80000000 // IORING_OFF_PBUF_RING, 6.4
	OffPbufShift int64 = 0x10       // IORING_OFF_PBUF_SHIFT, 6.4
	OffMmapMask  int64 = 0xf8000000 // IORING_OFF_MMAP_MASK, 6.4
)

// Restrictions.
const (
	RestrictionRegisterOp       uint16 = 0 // IORING_RESTRICTION_REGISTER_OP, 5.10
	RestrictionSqeOp            uint16 = 1 // IORING_RESTRICTION_SQE_OP, 5.10
	RestrictionSqeFlagsAllowed  uint16 = 2 // IORING_RESTRICTION_SQE_FLAGS_ALLOWED, 5.10
	RestrictionSqeFlagsRequired uint16 = 3 // IORING_RESTRICTION_SQE_FLAGS_REQUIRED, 5.10
)

// Probe.
const (
	OpSupported uint16 = 1 // IO_URING_OP_SUPPORTED, 5.6
)

// Busy polling of network queues: what RegisterNapi does.
const (
	NapiRegisterOp  uint8 = 0 // IO_URING_NAPI_REGISTER_OP, 6.13
	NapiStaticAddId uint8 = 1 // IO_URING_NAPI_STATIC_ADD_ID, 6.13
	NapiStaticDelId uint8 = 2 // IO_URING_NAPI_STATIC_DEL_ID, 6.13
)

// Busy polling of network queues: how queues are found.
const (
	NapiTrackingDynamic  uint32 = 0    // IO_URING_NAPI_TRACKING_DYNAMIC, 6.13
	NapiTrackingStatic   uint32 = 1    // IO_URING_NAPI_TRACKING_STATIC, 6.13
	NapiTrackingInactive uint32 = 0xff // IO_URING_NAPI_TRACKING_INACTIVE, 6.13
)

// Memory regions.
const (
	MemRegionRegWaitArg uint64 = 1 // IORING_MEM_REGION_REG_WAIT_ARG, 6.13
)

// Memory regions: where the memory comes from, and registered waits.
const (
	MemRegionTypeUser uint32 = 1 // IORING_MEM_REGION_TYPE_USER, 6.13
	RegWaitTs         uint32 = 1 // IORING_REG_WAIT_TS, 6.13
)

// Queries.
const (
	QueryOpcodes uint32 = 0 // IO_URING_QUERY_OPCODES, 6.18
	QueryZcrx    uint32 = 1 // IO_URING_QUERY_ZCRX, 6.19
	QueryScq     uint32 = 2 // IO_URING_QUERY_SCQ, 6.19
)

// Read and write attributes, SQE.Pad2.
const (
	RwAttrFlagPi uint64 = 1 // IORING_RW_ATTR_FLAG_PI, 6.14
)
