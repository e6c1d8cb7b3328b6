//go:build linux && !unio_nouring

package uringengine

import (
	"syscall"
	"unsafe"

	"github.com/unio-go/unio/internal/sys"
)

// record is what a request names beside its data: the header and pieces of a sendmsg, or the address of a connect. It
// lies outside Go's heap and belongs to one request until its terminal completion.
type record struct {
	msg   syscall.Msghdr
	iov   [recordPieces]syscall.Iovec
	n     int
	bytes uint32
	addr  [addrBytesMax]byte
}

// addrBytesMax is the length of the longest socket address, struct sockaddr_un, rounded up to words.
const addrBytesMax = 112

// records are the message records of an engine.
type records struct {
	slabs [][]byte
	free  []*record
}

// get gives an empty record; an error is one of mapping memory.
func (r *records) get() (*record, error) {
	if len(r.free) == 0 {
		if err := r.grow(); err != nil {
			return nil, err
		}
	}
	rec := r.free[len(r.free)-1]
	r.free = r.free[:len(r.free)-1]
	rec.reset()
	return rec, nil
}

func (r *records) put(rec *record) { r.free = append(r.free, rec) }

func (r *records) grow() error {
	const size = int(unsafe.Sizeof(record{}))
	slab, err := syscall.Mmap(-1, 0, size*recordsPerSlab, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return err
	}
	r.slabs = append(r.slabs, slab)
	for i := range recordsPerSlab {
		r.free = append(r.free, (*record)(unsafe.Pointer(&slab[i*size])))
	}
	return nil
}

// drop unmaps everything. No request may be left.
func (r *records) drop() {
	for _, slab := range r.slabs {
		syscall.Munmap(slab)
	}
	*r = records{}
}

// reset empties the record.
func (r *record) reset() { r.n, r.bytes = 0, 0 }

// add appends a piece and reports whether there was room. A piece that follows the last one in memory extends it.
func (r *record) add(p []byte) bool {
	if uint64(r.bytes)+uint64(len(p)) > recordBytesMax && r.n > 0 {
		return false
	}
	base := unsafe.Pointer(unsafe.SliceData(p))
	if r.n > 0 {
		last := &r.iov[r.n-1]
		if uintptr(unsafe.Pointer(last.Base))+uintptr(last.Len) == uintptr(base) {
			last.SetLen(int(last.Len) + len(p))
			r.bytes += uint32(len(p))
			return true
		}
	}
	if r.n == recordPieces {
		return false
	}
	r.iov[r.n].Base = (*byte)(base)
	r.iov[r.n].SetLen(len(p))
	r.n++
	r.bytes += uint32(len(p))
	return true
}

// piece is the address and length of the first piece.
func (r *record) piece() (uintptr, uint32) {
	return uintptr(unsafe.Pointer(r.iov[0].Base)), uint32(r.iov[0].Len)
}

// pieces is the address of all pieces.
func (r *record) pieces() uintptr { return uintptr(unsafe.Pointer(&r.iov[0])) }

// header completes the message header and gives its address.
func (r *record) header() uintptr {
	r.msg = syscall.Msghdr{Iov: &r.iov[0]}
	setIovlen(&r.msg.Iovlen, r.n)
	return uintptr(unsafe.Pointer(&r.msg))
}

// setAddr copies a socket address and gives its address and length.
func (r *record) setAddr(a *sys.Sockaddr) (uintptr, uint32) {
	n := copy(r.addr[:], a.Bytes())
	return uintptr(unsafe.Pointer(&r.addr[0])), uint32(n)
}

// addrOf is the address of memory that does not move: the pool's, or what something in the heap refers to.
func addrOf(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }

// setIovlen exists because the field's type differs between 32 and 64 bits.
func setIovlen[T interface{ ~uint32 | ~uint64 }](field *T, n int) { *field = T(n) }
