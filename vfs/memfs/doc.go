// Package memfs is a [vfs.FS] in memory that can lose power, for tests of what a storage engine promises to survive.
//
// [FS.Crash] gives the FS that a machine would find after it has lost power at this moment, by a seed: what is not durable is
// there wholly, in part, out of order or not at all. The old FS lives on, so writers need not stop for it, and one run can be
// tried with many crashes.
//
// # The model
//
// It is the strict reading of POSIX, and what file systems have been seen to do:
//
//   - What a file holds is durable when Sync or Datasync has returned. Later writes reach the device in any order, sector by
//     sector (512 bytes): after a crash each sector is as it was at some moment since then.
//   - The size reaches the device by itself. A file may have its new size and zeros where bytes did not arrive, and bytes that
//     were cut off may come back, within a size that the file has had since.
//   - Names are durable when the directory has been synced, those of a rename between two directories when both have been.
//     Until then any of the changes may have happened, and others not: Sync of a file does nothing for its name. A rename
//     happens wholly or not at all, and each name has the history that it had.
//   - Of several changes of one name a later one has not happened without the earlier ones, and a directory is not gone while
//     there may be something in it. No rename loses what it moves or replaces.
//
// What a real system does beyond this, such as writing back after thirty seconds, is one of the outcomes. An FS keeps the
// changes that are not durable; where a part of a file is changed over and over without a Sync, or thousands of names, it forgets
// states between the durable one and the present one, or makes the oldest changes durable, so that its memory is bounded.
//
// # The system
//
// Names are those of the contract: letters differ by case, there are no symbolic links, and a name may have any length.
// Permissions and times are kept and do not matter: everything is permitted that the flags of OpenFile permit, and there is no
// umask.
package memfs
