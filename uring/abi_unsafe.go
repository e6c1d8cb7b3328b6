//go:build linux

package uring

import "unsafe"

// The structs of linux/io_uring.h that are not part of the API. Sizes are asserted below: a wrong layout
// does not compile.

type sqOffsets struct {
	head, tail, ringMask, ringEntries, flags, dropped, array, resv1 uint32
	userAddr                                                        uint64
}

type cqOffsets struct {
	head, tail, ringMask, ringEntries, overflow, cqes, flags, resv1 uint32
	userAddr                                                        uint64
}

type ioUringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFd uint32
	resv                                                                   [3]uint32
	sqOff                                                                  sqOffsets
	cqOff                                                                  cqOffsets
}

// KernelTimespec is struct __kernel_timespec, 64 bits on every architecture.
type KernelTimespec struct {
	Sec  int64
	Nsec int64
}

type geteventsArg struct {
	sigmask     uint64
	sigmaskSz   uint32
	minWaitUsec uint32
	ts          uint64
}

var (
	_ [64]byte  = [unsafe.Sizeof(SQE{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(CQE{})]byte{}
	_ [120]byte = [unsafe.Sizeof(ioUringParams{})]byte{}
	_ [40]byte  = [unsafe.Offsetof(ioUringParams{}.sqOff)]byte{}
	_ [80]byte  = [unsafe.Offsetof(ioUringParams{}.cqOff)]byte{}
	_ [16]byte  = [unsafe.Sizeof(KernelTimespec{})]byte{}
	_ [24]byte  = [unsafe.Sizeof(geteventsArg{})]byte{}
	_ [16]byte  = [unsafe.Offsetof(geteventsArg{}.ts)]byte{}
)
