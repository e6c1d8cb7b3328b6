//go:build linux

package uring

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ring is one io_uring: a submission and a completion ring shared with the kernel. Make it with New. It is
// not safe for concurrent use; see "Threads" in the package's documentation.
type Ring struct {
	// Submission side. sqeTail counts entries given out, sqeHead is the kernel's head when last looked at:
	// both run freely and wrap at 2^32.
	sqeTail   uint32
	sqeHead   uint32
	sqEntries uint32
	sqMask    uint32
	sqeShift  uint8
	cqeShift  uint8
	closed    bool
	sqes      unsafe.Pointer
	sqHead    *uint32 // written by the kernel
	sqTail    *uint32 // written here
	sqFlags   *uint32 // written by the kernel: SqNeedWakeup, SqCqOverflow, SqTaskrun

	// Completion side. cqNext is the value of *cqHead, kept here because only this side writes it.
	cqNext     uint32
	cqMask     uint32
	cqes       unsafe.Pointer
	cqHead     *uint32 // written here
	cqTail     *uint32 // written by the kernel
	cqOverflow *uint32 // written by the kernel
	cqFlags    *uint32 // written here: CqEventfdDisabled; nil before 5.8

	fd         int
	enterFd    int    // fd, or its registered index
	regThread  int    // the thread in whose table that index is
	enterFlags uint32 // EnterRegisteredRing
	waitFlags  uint32 // what SetEnterFlags said
	regFlags   uint32 // RegisterUseRegisteredRing when there is no fd
	flags      uint32
	features   uint32

	arg geteventsArg // of the running enter
	ts  KernelTimespec

	poll struct { // of the running PollCompletions
		arg geteventsArg
		ts  KernelTimespec
	}

	maps    [3]mapping
	dead    [4]uint32 // what the pointers point to after Close
	deadCQE [4]uint64
}

type mapping struct {
	addr unsafe.Pointer
	size uintptr
}

func newRing(entries uint32, p *Params) (*Ring, error) {
	kp := &ioUringParams{
		cqEntries: p.CQEntries, flags: p.Flags, sqThreadCPU: p.SQThreadCPU,
		sqThreadIdle: p.SQThreadIdle, wqFd: p.WQFd,
	}
	r := &Ring{}
	if p.Flags&SetupNoMmap != 0 {
		if err := r.provideMemory(entries, kp); err != nil {
			return nil, err
		}
	}
	fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(kp)), 0)
	if e != 0 {
		r.unmap()
		return nil, setupError(e, p.Flags)
	}
	r.fd, r.enterFd = int(fd), int(fd)
	r.flags, r.features = kp.flags, kp.features
	if p.Flags&SetupRegisteredFdOnly != 0 {
		r.enterFlags = EnterRegisteredRing
		r.regFlags = RegisterUseRegisteredRing
		r.regThread = unix.Gettid()
	}
	if err := r.mapRings(kp); err != nil {
		r.Close()
		return nil, err
	}
	p.SQEntries, p.CQEntries, p.Features = kp.sqEntries, kp.cqEntries, kp.features
	return r, nil
}

func setupError(e unix.Errno, flags uint32) error {
	hint := ""
	switch e {
	case unix.EINVAL:
		hint = brokenRule(flags)
	case unix.ENOSYS:
		hint = "the kernel has no io_uring or a sandbox hides it"
	case unix.EPERM, unix.EACCES:
		hint = "io_uring is forbidden here: see Diagnose"
	case unix.ENOMEM:
		hint = "limit of locked memory (ulimit -l) or of the memory cgroup"
	case unix.EBUSY:
		hint = hintIndexes
	}
	return &Error{Op: "setup", Errno: e, Hint: hint, flags: flags}
}

