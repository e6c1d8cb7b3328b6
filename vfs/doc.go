// Package vfs is the contract between storage engines and the file systems that they stand on: [FS] is a tree of files, [File]
// an open one. A storage engine that is written against it runs on package os ([osfs]), on unio's engines (Runtime.FS of package
// unio), in memory with crashes by seed ([memfs]), and over failures by rule or by seed ([faultfs]), and one kit ([vfstest])
// holds all of them to it.
//
// # Names
//
// Names are those of io/fs: separated by slashes, relative to the root of the FS, which is ".", and without "." and ".." in
// them (fs.ValidPath). Other names are refused with fs.ErrInvalid, and so is the root where it would be removed, renamed or
// linked. No name leads out of an FS: where there are symbolic links, one that does is refused with fs.ErrPermission.
//
// # Errors
//
// They are those of io/fs: an *fs.PathError that names the operation and the name as it was given, for Rename and Link an
// *os.LinkError. The operations are open, stat, readdir, mkdir, remove, rename, link, lock and usage of an FS, and of a File
// read (ReadAt too), write (WriteAt too), seek, truncate, sync (Datasync too), stat, readdir, allocate, prefetch and close. The
// cause is for errors.Is:
//
//   - fs.ErrNotExist: a file, or a directory on the way to it, is not there.
//   - fs.ErrExist: there is something already, also in a directory that is to be removed or replaced.
//   - fs.ErrInvalid: a name, flag, mode, offset, length or size that cannot be; a file where there must be a directory, or the
//     other way round; a directory that would come to lie in itself.
//   - fs.ErrPermission: the system forbids it; a File that was not opened for it is read or written.
//   - fs.ErrClosed: the File, or the FS, is closed.
//   - [ErrLocked]: somebody has the lock.
//   - errors.ErrUnsupported: an FS or a File lacks a power or cannot honour an option. Nothing is ignored quietly.
//
// io.EOF comes alone, without bytes from Read.
//
// # Powers
//
// What not every implementation can do is an interface of its own ([Datasyncer], [Allocator], [Prefetcher], [Aligner],
// [Linker], [Locker], [Measurer], [Unwrapper]). The functions of the same name ask for it, and either do without ([Datasync]
// falls back on Sync, because that is stronger) or say errors.ErrUnsupported.
//
// # Concurrency
//
// An FS may be used by any number of goroutines. So may a File, but for Read, Write and Seek, which share one position.
package vfs
