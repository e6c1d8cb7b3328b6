package memfs

import (
	"maps"
	"slices"
)

// Crash gives the FS that there is after power was lost at this moment. What is durable is in it; the seed decides about
// everything else, as the package says, and the same changes and the same seed give the same FS. Everything in it is durable.
//
// f and its files go on as if nothing had happened, and any goroutines may use them meanwhile. No lock is held in the new FS.
func (f *FS) Crash(seed uint64) *FS { return f.crash(newFate(seed)) }

// CrashInOrder is Crash on a file system that keeps the order of names, as those with a journal do (ext4, xfs, btrfs): what was
// created, removed, renamed and linked has happened up to one of the changes, and nothing behind it, so the Sync of a directory
// makes durable what was done before in others too. Files fare as with Crash. It is for programs that rely on that order where a
// Sync of each directory would be the strict way.
func (f *FS) CrashInOrder(seed uint64) *FS {
	c := newFate(seed)
	c.ordered = true
	return f.crash(c)
}

// Durable gives the FS after a crash in which everything was lost that could be.
func (f *FS) Durable() *FS { return f.crash(fate{all: true, mood: lost}) }

func (f *FS) crash(c fate) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &wreck{fate: c, fsys: New(), names: f.survivingNames(c), copies: map[*inode]*inode{}}
	w.fsys.root.perm, w.fsys.root.modified = f.root.perm, f.root.modified
	w.fill(w.fsys.root, f.root)
	return w.fsys
}

// survivingNames gives what is in the directories for which that is not what is durable.
func (f *FS) survivingNames(c fate) map[*inode]map[string]*inode {
	names := map[*inode]map[string]*inode{}
	happened := map[*op]bool{}
	if len(f.ops) == 0 {
		return names
	}
	ordered, all := c.ordered, c.all
	if c = c.of(0, f.ops[0].seq-1, f.done); ordered && !all {
		c.mood = inOrder
	}
	for _, o := range f.ops {
		lost := !c.happens(o.seq) && !(ordered && o.seq <= f.synced)
		if lost || slices.ContainsFunc(o.needs, func(n *op) bool { return !n.durable && !happened[n] }) {
			continue
		}
		happened[o] = true
		for _, ch := range o.changes {
			in := names[ch.dir]
			if in == nil {
				in = maps.Clone(ch.dir.dir.durable)
				names[ch.dir] = in
			}
			if ch.to == nil {
				delete(in, ch.name)
			} else {
				in[ch.name] = ch.to
			}
		}
	}
	return names
}

// wreck is the making of an FS after a crash.
type wreck struct {
	fate   fate
	fsys   *FS
	names  map[*inode]map[string]*inode
	copies map[*inode]*inode // of files, which may have several names
}

// fill puts into a new directory what has survived of an old one.
func (w *wreck) fill(to, from *inode) {
	names, ok := w.names[from]
	if !ok {
		names = from.dir.durable
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := w.copy(names[name])
		to.dir.names[name], to.dir.durable[name] = n, n
		if n.dir != nil {
			n.dir.parent = to
		}
	}
}

func (w *wreck) copy(n *inode) *inode {
	if c := w.copies[n]; c != nil {
		return c
	}
	var c *inode
	if n.dir != nil {
		c = w.fsys.newDir(n.perm)
		w.fill(c, n)
	} else {
		c = w.fsys.newFile(n.perm)
		c.data = n.data.crashed(w.fate.of(n.id, n.data.synced, n.data.seq))
	}
	c.modified = n.modified
	w.copies[n] = c
	return c
}

// crashed is what there is of a file.
func (d *data) crashed(c fate) data {
	r := newData()
	c.meta = max(c.meta, d.sizeSynced)
	size := d.diskSize
	for _, s := range d.sizes {
		if s.seq <= c.meta {
			size = s.size
		}
	}
	r.size, r.diskSize = size, size
	for number, s := range d.pages {
		left := size - number*pageSize
		if left <= 0 {
			continue
		}
		p := s.disk
		if len(s.pieces) > 0 {
			p = s.crashed(c)
		}
		if p == nil {
			continue
		}
		if left < pageSize {
			q := *p
			clear(q[left:])
			p = &q
		}
		r.pages[number] = &slot{number: number, now: p, disk: p}
	}
	return r
}

