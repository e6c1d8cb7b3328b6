// Package vfs is the contract between storage engines and the file systems that they stand on: [FS] is a tree of files, [File]
// an open one. A storage engine that is written against it runs on package os ([osfs]), on unio's engines (Runtime.FS of package
// unio), in memory with crashes by seed ([memfs]), and over failures by rule or by seed ([faultfs]), and one kit ([vfstest])
// holds all of them to it.
//
// # Names
//
// Names are those of io/fs: separated by slashes, relative to the root of the FS, which is ".", and without "." and ".." in
// them (fs.ValidPath). They have no zero byte. Other names are refused with fs.ErrInvalid, and so is the root where it would be
// removed, renamed or linked. No name leads out of an FS: where there are symbolic links, one that does is refused with fs.ErrPermission.
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
// [Descriptor], [Linker], [Locker], [Measurer], [Unwrapper]). The functions of the same name ask for it, and either do without ([Datasync]
// falls back on Sync, because that is stronger) or say errors.ErrUnsupported.
//
// # Durability
//
// The end of a process loses nothing. A crash of the system, or a loss of power, leaves of a call that has returned what this
// table says: what POSIX and the manual pages promise of Linux, on which [osfs] and Runtime.FS stand, and what [memfs] does by seed.
// More may survive at any time. [faultfs] is as durable as what it stands on, and a call that it fails has not been made.
//
//	call               osfs, Runtime.FS on Linux                         memfs
//	Write, WriteAt     nothing before Sync (write(2), NOTES)             each sector of 512 bytes old or new, in any order
//	Write at the end   nothing before Sync                               size old or new, zeros where bytes did not arrive
//	Truncate           nothing before Sync                               size old or new
//	O_TRUNC            nothing before Sync                               as Truncate: old bytes may come back
//	Datasync           bytes and size, without times (fdatasync(2))      bytes and size
//	Sync               bytes, size and times, not the name (fsync(2))    bytes and size, not the name
//	Sync that failed   bytes may be lost, a later Sync regardless        as faultfs asks for it: old or new, a later Sync regardless
//	Close              nothing (close(2), NOTES)                         nothing
//	O_CREATE           the name with the directory's Sync (fsync(2))     the name is there or not, before it
//	Link               the name with the directory's Sync                the name is there or not, before it
//	Mkdir              the name with the parent's Sync                   there or not, with all that is in it, before it
//	Remove             with the directory's Sync                         the name may come back, before it
//	Rename             with the Sync of both directories (rename(2))     wholly or not at all, before it; the new name never missing
//	directory's Sync   its entries, neither its own name nor any bytes   the same
//	Lock               ends; its file as by O_CREATE                     the same
//	Allocate           nothing before Sync                               refused
//	WriteFileAtomic    the new content; a crash within: old or new       the same
//
// What nobody has synced comes in any order: a later change may be there and an earlier one not.
//
// # Concurrency
//
// An FS may be used by any number of goroutines. So may a File, but for Read, Write and Seek, which share one position.
package vfs
