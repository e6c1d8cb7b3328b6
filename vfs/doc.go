// Package vfs is the contract between storage engines and the file systems that they stand on: [FS] is a tree of files, [File]
// an open one. A storage engine that is written against it runs on package os ([osfs]), on unio's engines (Runtime.FS of package
// unio), in memory with crashes by seed ([memfs]), and over failures by rule or by seed ([faultfs]), and one kit ([vfstest])
// holds all of them to it.
//
// # Names
//
// Names are those of io/fs: separated by slashes, relative to the root of the FS, which is ".", and without "." and ".." in
// them (fs.ValidPath). Other names are refused with fs.ErrInvalid. No name leads out of an FS, whatever symbolic links there
// are.
//
// # Errors
//
// They are those of io/fs: an *fs.PathError that names the operation and the name as it was given, for Rename and Link an
// *os.LinkError, around a cause for errors.Is: fs.ErrNotExist, fs.ErrExist (also of removing a directory that is not empty),
// fs.ErrInvalid, fs.ErrClosed, fs.ErrPermission, and errors.ErrUnsupported where an FS or a File lacks a power or cannot honour
// an option. Nothing is ignored quietly.
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