// provideMemory makes the memory of a SetupNoMmap ring. 4096 bytes are more than the ring's header in any
// kernel.
func (r *Ring) provideMemory(entries uint32, kp *ioUringParams) error {
	sq := roundUpPow2(min(entries, EntriesMax))
	cq := 2 * sq
	if kp.flags&SetupCqsize != 0 {
		cq = roundUpPow2(min(kp.cqEntries, 2*EntriesMax))
	}
	cqeSize, sqeSize := uintptr(16), uintptr(64)
	if kp.flags&SetupCqe32 != 0 {
		cqeSize = 32
	}
	if kp.flags&SetupSqe128 != 0 {
		sqeSize = 128
	}
	rings, err := r.mapAnon(0, 4096+uintptr(cq)*cqeSize+uintptr(sq)*4)
	if err != nil {
		return err
	}
	sqes, err := r.mapAnon(2, uintptr(sq)*sqeSize)
	if err != nil {
		return err
	}
	kp.cqOff.userAddr = uint64(uintptr(rings))
	kp.sqOff.userAddr = uint64(uintptr(sqes))
	return nil
}

func (r *Ring) mapAnon(slot int, size uintptr) (unsafe.Pointer, error) {
	page := uintptr(os.Getpagesize())
	size = (size + page - 1) &^ (page - 1)
	p, err := mmapAnon(size)
	if err != nil {
		r.unmap()
		return nil, err
	}
	r.maps[slot] = mapping{p, size}
	return p, nil
}

func mmapAnon(size uintptr) (unsafe.Pointer, error) {
	p, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, mapError(err)
	}
	return p, nil
}

func mapError(err error) error {
	e, ok := err.(unix.Errno)
	if !ok {
		e = unix.ENOMEM
	}
	return &Error{Op: "mmap", Errno: e}
}

// mapRings maps what the kernel made and points the ring at it.
func (r *Ring) mapRings(kp *ioUringParams) error {
	r.sqeShift, r.cqeShift = 6, 4
	if kp.flags&SetupSqe128 != 0 {
		r.sqeShift = 7
	}
	if kp.flags&SetupCqe32 != 0 {
		r.cqeShift = 5
	}
	if kp.flags&SetupNoMmap == 0 {
		if err := r.mmapAll(kp); err != nil {
			return err
		}
	}
	sq, cq := r.maps[0].addr, r.maps[1].addr
	if cq == nil {
		cq = sq
	}
	r.attach(sq, cq, r.maps[2].addr, kp)
	return nil
}

func (r *Ring) mmapAll(kp *ioUringParams) error {
	sqSize := uintptr(kp.sqOff.array) + uintptr(kp.sqEntries)*4
	cqSize := uintptr(kp.cqOff.cqes) + uintptr(kp.cqEntries)<<r.cqeShift
	single := kp.features&FeatSingleMmap != 0
	if single {
		sqSize = max(sqSize, cqSize)
	}
	if err := r.mapFd(0, OffSqRing, sqSize); err != nil {
		return err
	}
	if !single {
		if err := r.mapFd(1, OffCqRing, cqSize); err != nil {
			return err
		}
	}
	return r.mapFd(2, OffSqes, uintptr(kp.sqEntries)<<r.sqeShift)
}

func (r *Ring) mapFd(slot int, off int64, size uintptr) error {
	p, err := unix.MmapPtr(r.fd, off, nil, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return mapError(err)
	}
	r.maps[slot] = mapping{p, size}
	return nil
}

// attach points the ring at mapped memory and takes over the heads and tails that stand there.
func (r *Ring) attach(sq, cq, sqes unsafe.Pointer, kp *ioUringParams) {
	word := func(base unsafe.Pointer, off uint32) *uint32 { return (*uint32)(unsafe.Add(base, off)) }
	r.sqes = sqes
	r.sqEntries = kp.sqEntries
	r.sqMask = *word(sq, kp.sqOff.ringMask)
	r.sqHead = word(sq, kp.sqOff.head)
	r.sqTail = word(sq, kp.sqOff.tail)
	r.sqFlags = word(sq, kp.sqOff.flags)
	r.cqes = unsafe.Add(cq, kp.cqOff.cqes)
	r.cqMask = *word(cq, kp.cqOff.ringMask)
	r.cqHead = word(cq, kp.cqOff.head)
	r.cqTail = word(cq, kp.cqOff.tail)
	r.cqOverflow = word(cq, kp.cqOff.overflow)
	if kp.cqOff.flags != 0 {
		r.cqFlags = word(cq, kp.cqOff.flags)
	}
	r.sqeTail = atomic.LoadUint32(r.sqTail)
	r.sqeHead = atomic.LoadUint32(r.sqHead)
	r.cqNext = atomic.LoadUint32(r.cqHead)
	if kp.flags&SetupNoSqarray == 0 {
		// The indirection is filled once with the identity and never touched again.
		array := unsafe.Slice(word(sq, kp.sqOff.array), kp.sqEntries)
		for i := range array {
			array[i] = uint32(i)
		}
	}
}

