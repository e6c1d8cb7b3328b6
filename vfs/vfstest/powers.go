package vfstest

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/vfs"
)

// link: a file can have several names, or that is refused.
func link(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	c.write("file", "content")
	if !hasLinker(c.fsys) {
		c.failsLink(vfs.Link(c.fsys, "file", "other"), errors.ErrUnsupported, "link", "file", "other")
		c.names(".", "dir", "file")
		return
	}
	c.ok(vfs.Link(c.fsys, "file", "dir/other"))
	f := c.open("dir/other", os.O_RDWR)
	c.wrote(f.WriteAt([]byte("CON"), 0))(3)
	c.ok(f.Close())
	c.holds("file", "CONtent")
	c.write("taken", "taken")
	c.failsLink(vfs.Link(c.fsys, "file", "taken"), fs.ErrExist, "link", "file", "taken")
	c.failsLink(vfs.Link(c.fsys, "file", "dir"), fs.ErrExist, "link", "file", "dir")
	c.failsLink(vfs.Link(c.fsys, "file", "file"), fs.ErrExist, "link", "file", "file")
	c.failsLink(vfs.Link(c.fsys, "no", "new"), fs.ErrNotExist, "link", "no", "new")
	c.failsLink(vfs.Link(c.fsys, "file", "no/new"), fs.ErrNotExist, "link", "file", "no/new")
	c.failsLink(vfs.Link(c.fsys, "file", "file/x"), fs.ErrInvalid, "link", "file", "file/x")
	c.failsLink(vfs.Link(c.fsys, "dir", "new"), fs.ErrPermission, "link", "dir", "new")
	c.ok(c.fsys.Rename("file", "dir/other")) // both are names of one file: nothing happens
	c.names(".", "dir", "file", "taken")
	c.names("dir", "other")
	c.ok(c.fsys.Remove("file"))
	c.holds("dir/other", "CONtent")
	c.holds("taken", "taken")
}

// lock: one has it, others are told, until it is given back.
func lock(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	if !hasLocker(c.fsys) {
		_, err := vfs.Lock(c.fsys, "lock")
		c.fails(err, errors.ErrUnsupported, "lock", "lock")
		c.names(".", "dir")
		return
	}
	first, err := vfs.Lock(c.fsys, "dir/lock")
	c.ok(err)
	_, err = vfs.Lock(c.fsys, "dir/lock")
	c.fails(err, vfs.ErrLocked, "lock", "dir/lock")
	c.ok(closeAfter(vfs.Lock(c.fsys, "other"))) // another file is another lock
	_, err = vfs.Lock(c.fsys, "dir/lock")
	c.fails(err, vfs.ErrLocked, "lock", "dir/lock")
	c.ok(first.Close())
	if err := first.Close(); !errors.Is(err, fs.ErrClosed) {
		c.Errorf("second Close of a lock: %v, want fs.ErrClosed", err)
	}
	c.ok(closeAfter(vfs.Lock(c.fsys, "dir/lock")))
	c.names("dir", "lock") // it stays

	c.write("full", "content")
	c.ok(closeAfter(vfs.Lock(c.fsys, "full")))
	c.holds("full", "content")
	c.fails(closeAfter(vfs.Lock(c.fsys, "dir")), fs.ErrInvalid, "lock", "dir")
	c.fails(closeAfter(vfs.Lock(c.fsys, "no/lock")), fs.ErrNotExist, "lock", "no/lock")
	c.lockAtOnce()
}

