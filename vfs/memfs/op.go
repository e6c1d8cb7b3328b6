package memfs

import "slices"

// opsMax is how many changes of directories are kept that are not durable. Beyond, the oldest half is made durable, as a kernel
// does that writes back by and by.
const opsMax = 1 << 14

// op is a change of one or two directories that happens wholly or not at all.
type op struct {
	seq     uint64
	changes []change
	rename  bool  // it moves, and must not lose, what it moves
	moves   bool  // a directory, into another one
	needs   []*op // what has happened if this has
	durable bool
}

// change sets or, with a nil to, removes a name in a directory.
type change struct {
	dir    *inode
	name   string
	to     *inode
	synced bool
}

// change does what o says. FS.mu is held.
func (f *FS) change(o *op) {
	f.done++
	o.seq = f.done
	f.relate(o)
	for _, c := range o.changes {
		d := c.dir.dir
		if c.to == nil {
			delete(d.names, c.name)
		} else {
			d.names[c.name] = c.to
		}
		d.last[c.name] = o
		c.dir.touch()
		if c.to != nil && c.to.dir != nil {
			c.to.dir.parent, c.to.dir.placed = c.dir, o
		}
	}
	if f.ops = append(f.ops, o); len(f.ops) > opsMax {
		for _, old := range f.ops[:opsMax/2] {
			f.settle(old)
		}
		f.forgetDurable()
	}
}

// relate finds out what o needs, before it is done.
func (f *FS) relate(o *op) {
	for _, c := range o.changes {
		o.need(c.dir.dir.last[c.name])
		// A directory that goes away has been emptied.
		if gone := c.dir.dir.names[c.name]; gone != nil && gone.dir != nil && !(o.rename && c.to == nil) {
			for _, earlier := range f.ops {
				if slices.ContainsFunc(earlier.changes, func(c change) bool { return c.dir == gone }) {
					o.need(earlier)
				}
			}
		}
	}
	if !o.rename || o.changes[0].dir == o.changes[1].dir {
		return
	}
	// What moves from one directory to another must not be lost with the other. Moves of directories keep their order, so that
	// no two of them, with a third left out, put two directories into each other.
	from, to := o.changes[0].dir, o.changes[1].dir
	o.moves = o.changes[1].to.dir != nil
	for _, earlier := range slices.Backward(f.ops) {
		if earlier.moves {
			o.need(earlier) // which needs those before it
			break
		}
	}
	above := map[*inode]bool{}
	for up := from; up != nil; up = up.dir.parent {
		above[up] = true
	}
	for up := to; !above[up]; up = up.dir.parent {
		o.need(up.dir.placed)
	}
}

// need notes that o has not happened without earlier, if that is not durable.
func (o *op) need(earlier *op) {
	if earlier != nil && !earlier.durable {
		o.needs = append(o.needs, earlier)
	}
}

// syncDir makes the changes of a directory durable: those of two when both have been synced.
func (f *FS) syncDir(n *inode) {
	for _, o := range f.ops {
		all := true
		for i := range o.changes {
			c := &o.changes[i]
			if c.dir == n {
				c.synced, f.synced = true, max(f.synced, o.seq)
			}
			all = all && c.synced
		}
		if all {
			f.settle(o)
		}
	}
	f.forgetDurable()
}

// settle makes a change durable, and what it needs before.
func (f *FS) settle(o *op) {
	if o.durable {
		return
	}
	o.durable = true
	f.synced = max(f.synced, o.seq)
	for _, earlier := range o.needs {
		f.settle(earlier)
	}
	o.needs = nil
	for _, c := range o.changes {
		d := c.dir.dir
		if c.to == nil {
			delete(d.durable, c.name)
		} else {
			d.durable[c.name] = c.to
		}
		if d.last[c.name] == o {
			delete(d.last, c.name)
		}
		if c.to != nil && c.to.dir != nil && c.to.dir.placed == o {
			c.to.dir.placed = nil
		}
	}
}

// forgetDurable takes the changes out that have become durable.
func (f *FS) forgetDurable() {
	f.ops = slices.DeleteFunc(f.ops, func(o *op) bool { return o.durable })
}