// crashed is what there is of a page.
func (s *slot) crashed(c fate) *page {
	var until [sectors]uint64 // the change up to which a sector has come
	for _, p := range s.pieces {
		for i := p.off / sectorSize; !p.cut && i*sectorSize < p.off+len(p.data); i++ {
			if c.arrives(p.seq, s.number, i) {
				until[i] = p.seq
			}
		}
	}
	r := new(page)
	if s.disk != nil {
		*r = *s.disk
	}
	for _, p := range s.pieces {
		end := p.off + len(p.data)
		if p.cut {
			end = pageSize
		}
		for from := p.off; from < end; {
			i := from / sectorSize
			to := min(end, (i+1)*sectorSize)
			switch {
			case p.cut && (p.seq <= until[i] || p.seq <= c.meta && !c.stale):
				clear(r[from:to])
			case !p.cut && p.seq <= until[i]:
				copy(r[from:to], p.data[from-p.off:])
			}
			from = to
		}
	}
	return r
}

// mood is how changes that are not durable fare.
type mood int

const (
	lost     mood = iota // all are lost
	kept                 // none is
	inOrder              // they have happened up to one, of which a part has arrived
	whole                // each has arrived or not
	byPage               // of each write each page has arrived or not
	bySector             // each sector
	moodCount
)

// fate decides what happens to the changes of one file, or of the directories, by hashing: the same change has the same fate
// whatever order it is asked for in.
type fate struct {
	seed uint64
	all  bool // of the mood, everywhere
	mood mood

	ordered bool // names are inOrder, unless all

	chance uint64 // of 8, that something arrives
	until  uint64 // inOrder: the change that has happened in part
	meta   uint64 // the change up to which the size has arrived
	stale  bool   // bytes that were cut off may come back though the size has arrived
}

func newFate(seed uint64) fate {
	c := fate{seed: seed}
	switch c.draw(16) {
	case 0:
		c.all, c.mood = true, lost
	case 1:
		c.all, c.mood = true, kept
	}
	return c
}

// of is the fate of the changes behind first and up to last, of the file with that number, or of the directories if it is zero.
func (c fate) of(id, first, last uint64) fate {
	if !c.all {
		c.seed = c.hash(id + 1)
		c.mood = mood(c.draw(1, uint64(moodCount)))
	}
	c.chance = []uint64{1, 4, 7}[c.draw(2, 3)]
	c.until = first + 1 + c.draw(3, last-first+1)
	c.stale = c.draw(4, 4) == 0
	switch c.mood {
	case lost:
		c.meta = first
	case kept:
		c.meta = last
	case inOrder:
		c.meta = c.until - c.draw(5, 2)
	default:
		c.meta = []uint64{first, last, first + c.draw(6, last-first+1)}[c.draw(7, 3)]
	}
	return c
}

// happens reports whether a change happens that is not divided.
func (c fate) happens(seq uint64) bool {
	switch c.mood {
	case lost:
		return false
	case kept:
		return true
	case inOrder:
		return seq < c.until
	}
	return c.draw(8, seq, 8) < c.chance
}

// arrives reports whether a sector of a page arrives as it is after a change.
func (c fate) arrives(seq uint64, page int64, sector int) bool {
	switch c.mood {
	case byPage:
		return c.draw(9, seq, uint64(page), 8) < c.chance
	case bySector:
		return c.draw(10, seq, uint64(page), uint64(sector), 8) < c.chance
	case inOrder:
		if seq == c.until {
			return c.draw(11, uint64(page), uint64(sector), 2) == 0
		}
	}
	return c.happens(seq)
}

// draw gives a number below the last of its arguments, by the seed and by the others.
func (c fate) draw(what ...uint64) uint64 {
	n := len(what) - 1
	return c.hash(what[:n]...) % what[n]
}

// hash mixes the seed and numbers (the finalizer of MurmurHash3, as SplitMix64 has it).
func (c fate) hash(what ...uint64) uint64 {
	h := c.seed
	for _, w := range what {
		h += w*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}
