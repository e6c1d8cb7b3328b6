//go:build linux

package uring

import (
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fakeRing is a ring in ordinary mapped memory, with the test in the kernel's place: it moves the
// submission head and the completion tail.
type fakeRing struct {
	*Ring
	base unsafe.Pointer
}

const (
	fakeSqArray = 256
	fakeCqes    = 4096
	fakeSqes    = 16384
	fakeSize    = 65536
)

// newFake makes a fake with both rings' counters at start.
func newFake(t testing.TB, sq, cq, flags, start uint32) *fakeRing {
	t.Helper()
	base, err := mmapAnon(fakeSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.MunmapPtr(base, fakeSize) })
	kp := &ioUringParams{
		sqEntries: sq, cqEntries: cq, flags: flags,
		sqOff: sqOffsets{head: 0, tail: 4, ringMask: 8, flags: 16, array: fakeSqArray},
		cqOff: cqOffsets{head: 32, tail: 36, ringMask: 40, overflow: 44, flags: 48, cqes: fakeCqes},
	}
	set := func(off, v uint32) { *(*uint32)(unsafe.Add(base, off)) = v }
	set(0, start)
	set(4, start)
	set(8, sq-1)
	set(32, start)
	set(36, start)
	set(40, cq-1)
	f := &fakeRing{Ring: &Ring{fd: -1, enterFd: -1, flags: flags, sqeShift: 6, cqeShift: 4}, base: base}
	f.attach(base, base, unsafe.Add(base, fakeSqes), kp)
	return f
}

// consume moves the submission head by n as the kernel does inside enter, and gives the entries.
func (f *fakeRing) consume(n uint32) []SQE {
	f.publish()
	var list []SQE
	for range n {
		head := *f.sqHead
		list = append(list, *(*SQE)(unsafe.Add(f.sqes, uintptr(head&f.sqMask)<<f.sqeShift)))
		atomic.StoreUint32(f.sqHead, head+1)
	}
	f.sqeHead = atomic.LoadUint32(f.sqHead)
	return list
}

// post adds a completion; it reports false when the ring is full.
func (f *fakeRing) post(c CQE) bool {
	tail := *f.cqTail
	if tail-*f.cqHead > f.cqMask {
		return false
	}
	*f.cqe(tail) = c
	atomic.StoreUint32(f.cqTail, tail+1)
	return true
}
