// Package pebblevfs lets Pebble (github.com/cockroachdb/pebble/v2) live on any file system of package vfs: on unio's engines
// by Runtime.FS, on package os by osfs, in memory with crashes by memfs, on whatever there is with failures by faultfs.
//
//	tree, err := rt.FS("/var/lib/app")
//	...
//	db, err := pebble.Open("db", &pebble.Options{FS: pebblevfs.New(tree)})
//
// # Names
//
// Pebble's names are cleaned to those of the vfs.FS, which are relative to its root: "/db/000004.log", "db/000004.log" and
// "./db//000004.log" are one file, "", "." and "/" are the root, and ".." does not lead above it. They are separated by
// slashes, on Windows by backslashes too, and what the adapter joins is joined by slashes. So an absolute path of the
// operating system is right where the FS begins at the root of its tree, and wrong elsewhere.
//
// # Powers
//
// What the file system can do more than vfs.FS says, Pebble gets: SyncData is vfs.Datasync, Preallocate vfs.Allocate,
// Prefetch vfs.Prefetch, GetDiskUsage vfs.Measure, Link and Lock their namesakes, Fd vfs.Descriptor, and a file that is
// opened with vfs.RandomReadsOption is opened so. Without Allocate and Prefetch nothing happens, which Pebble allows; without
// Link Pebble copies; without Lock it refuses to open; without Descriptor it allocates nothing ahead, and syncs what it
// flushes and compacts in full every 512 KiB (pebble.Options.BytesPerSync) instead of having it written in the background.
//
// # Durability
//
// Sync is the file's Sync, and so is that of a directory. SyncTo begins to write where Linux can (sync_file_range(2)), and
// says that it promises nothing; elsewhere it is a full SyncData, and says that. Create removes what had the name before,
// and the removal is no more durable than the new name: both are when the directory has been synced.
//
// Pebble itself relies on a file system that keeps the order in which names of a directory change, as those with a journal do
// (ext4, xfs, btrfs): a new MANIFEST and the marker that names it are made durable by one sync of the directory. The adapter
// changes nothing about that.
//
// Group commit is Pebble's own: what is committed while a sync of the log is under way shares the next. There is one writer of
// the log, so unio.File.Append would find nothing to gather.
//
// # Tasks
//
// Pebble waits in mutexes and channels of its own, so its methods are for goroutines; a task calls them inside of
// unio.Offload.
package pebblevfs
