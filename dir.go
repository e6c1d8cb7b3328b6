package unio

import (
	"io/fs"
	"sync"
	"syscall"

	"github.com/unio-go/unio/internal/tree"
)

// listing is what a File has that is a directory.
type listing struct {
	mu    sync.Mutex
	list  *tree.List // nil: a file
	lstat func(entry string) (fs.FileInfo, error)
}

// ReadDir gives the next n entries of a directory, or all that are left, in the order of the directory, as fs.ReadDirFile says.
// An entry's Info asks for it when it is called, by the names of the directory and the entry. Calls beside each other take turns.
func (f *File) ReadDir(n int) (all []fs.DirEntry, err error) {
	err = f.control("readdir", func() error {
		if f.list == nil {
			return syscall.ENOTDIR
		}
		f.listing.mu.Lock()
		defer f.listing.mu.Unlock()
		found, err := f.list.Next(n)
		all = dirEntries(f.rt, found, f.lstat)
		return err
	})
	return all, err
}

// dirEntry is one of them.
type dirEntry struct {
	tree.Entry
	of *entriesOf
}

// entriesOf is what the entries of one reading share.
type entriesOf struct {
	rt    *Runtime
	lstat func(entry string) (fs.FileInfo, error)
}

func dirEntries(rt *Runtime, found []tree.Entry, lstat func(entry string) (fs.FileInfo, error)) []fs.DirEntry {
	of := &entriesOf{rt, lstat}
	entries := make([]dirEntry, len(found))
	all := make([]fs.DirEntry, len(found))
	for i, e := range found {
		entries[i] = dirEntry{e, of}
		all[i] = &entries[i]
	}
	return all
}

func (e *dirEntry) Name() string      { return e.Entry.Name }
func (e *dirEntry) IsDir() bool       { return e.Entry.Type.IsDir() }
func (e *dirEntry) Type() fs.FileMode { return e.Entry.Type }
func (e *dirEntry) String() string    { return fs.FormatDirEntry(e) }

// Info may wait for the device: a task parks.
func (e *dirEntry) Info() (info fs.FileInfo, err error) {
	err = e.of.rt.block(func() (err error) {
		info, err = e.of.lstat(e.Entry.Name)
		return err
	})
	return info, err
}
