//go:build linux

package uring

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bufReg is struct io_uring_buf_reg.
type bufReg struct {
	ringAddr    uint64
	ringEntries uint32
	bgid        uint16
	flags       uint16
	minLeft     uint32
	resv        [5]uint32
}

// bufStatus is struct io_uring_buf_status.
type bufStatus struct {
	bufGroup uint32
	head     uint32
	resv     [8]uint32
}

// bufEntry is struct io_uring_buf. In entry 0 resv is the ring's tail.
type bufEntry struct {
	addr uint64
	len  uint32
	bid  uint16
	resv uint16
}

var (
	_ [40]byte = [unsafe.Sizeof(bufReg{})]byte{}
	_ [40]byte = [unsafe.Sizeof(bufStatus{})]byte{}
	_ [16]byte = [unsafe.Sizeof(bufEntry{})]byte{}
	_ [12]byte = [unsafe.Offsetof(bufEntry{}.bid)]byte{}
)

// BufRing is a group of provided buffers (5.19): a ring through which the user gives buffers to the kernel,
// which takes them in that order for requests that select from the group. The memory of the ring itself
// belongs to the BufRing; the memory of the buffers is the caller's and must stay until the group is
// unregistered and every request that used it has ended.
//
// A BufRing belongs to the same goroutine as its Ring.
type BufRing struct {
	base    unsafe.Pointer
	size    uintptr
	ring    *Ring
	tail    uint16 // published
	next    uint16 // with what Add has filled
	mask    uint16
	entries uint32
	bid0    uint16 // the id in entry 0, which shares a word with the tail
	group   uint16
	flags   uint16
}

// BufEntriesMax is the largest group.
const BufEntriesMax = 32768

// NewBufRing makes and registers a group with room for entries buffers, a power of two up to BufEntriesMax.
// flags is 0 or PbufRingInc (6.12): the kernel then uses a buffer piece by piece. PbufRingMmap is refused:
// the memory is always the user's own.
func (r *Ring) NewBufRing(group uint16, entries uint32, flags uint16) (*BufRing, error) {
	if r.closed {
		return nil, ErrClosed
	}
	if entries == 0 || entries > BufEntriesMax || entries&(entries-1) != 0 {
		return nil, fmt.Errorf("io_uring: group of %d buffers, not a power of two up to %d: %w",
			entries, BufEntriesMax, ErrArgument)
	}
	if flags&^PbufRingInc != 0 {
		return nil, fmt.Errorf("io_uring: flags %#x of a buffer ring: %w", flags, ErrArgument)
	}
	size := uintptr(entries) * unsafe.Sizeof(bufEntry{})
	base, err := mmapAnon(size)
	if err != nil {
		return nil, err
	}
	b := &BufRing{
		base: base, size: size, ring: r, mask: uint16(entries - 1), entries: entries,
		group: group, flags: flags,
	}
	reg := &bufReg{ringAddr: uint64(uintptr(base)), ringEntries: entries, bgid: group, flags: flags}
	if err := r.register("PBUF_RING", RegisterPbufRing, unsafe.Pointer(reg), 1); err != nil {
		unix.MunmapPtr(base, size)
		return nil, err
	}
	return b, nil
}

// Group is the group's id, for SQE.SetBufferGroup.
func (b *BufRing) Group() uint16 { return b.group }

// Entries is the number of buffers that the ring can hold.
func (b *BufRing) Entries() uint32 { return b.entries }

// Incremental reports whether the group was made with PbufRingInc.
func (b *BufRing) Incremental() bool { return b.flags&PbufRingInc != 0 }

// Add writes one buffer into the next place. The kernel sees it after Advance. id comes back in the
// completions. The caller sees to it that no more than Entries buffers are in the ring. After Free it does
// nothing.
func (b *BufRing) Add(addr uintptr, n uint32, id uint16) {
	if b.base == nil {
		return
	}
	i := b.next & b.mask
	e := (*bufEntry)(unsafe.Add(b.base, uintptr(i)*unsafe.Sizeof(bufEntry{})))
	e.addr = uint64(addr)
	e.len = n
	if i == 0 {
		b.bid0 = id // written together with the tail: resv is the tail's place
	} else {
		e.bid = id
	}
	b.next++
}

// Advance gives the kernel everything that was added since the last time.
//
// Go has no 16-bit atomic store, so id and tail, which are neighbours at offset 12, are stored as one word.
// The kernel writes neither.
func (b *BufRing) Advance() {
	if b.base == nil || b.next == b.tail {
		return
	}
	b.tail = b.next
	word := (*uint32)(unsafe.Add(b.base, unsafe.Offsetof(bufEntry{}.bid)))
	if littleEndian {
		atomic.StoreUint32(word, uint32(b.bid0)|uint32(b.tail)<<16)
	} else {
		atomic.StoreUint32(word, uint32(b.bid0)<<16|uint32(b.tail))
	}
}

// Queued is the number of buffers added and not yet published.
func (b *BufRing) Queued() uint16 { return b.next - b.tail }

// Head asks the kernel how many buffers it has taken in all, modulo 2^16 (6.8).
func (b *BufRing) Head() (uint16, error) {
	if b.base == nil {
		return 0, ErrClosed
	}
	st := &bufStatus{bufGroup: uint32(b.group)}
	if err := b.ring.register("PBUF_STATUS", RegisterPbufStatus, unsafe.Pointer(st), 1); err != nil {
		return 0, err
	}
	return uint16(st.head), nil
}

// Available asks the kernel how many published buffers it has not taken yet (6.8).
func (b *BufRing) Available() (uint16, error) {
	head, err := b.Head()
	return b.tail - head, err
}

// Unregister takes the group away from the kernel. Requests that still select from it end with ENOBUFS. The
// ring's memory stays until Free.
func (b *BufRing) Unregister() error {
	if b.base == nil {
		return ErrClosed
	}
	reg := &bufReg{bgid: b.group}
	return b.ring.register("UNREGISTER PBUF_RING", UnregisterPbufRing, unsafe.Pointer(reg), 1)
}

// Free unmaps the ring's memory. Call it after Unregister, or after the Close of a Ring all of whose
// requests have ended. It may be called more than once.
func (b *BufRing) Free() error {
	if b.base == nil {
		return nil
	}
	base := b.base
	b.base = nil
	if err := unix.MunmapPtr(base, b.size); err != nil {
		return mapError(err)
	}
	return nil
}

// littleEndian is the machine's byte order.
var littleEndian = func() bool { x := uint16(1); return *(*byte)(unsafe.Pointer(&x)) == 1 }()