// lockAtOnce: of many who ask at once, one gets it.
func (c *check) lockAtOnce() {
	var got, told atomic.Int32
	var all, asked sync.WaitGroup
	asked.Add(8)
	for range 8 {
		all.Go(func() {
			l, err := vfs.Lock(c.fsys, "contended")
			asked.Done()
			asked.Wait() // nobody gives it back before all have asked
			switch {
			case err == nil:
				got.Add(1)
				if err := l.Close(); err != nil {
					c.Error(err)
				}
			case errors.Is(err, vfs.ErrLocked):
				told.Add(1)
			default:
				c.Errorf("Lock of a file that is locked: %v, want vfs.ErrLocked", err)
			}
		})
	}
	all.Wait()
	if got.Load() != 1 || told.Load() != 7 {
		c.Errorf("of 8 who asked for one lock at once %d got it, and %d were told that it is locked", got.Load(), told.Load())
	}
}

// allocate: room is reserved without changing size or content, or that is refused.
func allocate(c *check) {
	f := c.create("file", "content")
	if _, ok := f.(vfs.Allocator); !ok {
		c.fails(vfs.Allocate(f, 0, 100), errors.ErrUnsupported, "allocate", "file")
		c.ok(f.Close())
		return
	}
	for _, one := range [][2]int64{{-1, 1}, {0, -1}, {0, 0}, {5, 0}, {math.MinInt64, 1}, {0, math.MinInt64}, {2, math.MaxInt64 - 1}} {
		c.fails(vfs.Allocate(f, one[0], one[1]), fs.ErrInvalid, "allocate", "file")
	}
	for _, one := range [][2]int64{{0, 1}, {0, 1 << 16}, {3, 100}, {1 << 16, 1 << 16}} {
		if err := vfs.Allocate(f, one[0], one[1]); err != nil {
			c.fails(err, errors.ErrUnsupported, "allocate", "file") // the file system below cannot
		}
		c.content(f, "content")
	}
	c.wrote(f.WriteAt([]byte("!"), 10))(1)
	c.content(f, "content\x00\x00\x00!")
	c.ok(f.Close())
}

// prefetch: reading begins and changes nothing, or that is refused.
func prefetch(c *check) {
	f := c.create("file", "content")
	if _, ok := f.(vfs.Prefetcher); !ok {
		c.fails(vfs.Prefetch(f, 0, 100), errors.ErrUnsupported, "prefetch", "file")
		c.ok(f.Close())
		return
	}
	for _, one := range [][2]int64{{-1, 1}, {0, -1}, {math.MinInt64, 1}, {2, math.MaxInt64 - 1}} {
		c.fails(vfs.Prefetch(f, one[0], one[1]), fs.ErrInvalid, "prefetch", "file")
	}
	for _, one := range [][2]int64{{0, 7}, {0, 0}, {3, 100}, {1 << 30, 1 << 16}} {
		c.ok(vfs.Prefetch(f, one[0], one[1]))
	}
	c.content(f, "content")
	c.ok(f.Close())
}

// usage: sizes that can be, or that is refused.
func usage(c *check) {
	u, err := vfs.Measure(c.fsys)
	if _, ok := c.fsys.(vfs.Measurer); !ok {
		c.fails(err, errors.ErrUnsupported, "usage", ".")
		return
	}
	c.ok(err)
	if u.Total == 0 || u.Used > u.Total || u.Avail > u.Total {
		c.Errorf("of %d bytes %d are used and %d available", u.Total, u.Used, u.Avail)
	}
	if u.Avail > 0 && u.Avail < 4096 {
		c.Errorf("%d bytes are available: these are no bytes", u.Avail)
	}
}

// descriptor: each File has its own until it is closed, or none.
func descriptor(c *check) {
	f, other := c.create("file", "content"), c.open("file", os.O_RDONLY)
	if fd := vfs.Fd(f); fd != vfs.NoFd && fd == vfs.Fd(other) {
		c.Errorf("two Files that are open have the descriptor %d", fd)
	}
	c.content(f, "content")
	c.content(other, "content")
	for _, f := range []vfs.File{f, other} {
		c.ok(f.Close())
		if fd := vfs.Fd(f); fd != vfs.NoFd {
			c.Errorf("a File that is closed has the descriptor %d", fd)
		}
	}
}
