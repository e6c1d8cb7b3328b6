package randread

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"path/filepath"
)

// filesInSet is the number of files, that of the published comparison.
const filesInSet = 128

// Layout says where the data lie. The last blocks of each file are the resident part, in the cases that have one; what is
// read from the disk is read before them.
type Layout struct {
	Dir        string
	FileBlocks int64 // blocks in a file
	HotBlocks  int64 // of these, the last ones that are kept in the page cache
}

// File is the name of a file.
func (l *Layout) File(i int) string { return filepath.Join(l.Dir, fmt.Sprintf("data-%03d", i)) }

// Bytes is the size of all files.
func (l *Layout) Bytes() int64 { return filesInSet * l.FileBlocks * blockBytes }

// hot and cold are the numbers of blocks of both parts.
func (l *Layout) hot() int64  { return filesInSet * l.HotBlocks }
func (l *Layout) cold() int64 { return filesInSet * l.coldBlocks() }

// coldBlocks is how many blocks of a file come before its resident part.
func (l *Layout) coldBlocks() int64 { return l.FileBlocks - l.HotBlocks }

// blockMagic begins every block, so that a file of zeros is not taken for data.
const blockMagic = 0x756e696f2d72640a

// headerBytes is the length of what a block begins with: the magic number, its file and its place in it.
const headerBytes = 16

// putHeader marks a block.
func putHeader(p []byte, file int, block int64) {
	binary.LittleEndian.PutUint64(p, blockMagic)
	binary.LittleEndian.PutUint64(p[8:], uint64(file)<<32|uint64(block))
}

// checkHeader says whether p is the block that it should be.
func checkHeader(p []byte, file int, off int64) error {
	if len(p) == blockBytes && binary.LittleEndian.Uint64(p) == blockMagic &&
		binary.LittleEndian.Uint64(p[8:]) == uint64(file)<<32|uint64(off/blockBytes) {
		return nil
	}
	return fmt.Errorf("file %d at %d: %d bytes that begin with % x: that is not the block that was written there",
		file, off, len(p), p[:min(len(p), headerBytes)])
}

// picker chooses the blocks that one loop reads: a share of them at random in the resident part, the others in an order
// that looks random and meets each block of the rest once, over all loops, before it meets one again. So what was cold
// stays cold during a slice.
type picker struct {
	layout *Layout
	rng    uint64
	hot    uint64 // reads of 1<<16 that go to the resident part
	next   uint64 // of the order of the cold part
	step   uint64 // the number of loops
	mask   uint64 // the least power of two, less one, that the numbers of cold blocks fit under
	half   uint   // half of the mask's bits
	key    uint64
}

// newPicker is the picker of one of n loops.
func newPicker(l *Layout, hotPercent int, seed uint64, loop, n int) picker {
	p := picker{layout: l, rng: mix(seed + uint64(loop)*0x9e3779b97f4a7c15), hot: uint64(hotPercent<<16) / 100,
		next: uint64(loop), step: uint64(n), key: mix(seed ^ 0x6a09e667f3bcc909), mask: 1}
	for p.mask < uint64(l.cold())-1 {
		p.mask = p.mask<<1 | 1
	}
	p.half = uint(bits.Len64(p.mask)+1) / 2
	return p
}

// mix scrambles a number: the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// pick gives the next place to read.
func (p *picker) pick() (file int, off int64) {
	p.rng += 0x9e3779b97f4a7c15
	r := mix(p.rng)
	if r&(1<<16-1) < p.hot {
		i := r >> 16 % uint64(p.layout.hot())
		return int(i % filesInSet), (p.layout.coldBlocks() + int64(i/filesInSet)) * blockBytes
	}
	cold := uint64(p.layout.cold())
	pass, i := p.next/cold, p.next%cold
	p.next += p.step
	for i = p.permute(i, pass); i >= cold; {
		i = p.permute(i, pass)
	}
	return int(i % filesInSet), int64(i/filesInSet) * blockBytes
}

// permute maps the numbers up to the mask to each other, one to one: it multiplies by odd numbers and folds high bits
// into low ones, both of which can be undone.
func (p *picker) permute(x, pass uint64) uint64 {
	key := p.key + pass
	x = (x + key) & p.mask
	for range 2 {
		x = x * 0xbf58476d1ce4e5b9 & p.mask
		x ^= x >> p.half
		x = (x + key>>7) & p.mask
	}
	return x
}
