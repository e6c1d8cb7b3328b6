// Package tree reaches files by names that cannot lead out of a directory, whatever symbolic links there are and whoever
// renames things meanwhile.
//
// On Linux the kernel sees to that (openat2(2), RESOLVE_BENEATH): it resolves a whole name in one call, and what has no such
// call, such as unlinkat(2), is called at the parent directory, which has been opened that way, with the last element alone.
// Where openat2 is missing or forbidden, and on other systems, os.Root does it, element by element.
//
// Names are those of io/fs and have been looked at (fs.ValidPath). Errors are causes, without an operation and a name around
// them; that of a name that leads out is fs.ErrPermission.
package tree
