package vfs

import (
	"io"
	"io/fs"
)

// FS is a tree of files. It is an fs.FS too, so what reads trees (testing/fstest, html/template, fs.WalkDir) takes it as it is.
//
// Every call may block for as long as the device does. On unio's engines a task parks meanwhile, and its loop goes on.
type FS interface {
	// Open opens a file or a directory for reading; what it gives is a [File]. Open, Stat and ReadDir are those of io/fs.
	fs.StatFS
	// ReadDir gives what a directory holds, sorted by name.
	fs.ReadDirFS

	// OpenFile opens a file. flag is one of os.O_RDONLY, os.O_WRONLY and os.O_RDWR, with any of os.O_CREATE, os.O_EXCL, which
	// goes with os.O_CREATE, and os.O_TRUNC, which goes with writing; others are refused with fs.ErrInvalid. perm, less the
	// process's umask, is of a file that it creates, and has permission bits alone (fs.ModePerm).
	//
	// A directory opens with os.O_RDONLY alone. Its File is an fs.ReadDirFile that knows Stat, ReadDir, Sync, which makes
	// durable what was created, removed and renamed in it, and Close; other calls fail with fs.ErrInvalid.
	//
	// An option that cannot be honoured is refused with errors.ErrUnsupported, for a directory each. nil options are good.
	OpenFile(name string, flag int, perm fs.FileMode, o *Options) (File, error)

	// Mkdir makes one directory, with perm as OpenFile has it. It is an error if there is something of that name.
	Mkdir(name string, perm fs.FileMode) error

	// Remove removes a file or an empty directory. A file that is open stays readable and writable until it is closed.
	Remove(name string) error

	// Rename gives a file or a directory another name, in one step: whoever looks sees the old or the new. A file that had the
	// new name is replaced, and stays readable and writable where it is open; a directory is replaced by a directory alone, and
	// only if it is empty. If both are names of one file already, by [Link] or by being the same, nothing happens (rename(2)).
	Rename(oldname, newname string) error
}

// Options are how a file is opened, beyond the flags. nil is good.
type Options struct {
	// Direct bypasses the page cache. Offsets, lengths and memory are then multiples of what [Alignment] says.
	Direct bool

	// Random says that reads come in no order, so that nothing is read ahead.
	Random bool
}

// File is an open file. It ends with Close; calls afterwards fail with fs.ErrClosed, and a second Close does too.
type File interface {
	fs.File // Stat, Read, Close

	io.Writer
	io.Seeker

	// ReadAt reads as io.ReaderAt says: fewer than len(p) bytes come with an error, which is io.EOF at the end.
	io.ReaderAt

	// WriteAt writes as io.WriterAt says. Writing behind the end leaves zeros between. p is not changed. Neither ReadAt nor
	// WriteAt moves the position of Read, Write and Seek.
	io.WriterAt

	// Truncate makes the file size bytes long: it is cut, or extended by zeros. The position stays where it is.
	Truncate(size int64) error

	// Sync makes what was written durable, with the file's size. It does not make its name durable: that is the Sync of the
	// directory. After an error, what was written since the last Sync that succeeded may be lost although a later one
	// succeeds (fsync(2), NOTES): a storage engine stops there.
	Sync() error
}
