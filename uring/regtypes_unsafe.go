//go:build linux

package uring

import "unsafe"

// The arguments of io_uring_register, laid out as in linux/io_uring.h. Those that a caller fills or reads
// are exported.

type rsrcRegister struct {
	nr    uint32
	flags uint32
	resv2 uint64
	data  uint64
	tags  uint64
}

type rsrcUpdate2 struct {
	offset uint32
	resv   uint32
	data   uint64
	tags   uint64
	nr     uint32
	resv2  uint32
}

// rsrcUpdate is struct io_uring_rsrc_update, and io_uring_files_update, which has the same layout.
type rsrcUpdate struct {
	offset uint32
	resv   uint32
	data   uint64
}

type probeOp struct {
	op    uint8
	resv  uint8
	flags uint16
	resv2 uint32
}

type probeArg struct {
	lastOp uint8
	opsLen uint8
	resv   uint16
	resv2  [3]uint32
	ops    [256]probeOp
}

// Restriction is one rule of RegisterRestrictions.
type Restriction struct {
	Opcode uint16 // a Restriction constant
	Value  uint8  // the registration, operation or entry flags that it is about
	resv   uint8
	resv2  [3]uint32
}

type syncCancelReg struct {
	addr    uint64
	fd      int32
	flags   uint32
	timeout KernelTimespec
	opcode  uint8
	pad     [7]uint8
	pad2    [3]uint64
}

type fileIndexRange struct {
	off  uint32
	len  uint32
	resv uint64
}

// Napi is struct io_uring_napi: how waits poll the network's queues before they sleep (6.9).
type Napi struct {
	BusyPollTo     uint32 // microseconds, capped at 10 ms by the kernel
	PreferBusyPoll uint8
	Opcode         uint8 // NapiRegisterOp, NapiStaticAddId, NapiStaticDelId (6.13)
	pad            [2]uint8
	OpParam        uint32 // a NapiTracking constant, or the queue's id
	resv           uint32
}

type clockRegister struct {
	clockid uint32
	resv    [3]uint32
}

// CloneBuffersArg is struct io_uring_clone_buffers (6.12; offsets and count 6.13).
type CloneBuffersArg struct {
	SrcFd  uint32 // descriptor of the ring, or its index with RegisterSrcRegistered
	Flags  uint32 // RegisterSrcRegistered, RegisterDstReplace
	SrcOff uint32
	DstOff uint32
	Nr     uint32 // 0: all
	pad    [3]uint32
}

// RegionDesc is struct io_uring_region_desc: memory that ring and kernel share (6.13).
type RegionDesc struct {
	UserAddr   uint64
	Size       uint64
	Flags      uint32 // MemRegionTypeUser: the memory at UserAddr; else the kernel's, to map at MmapOffset
	ID         uint32
	MmapOffset uint64
	resv       [4]uint64
}

type memRegionReg struct {
	regionUptr uint64
	flags      uint64
	resv       [2]uint64
}

// RegWait is struct io_uring_reg_wait: the arguments of a wait, kept in a registered region (6.13).
type RegWait struct {
	Ts          KernelTimespec
	MinWaitUsec uint32
	Flags       uint32 // RegWaitTs: Ts counts
	Sigmask     uint64
	SigmaskSz   uint32
	_           [3]uint32
	_           [2]uint64
}

type queryHdr struct {
	nextEntry uint64
	queryData uint64
	queryOp   uint32
	size      uint32
	result    int32
	resv      [3]uint32
}

// QueryOpcodesInfo is struct io_uring_query_opcode: everything that the kernel knows, as numbers and bit
// masks (6.18).
type QueryOpcodesInfo struct {
	NrRequestOpcodes  uint32
	NrRegisterOpcodes uint32
	FeatureFlags      uint64
	RingSetupFlags    uint64
	EnterFlags        uint64
	SqeFlags          uint64
	NrQueryOpcodes    uint32
	pad               uint32
}

// QueryScqInfo is struct io_uring_query_scq: the sizes that a SetupNoMmap ring needs (6.19).
type QueryScqInfo struct {
	HdrSize      uint64
	HdrAlignment uint64
}

// RecvmsgOutHdr is struct io_uring_recvmsg_out, the start of a buffer that PrepRecvmsgMultishot filled.
type RecvmsgOutHdr struct {
	Namelen    uint32 // as recvmsg would tell it: may be more than was reserved
	Controllen uint32
	Payloadlen uint32
	Flags      uint32 // MSG_TRUNC, MSG_CTRUNC
}

var (
	_ [32]byte          = [unsafe.Sizeof(rsrcRegister{})]byte{}
	_ [32]byte          = [unsafe.Sizeof(rsrcUpdate2{})]byte{}
	_ [16]byte          = [unsafe.Sizeof(rsrcUpdate{})]byte{}
	_ [8]byte           = [unsafe.Sizeof(probeOp{})]byte{}
	_ [16 + 8*256]byte  = [unsafe.Sizeof(probeArg{})]byte{}
	_ [16]byte          = [unsafe.Sizeof(Restriction{})]byte{}
	_ [64]byte          = [unsafe.Sizeof(syncCancelReg{})]byte{}
	_ [32]byte          = [unsafe.Offsetof(syncCancelReg{}.opcode)]byte{}
	_ [16]byte          = [unsafe.Sizeof(fileIndexRange{})]byte{}
	_ [16]byte          = [unsafe.Sizeof(Napi{})]byte{}
	_ [8]byte           = [unsafe.Offsetof(Napi{}.OpParam)]byte{}
	_ [16]byte          = [unsafe.Sizeof(clockRegister{})]byte{}
	_ [32]byte          = [unsafe.Sizeof(CloneBuffersArg{})]byte{}
	_ [64]byte          = [unsafe.Sizeof(RegionDesc{})]byte{}
	_ [24]byte          = [unsafe.Offsetof(RegionDesc{}.MmapOffset)]byte{}
	_ [32]byte          = [unsafe.Sizeof(memRegionReg{})]byte{}
	_ [64]byte          = [unsafe.Sizeof(RegWait{})]byte{}
	_ [regWaitSize]byte = [unsafe.Sizeof(RegWait{})]byte{}
	_ [24]byte          = [unsafe.Offsetof(RegWait{}.Sigmask)]byte{}
	_ [40]byte          = [unsafe.Sizeof(queryHdr{})]byte{}
	_ [24]byte          = [unsafe.Offsetof(queryHdr{}.result)]byte{}
	_ [48]byte          = [unsafe.Sizeof(QueryOpcodesInfo{})]byte{}
	_ [16]byte          = [unsafe.Sizeof(QueryScqInfo{})]byte{}
	_ [16]byte          = [unsafe.Sizeof(RecvmsgOutHdr{})]byte{}
)
