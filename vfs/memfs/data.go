package memfs

import (
	"slices"
)

const (
	pageSize   = 4096
	sectorSize = 512
	sectors    = pageSize / sectorSize
)

// page is a part of a file. One that is shared does not change any more; nil is one of zeros.
type page [pageSize]byte

// data is what a file holds, as who reads it sees it, and what of it is not durable.
type data struct {
	pages map[int64]*slot // by number; those of zeros need not be there
	size  int64           // behind it all pages are zeros to who reads

	seq        uint64  // changes made
	dirty      []*slot // what Sync has to write
	synced     uint64  // seq when it did
	diskSize   int64   // the size that is durable
	sizeSynced uint64  // seq when it became so
	sizes      []sized // those since, in order
}

// sized is the size that a file has from a change on.
type sized struct {
	seq  uint64
	size int64
}

// slot is a page as it is and as it may be after a crash.
type slot struct {
	number int64
	now    *page
	own    bool  // now is not shared
	disk   *page // what is durable
	dirty  bool  // Sync has to write it
	failed bool  // but for its bytes, which a sync that failed has taken for written
	pieces []piece
	bytes  int // in pieces
}

// piece is a change of a page that is not durable: bytes at off, or zeros from there on.
type piece struct {
	seq  uint64
	off  int
	data []byte
	cut  bool
}

func newData() data { return data{pages: map[int64]*slot{}} }

// read copies what there is from off on.
func (d *data) read(p []byte, off int64) (n int) {
	if off >= d.size {
		return 0
	}
	p = p[:min(int64(len(p)), d.size-off)]
	for n < len(p) {
		at := int((off + int64(n)) % pageSize)
		part := p[n:min(len(p), n+pageSize-at)]
		if s := d.pages[(off+int64(n))/pageSize]; s != nil && s.now != nil {
			copy(part, s.now[at:])
		} else {
			clear(part)
		}
		n += len(part)
	}
	return n
}

// write writes p, which is not empty.
func (d *data) write(p []byte, off int64) {
	d.seq++
	if end := off + int64(len(p)); end > d.size {
		d.resize(end)
	}
	for len(p) > 0 {
		at := int(off % pageSize)
		s := d.slot(off / pageSize)
		n := copy(s.writable()[at:], p)
		d.note(s, piece{seq: d.seq, off: at, data: slices.Clone(p[:n])})
		p, off = p[n:], off+int64(n)
	}
}

// truncate sets the size.
func (d *data) truncate(size int64) {
	d.seq++
	for number, s := range d.pages {
		switch at := size - number*pageSize; {
		case at >= pageSize:
		case at > 0:
			clear(s.writable()[at:])
			d.note(s, piece{seq: d.seq, off: int(at), cut: true})
		default:
			s.now, s.own = nil, false
			d.note(s, piece{seq: d.seq, cut: true})
		}
	}
	if size != d.size {
		d.resize(size)
	}
}

// sizesMax is how many sizes are kept since the last Sync. Beyond, every second is forgotten.
const sizesMax = 128

func (d *data) resize(size int64) {
	d.size = size
	if len(d.sizes) == sizesMax {
		for i := range sizesMax / 2 {
			d.sizes[i] = d.sizes[2*i+1]
		}
		d.sizes = d.sizes[:sizesMax/2]
	}
	d.sizes = append(d.sizes, sized{d.seq, size})
}

func (d *data) slot(number int64) *slot {
	s := d.pages[number]
	if s == nil {
		s = &slot{number: number}
		d.pages[number] = s
	}
	return s
}

// writable gives the page for changing it.
func (s *slot) writable() *page {
	if !s.own {
		p := new(page)
		if s.now != nil {
			*p = *s.now
		}
		s.now, s.own = p, true
	}
	return s.now
}

// A page keeps so many pieces and bytes of them. Beyond, only what it is now is kept, beside what is durable.
const (
	piecesMax     = 64
	pieceBytesMax = 2 * pageSize
)

// note keeps a change that has been made of a page.
func (d *data) note(s *slot, p piece) {
	if !s.dirty {
		s.dirty = true
		d.dirty = append(d.dirty, s)
	}
	s.failed = false
	s.pieces = append(s.pieces, p)
	if s.bytes += len(p.data); len(s.pieces) <= piecesMax && s.bytes <= pieceBytesMax {
		return
	}
	all := piece{seq: p.seq, cut: true}
	if s.now != nil {
		all = piece{seq: p.seq, data: slices.Clone(s.now[:])}
	}
	s.pieces, s.bytes = append(s.pieces[:0:0], all), len(all.data)
}

// sync makes everything durable.
func (d *data) sync() {
	for _, s := range d.dirty {
		d.writeBack(s)
	}
	clear(d.dirty)
	d.dirty = d.dirty[:0]
	d.synced = d.seq
	d.syncSize()
}

// syncRange makes a part durable, in whole pages, and the size.
func (d *data) syncRange(off, n int64) {
	d.dirty = slices.DeleteFunc(d.dirty, func(s *slot) bool {
		if s.number*pageSize >= off+n || s.number < off/pageSize { // the end of the last page is no int64
			return false
		}
		d.writeBack(s)
		return true
	})
	d.syncSize()
}

// writeBack makes a page durable.
func (d *data) writeBack(s *slot) {
	if s.failed {
		s.writeCuts()
	} else {
		s.disk, s.own = s.now, false
		s.pieces, s.bytes = nil, 0
	}
	s.dirty, s.failed = false, false
	if s.now == nil && s.disk == nil && s.pieces == nil {
		delete(d.pages, s.number)
	}
}

// writeCuts makes durable what was cut off a page, and leaves what was written as it is.
func (s *slot) writeCuts() {
	end, written := pageSize, []piece(nil)
	s.bytes = 0
	for _, p := range slices.Backward(s.pieces) {
		switch {
		case p.cut:
			end = min(end, p.off)
		case p.off < end:
			p.data = p.data[:min(len(p.data), end-p.off)]
			written = append(written, p)
			s.bytes += len(p.data)
		}
	}
	slices.Reverse(written)
	s.pieces = written
	if s.disk != nil {
		disk := *s.disk
		clear(disk[end:])
		s.disk = &disk
	}
}

func (d *data) syncSize() { d.sizeSynced, d.diskSize, d.sizes = d.seq, d.size, nil }

// failSync leaves what was written as it is, and forgets that it has to be made durable. What was cut off is no matter of writing
// pages back, but of the size, which the next Sync writes.
func (d *data) failSync() {
	d.dirty = slices.DeleteFunc(d.dirty, func(s *slot) bool {
		s.failed = slices.ContainsFunc(s.pieces, func(p piece) bool { return p.cut })
		s.dirty = s.failed
		return !s.failed
	})
}
