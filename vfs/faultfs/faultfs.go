package faultfs

import (
	"io"
	"io/fs"
	"os"

	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// New is an FS over another one in which the calls fail that the plan says. It has the powers of the one below, and no others,
// and so have its files, but for the descriptor (vfs.Descriptor), by which the plan could be got round. It needs no end of its
// own.
func New(below vfs.FS, p *Plan) vfs.FS {
	f := &faulty{below: below, plan: p}
	links, linker := below.(vfs.Linker)
	locks, locker := below.(vfs.Locker)
	sizes, measurer := below.(vfs.Measurer)
	link, lock, measure := linking{f, links}, locking{f, locks}, measuring{f, sizes}
	switch [3]bool{linker, locker, measurer} {
	case [3]bool{true, true, true}:
		return struct {
			*faulty
			linking
			locking
			measuring
		}{f, link, lock, measure}
	case [3]bool{true, true, false}:
		return struct {
			*faulty
			linking
			locking
		}{f, link, lock}
	case [3]bool{true, false, true}:
		return struct {
			*faulty
			linking
			measuring
		}{f, link, measure}
	case [3]bool{false, true, true}:
		return struct {
			*faulty
			locking
			measuring
		}{f, lock, measure}
	case [3]bool{true, false, false}:
		return struct {
			*faulty
			linking
		}{f, link}
	case [3]bool{false, true, false}:
		return struct {
			*faulty
			locking
		}{f, lock}
	case [3]bool{false, false, true}:
		return struct {
			*faulty
			measuring
		}{f, measure}
	}
	return f
}

// faulty is an FS without powers.
type faulty struct {
	below vfs.FS
	plan  *Plan
}

// Unwrap is the FS below.
func (f *faulty) Unwrap() vfs.FS { return f.below }

// call does what takes one name.
func (f *faulty) call(op, name string, do func() error) error {
	err, injected := f.plan.call(do, op, name)
	if injected {
		return vfscheck.Error(op, name, err)
	}
	return err
}

// callLink does what takes two.
func (f *faulty) callLink(op, oldname, newname string, do func() error) error {
	err, injected := f.plan.call(do, op, oldname, newname)
	if injected {
		return vfscheck.LinkError(op, oldname, newname, err)
	}
	return err
}

func (f *faulty) Open(name string) (fs.File, error) { return f.OpenFile(name, os.O_RDONLY, 0, nil) }

func (f *faulty) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	var opened vfs.File
	err := f.call("open", name, func() (err error) {
		opened, err = f.below.OpenFile(name, flag, perm, o)
		return err
	})
	if err != nil {
		if opened != nil {
			opened.Close() // it failed after it was done
		}
		return nil, err
	}
	return dress(&file{below: opened, faulty: f, name: name}), nil
}

func (f *faulty) Stat(name string) (info fs.FileInfo, err error) {
	err = f.call("stat", name, func() (err error) {
		info, err = f.below.Stat(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

func (f *faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	return f.list(name, func() ([]fs.DirEntry, error) { return f.below.ReadDir(name) })
}

// list does what gives entries, which may come with an error. A call that failed after it was done gives none.
func (f *faulty) list(name string, do func() ([]fs.DirEntry, error)) (entries []fs.DirEntry, err error) {
	err, injected := f.plan.call(func() (err error) {
		entries, err = do()
		return err
	}, "readdir", name)
	if injected {
		return nil, vfscheck.Error("readdir", name, err)
	}
	return entries, err
}

func (f *faulty) Mkdir(name string, perm fs.FileMode) error {
	return f.call("mkdir", name, func() error { return f.below.Mkdir(name, perm) })
}

func (f *faulty) Remove(name string) error {
	return f.call("remove", name, func() error { return f.below.Remove(name) })
}

func (f *faulty) Rename(oldname, newname string) error {
	return f.callLink("rename", oldname, newname, func() error { return f.below.Rename(oldname, newname) })
}

// linking is the power of an FS to link.
type linking struct {
	f     *faulty
	below vfs.Linker
}

func (l linking) Link(oldname, newname string) error {
	return l.f.callLink("link", oldname, newname, func() error { return l.below.Link(oldname, newname) })
}

// locking is the power of an FS to lock.
type locking struct {
	f     *faulty
	below vfs.Locker
}

func (l locking) Lock(name string) (io.Closer, error) {
	var lock io.Closer
	err := l.f.call("lock", name, func() (err error) {
		lock, err = l.below.Lock(name)
		return err
	})
	if err != nil {
		if lock != nil {
			lock.Close() // it failed after it was done
		}
		return nil, err
	}
	return lock, nil
}

// measuring is the power of an FS to tell its size.
type measuring struct {
	f     *faulty
	below vfs.Measurer
}

func (m measuring) Usage() (u vfs.Usage, err error) {
	err = m.f.call("usage", ".", func() (err error) {
		u, err = m.below.Usage()
		return err
	})
	return u, err
}