// unmap removes the mappings and points the ring at words that say "empty", so that no method of a closed
// ring needs to ask and none touches what is gone.
func (r *Ring) unmap() error {
	r.sqeTail, r.sqeHead, r.sqEntries, r.sqMask, r.cqNext = 0, 0, 0, 0, 0
	r.cqMask = 0
	r.dead = [4]uint32{}
	r.sqHead, r.sqTail, r.sqFlags, r.cqOverflow = &r.dead[0], &r.dead[1], &r.dead[2], &r.dead[3]
	r.cqHead, r.cqTail, r.cqFlags = &r.dead[0], &r.dead[0], nil
	r.deadCQE = [4]uint64{}
	r.sqes, r.cqes = nil, unsafe.Pointer(&r.deadCQE)
	var first error
	for i, m := range r.maps {
		if m.addr == nil {
			continue
		}
		if err := unix.MunmapPtr(m.addr, m.size); err != nil && first == nil {
			first = mapError(err)
		}
		r.maps[i] = mapping{}
	}
	return first
}

// SQE gives the next entry, zeroed, or nil when the queue is full or the ring closed. It counts as queued
// at once: fill it before the next enter.
func (r *Ring) SQE() *SQE {
	if r.sqeTail-r.sqeHead >= r.sqEntries && !r.reloadHead() {
		return nil
	}
	s := (*SQE)(unsafe.Add(r.sqes, uintptr(r.sqeTail&r.sqMask)<<r.sqeShift))
	r.sqeTail++
	*s = SQE{}
	return s
}

// reloadHead looks at the kernel's head and reports whether there is room. Without SQPOLL it only moves
// inside enter, which looks itself.
func (r *Ring) reloadHead() bool {
	r.sqeHead = atomic.LoadUint32(r.sqHead)
	return r.sqeTail-r.sqeHead < r.sqEntries
}

// SQE128 gives the next entry of 128 bytes, zeroed, for the operations that need one, and its command
// bytes: Addr3, Pad2 and the 64 bytes behind them. It needs SetupSqe128 or SetupSqeMixed and is nil when
// there is no room. In a mixed ring an entry takes two places, which may not wrap: a Nop that posts no
// completion fills the last place.
func (r *Ring) SQE128() (*SQE, *[80]byte) {
	switch {
	case r.flags&SetupSqe128 != 0:
		s := r.SQE()
		if s == nil {
			return nil, nil
		}
		return r.wide(s)
	case r.flags&SetupSqeMixed == 0:
		return nil, nil
	}
	need := uint32(2)
	if r.sqeTail&r.sqMask == r.sqMask {
		need = 3
	}
	r.reloadHead()
	if r.sqEntries-(r.sqeTail-r.sqeHead) < need || r.closed {
		return nil, nil
	}
	if need == 3 {
		s := r.SQE()
		s.PrepNop()
		s.Flags = SqeCqeSkipSuccess
	}
	s := r.SQE()
	r.sqeTail++
	return r.wide(s)
}

func (r *Ring) wide(s *SQE) (*SQE, *[80]byte) {
	cmd := (*[80]byte)(unsafe.Add(unsafe.Pointer(s), 48))
	*cmd = [80]byte{}
	return s, cmd
}

// cqe is the entry at a free-running position.
func (r *Ring) cqe(pos uint32) *CQE {
	return (*CQE)(unsafe.Add(r.cqes, uintptr(pos&r.cqMask)<<r.cqeShift))
}

// Extra gives the second half of a 32-byte completion: of any one in a ring made with SetupCqe32, of those
// with CqeF32 in a ring made with SetupCqeMixed. For any other it is nil.
func (r *Ring) Extra(c *CQE) *[2]uint64 {
	if r.flags&SetupCqe32 == 0 && (r.flags&SetupCqeMixed == 0 || c.Flags&CqeF32 == 0) {
		return nil
	}
	return (*[2]uint64)(unsafe.Add(unsafe.Pointer(c), 16))
}
