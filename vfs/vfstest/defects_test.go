package vfstest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/unio-go/unio/vfs"
)

// defect is something that an implementation could get wrong, and the case that finds it.
type defect struct {
	found string
	name  string
	plant func(b *brokenFS)
}

var defects = slices.Concat(nameDefects, openDefects, fileDefects, closeDefects, directoryDefects, treeDefects, powerDefects,
	concurrencyDefects)

var nameDefects = []defect{
	{"Names/Refused", "names are cleaned", func(b *brokenFS) {
		b.stat = func(name string) (fs.FileInfo, error) { return b.FS.Stat(path.Clean(name)) }
	}},
	{"Names/Refused", "the empty name is the root", func(b *brokenFS) {
		b.readDir = func(name string) ([]fs.DirEntry, error) {
			if name == "" {
				name = "."
			}
			return b.FS.ReadDir(name)
		}
	}},
	{"Names/Refused", "a slash at the end is cut off", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error { return b.FS.Rename(oldname, strings.TrimSuffix(newname, "/")) }
	}},
	{"Names/Refused", "a zero byte ends a name", func(b *brokenFS) {
		b.stat = func(name string) (fs.FileInfo, error) {
			name, _, _ = strings.Cut(name, "\x00")
			return b.FS.Stat(name)
		}
	}},
	{"Names/Refused", "a name that is no UTF-8 is only missing", func(b *brokenFS) {
		b.stat = func(name string) (fs.FileInfo, error) {
			if !utf8.ValidString(name) {
				return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
			}
			return b.FS.Stat(name)
		}
	}},
	{"Names/Root", "the root seems to be removed", func(b *brokenFS) {
		b.remove = func(name string) error {
			if name == "." {
				return nil
			}
			return b.FS.Remove(name)
		}
	}},
	{"Names/Unusual", "names that begin with a dot are refused", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			if name != "." && name[0] == '.' {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
			}
			return b.FS.OpenFile(name, flag, perm, o)
		}
	}},
	{"Names/SymlinksOut", "symbolic links lead out", func(b *brokenFS) {
		b.stat = func(name string) (fs.FileInfo, error) { return os.Stat(filepath.Join(b.Dir(), name)) }
	}},
	{"Names/SymlinksOut", "a file is created outside", func(b *brokenFS) {
		b.mkdir = func(name string, perm fs.FileMode) error {
			os.WriteFile(filepath.Join(b.Dir(), name), nil, 0o666)
			return b.FS.Mkdir(name, perm)
		}
	}},
	{"Names/SymlinksWithin", "links are not followed", func(b *brokenFS) {
		b.stat = func(name string) (fs.FileInfo, error) { return os.Lstat(filepath.Join(b.Dir(), name)) }
	}},
}

// withFlag has files opened with other flags.
func withFlag(change func(flag int) int) func(b *brokenFS) {
	return func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			if info, err := b.FS.Stat(name); err == nil && info.IsDir() {
				return b.FS.OpenFile(name, flag, perm, o)
			}
			return b.FS.OpenFile(name, change(flag), perm, o)
		}
	}
}

var openDefects = []defect{
	{"Open/Flags", "O_EXCL is ignored", withFlag(func(flag int) int { return flag &^ os.O_EXCL })},
	{"Open/Flags", "O_TRUNC is ignored", withFlag(func(flag int) int { return flag &^ os.O_TRUNC })},
	{"Open/Flags", "writing truncates", withFlag(func(flag int) int {
		if flag&3 == os.O_WRONLY {
			flag |= os.O_TRUNC
		}
		return flag
	})},
	{"Open/Flags", "what is missing is created", withFlag(func(flag int) int {
		if flag&3 == os.O_RDWR {
			flag |= os.O_CREATE
		}
		return flag
	})},
	{"Open/FlagsRefused", "O_APPEND is dropped", withFlag(func(flag int) int { return flag &^ os.O_APPEND })},
	{"Open/FlagsRefused", "a refused file is created", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			if flag&os.O_CREATE != 0 {
				os.WriteFile(filepath.Join(b.Dir(), name), nil, 0o666)
			}
			return b.FS.OpenFile(name, flag, perm, o)
		}
	}},
	{"Open/Access", "files are writable whatever was said", withFlag(func(flag int) int {
		if flag&3 == os.O_RDONLY {
			flag |= os.O_RDWR
		}
		return flag
	})},
	{"Open/Access", "files are readable whatever was said", withFlag(func(flag int) int {
		if flag&3 == os.O_WRONLY {
			flag += os.O_RDWR - os.O_WRONLY
		}
		return flag
	})},
	{"Open/Access", "what can only be written has to be written in order", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			b.file = func(f *brokenFile) {
				if flag&3 == os.O_WRONLY {
					f.writeAt = func([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }
				}
			}
			return b.FS.OpenFile(name, flag, perm, o)
		}
	}},
	{"Open/Access", "Open gives no vfs.File", func(b *brokenFS) {
		b.open = func(name string) (fs.File, error) {
			f, err := b.FS.Open(name)
			return struct{ fs.File }{f}, err
		}
	}},
	{"Open/Truncated", "another file takes its place", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			if flag&os.O_TRUNC != 0 {
				b.FS.Remove(name)
				flag |= os.O_CREATE
			}
			return b.FS.OpenFile(name, flag, perm, o)
		}
	}},
	{"Open/Perm", "a file that is there gets others", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			f, err := b.FS.OpenFile(name, flag, perm, o)
			if flag&os.O_CREATE != 0 {
				os.Chmod(filepath.Join(b.Dir(), name), perm)
			}
			return f, err
		}
	}},
	{"Open/Perm", "permissions are dropped", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			return b.FS.OpenFile(name, flag, perm|0o444, o)
		}
	}},
	{"Open/Perm", "mode bits are cut off", func(b *brokenFS) {
		b.mkdir = func(name string, perm fs.FileMode) error { return b.FS.Mkdir(name, perm.Perm()) }
	}},
	{"Open/Missing", "errors have the whole path", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			f, err := b.FS.OpenFile(name, flag, perm, o)
			if e, ok := err.(*fs.PathError); ok {
				e.Path = filepath.Join(b.Dir(), e.Path)
			}
			return f, err
		}
	}},
	{"Open/Options", "options of a directory are ignored", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			return b.FS.OpenFile(name, flag, perm, nil)
		}
	}},
	{"Open/Options", "an option takes the content", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			if o != nil && o.Random {
				flag |= os.O_TRUNC
			}
			return b.FS.OpenFile(name, flag, perm, o)
		}
	}},
	{"Open/Direct", "the alignment is no power of two", func(b *brokenFS) {
		b.file = func(f *brokenFile) { f.alignment = func() int { return 3 } }
	}},
	{"Open/Direct", "the end is an error", func(b *brokenFS) {
		b.file = func(f *brokenFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				n, err := f.File.ReadAt(p, off)
				if err == io.EOF && n > 0 {
					err = &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrInvalid}
				}
				return n, err
			}
		}
	}},
}

// onFile breaks each file that is opened.
func onFile(plant func(f *brokenFile)) func(b *brokenFS) {
	return func(b *brokenFS) { b.file = plant }
}

var fileDefects = []defect{
	{"File/ReadWriteSeek", "the end is no error", onFile(func(f *brokenFile) {
		f.read = func(p []byte) (int, error) {
			n, err := f.File.Read(p)
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
	})},
	{"File/ReadWriteSeek", "writes append", onFile(func(f *brokenFile) {
		f.write = func(p []byte) (int, error) {
			f.File.Seek(0, io.SeekEnd)
			return f.File.Write(p)
		}
	})},
	{"File/ReadWriteSeek", "SeekCurrent is SeekStart", onFile(func(f *brokenFile) {
		f.seek = func(off int64, whence int) (int64, error) { return f.File.Seek(off, whence&2) }
	})},
	{"File/ReadWriteSeek", "a write of no bytes extends", onFile(func(f *brokenFile) {
		f.write = func(p []byte) (int, error) {
			if at, _ := f.File.Seek(0, io.SeekCurrent); len(p) == 0 && at > 13 {
				f.File.Truncate(at)
			}
			return f.File.Write(p)
		}
	})},
	{"File/SeekRefused", "a refused Seek rewinds", onFile(func(f *brokenFile) {
		f.seek = func(off int64, whence int) (int64, error) {
			n, err := f.File.Seek(off, whence)
			if err != nil {
				f.File.Seek(0, io.SeekStart)
			}
			return n, err
		}
	})},
	{"File/SeekRefused", "a position that is too large is the end", onFile(func(f *brokenFile) {
		f.seek = func(off int64, whence int) (int64, error) {
			if off == math.MaxInt64 {
				return f.File.Seek(0, io.SeekEnd)
			}
			return f.File.Seek(off, whence)
		}
	})},
	{"File/ReadAt", "short reads are no error", onFile(func(f *brokenFile) {
		f.readAt = func(p []byte, off int64) (int, error) {
			n, err := f.File.ReadAt(p, off)
			if n > 0 {
				err = nil
			}
			return n, err
		}
	})},
	{"File/ReadAt", "the position moves", onFile(func(f *brokenFile) {
		f.readAt = func(p []byte, off int64) (int, error) {
			if off >= 0 {
				f.File.Seek(off, io.SeekStart)
			}
			return f.File.ReadAt(p, off)
		}
	})},
	{"File/ReadAt", "negative offsets are the beginning", onFile(func(f *brokenFile) {
		f.readAt = func(p []byte, off int64) (int, error) { return f.File.ReadAt(p, max(off, 0)) }
	})},
	{"File/WriteAt", "the position moves", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			n, err := f.File.WriteAt(p, off)
			f.File.Seek(int64(n), io.SeekCurrent)
			return n, err
		}
	})},
	{"File/WriteAt", "p is changed", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			defer slices.Reverse(p)
			return f.File.WriteAt(p, off)
		}
	})},
	{"File/WriteAt", "writes are seen after Sync", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			f.sync = func() error { f.File.WriteAt(p, off); return f.File.Sync() }
			return len(p), nil
		}
	})},
	{"File/WriteAt", "a write of no bytes extends", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			if len(p) == 0 && off == 100 {
				f.File.Truncate(off)
			}
			return f.File.WriteAt(p, off)
		}
	})},
	{"File/Holes", "holes are no zeros", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			if info, _ := f.File.Stat(); info.Size() < off {
				f.File.WriteAt([]byte("?"), off-1)
			}
			return f.File.WriteAt(p, off)
		}
	})},
	{"File/PositionsApart", "reads begin where another handle is", func(b *brokenFS) {
		var position int64
		b.file = func(f *brokenFile) {
			f.read = func(p []byte) (int, error) {
				n, err := f.File.ReadAt(p, position)
				position += int64(n)
				if n > 0 {
					err = nil
				}
				return n, err
			}
		}
	}},
	{"File/Large", "large writes are cut", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) { return f.File.WriteAt(p[:min(len(p), 1<<20)], off) }
	})},
	{"File/Large", "large reads lose a byte", onFile(func(f *brokenFile) {
		f.readAt = func(p []byte, off int64) (int, error) {
			n, err := f.File.ReadAt(p, off)
			if n > 1<<21 {
				p[1<<21]++
			}
			return n, err
		}
	})},
	{"File/Truncate", "files do not grow", onFile(func(f *brokenFile) {
		f.truncate = func(size int64) error {
			info, _ := f.File.Stat()
			return f.File.Truncate(min(size, info.Size()))
		}
	})},
	{"File/Truncate", "the position goes to the end", onFile(func(f *brokenFile) {
		f.truncate = func(size int64) error {
			defer f.File.Seek(0, io.SeekEnd)
			return f.File.Truncate(size)
		}
	})},
	{"File/Truncate", "what was cut comes back", onFile(func(f *brokenFile) {
		var cut []byte
		f.truncate = func(size int64) error {
			info, _ := f.File.Stat()
			at := info.Size()
			if size >= 0 && size < at {
				cut = make([]byte, at-size)
				f.File.ReadAt(cut, size)
			}
			err := f.File.Truncate(size)
			if size > at {
				f.File.WriteAt(cut[:min(int64(len(cut)), size-at)], at)
			}
			return err
		}
	})},
	{"File/Sync", "what is read cannot be synced", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			if b.file = nil; flag == os.O_RDONLY {
				b.file = func(f *brokenFile) { f.sync = func() error { return fs.ErrPermission } }
			}
			return b.FS.OpenFile(name, flag, perm, o)
		}
	}},
	{"File/Sync", "directories cannot be synced", func(b *brokenFS) {
		b.dir = func(d *brokenDir) { d.sync = func() error { return errors.ErrUnsupported } }
	}},
	{"File/Stat", "the size is of when the file was opened", onFile(func(f *brokenFile) {
		info, err := f.File.Stat()
		f.stat = func() (fs.FileInfo, error) { return info, err }
	})},
	{"File/Stat", "the name is the whole", onFile(func(f *brokenFile) {
		f.stat = func() (fs.FileInfo, error) {
			info, err := f.File.Stat()
			return named{info, f.name}, err
		}
	})},
	{"File/Model", "a byte at a boundary is lost", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			if at := 4096 - off; at > 0 && at < int64(len(p)) {
				p = bytes.Clone(p)
				p[at] = 0
			}
			return f.File.WriteAt(p, off)
		}
	})},
}

// named is a description under another name.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }

var closeDefects = []defect{
	{"File/Closed", "a second Close succeeds", onFile(func(f *brokenFile) { f.close = func() error { f.File.Close(); return nil } })},
	{"File/Closed", "ReadAt of no bytes succeeds", onFile(func(f *brokenFile) {
		f.readAt = func(p []byte, off int64) (int, error) {
			if len(p) == 0 {
				return 0, nil
			}
			return f.File.ReadAt(p, off)
		}
	})},
	{"File/Closed", "Read of no bytes succeeds", onFile(func(f *brokenFile) {
		f.read = func(p []byte) (int, error) {
			if len(p) == 0 {
				return 0, nil
			}
			return f.File.Read(p)
		}
	})},
	{"File/Closed", "a negative offset is told first", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			if off < 0 {
				return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrInvalid}
			}
			return f.File.WriteAt(p, off)
		}
	})},
	{"File/Closed", "Datasync succeeds", onFile(func(f *brokenFile) { f.datasync = func() error { f.File.Sync(); return nil } })},
	{"File/Closed", "the error is another", onFile(func(f *brokenFile) {
		f.truncate = func(size int64) error {
			if f.File.Truncate(size) != nil {
				return &fs.PathError{Op: "truncate", Path: f.name, Err: fs.ErrInvalid}
			}
			return nil
		}
	})},
	{"File/ClosedWhileRead", "a closed file has ended", onFile(func(f *brokenFile) {
		f.readAt = func(p []byte, off int64) (int, error) {
			n, err := f.File.ReadAt(p, off)
			if errors.Is(err, fs.ErrClosed) {
				err = io.EOF
			}
			return n, err
		}
	})},
	{"Directory/Closed", "a closed directory has ended", func(b *brokenFS) {
		b.dir = func(d *brokenDir) {
			d.readDir = func(n int) ([]fs.DirEntry, error) {
				entries, err := d.File.(fs.ReadDirFile).ReadDir(n)
				if err != nil {
					err = io.EOF
				}
				return entries, err
			}
		}
	}},
	{"Directory/Closed", "that it is a directory is told first", func(b *brokenFS) {
		b.dir = func(d *brokenDir) {
			d.seek = func(int64, int) (int64, error) {
				return 0, &fs.PathError{Op: "seek", Path: "dir", Err: fs.ErrInvalid}
			}
		}
	}},
	{"Tree/Stat", "a descriptor is left open", func(b *brokenFS) {
		b.stat = func(name string) (fs.FileInfo, error) {
			b.FS.Open(name)
			return b.FS.Stat(name)
		}
	}},
}

var directoryDefects = []defect{
	{"Directory/NotAFile", "directories have a position", func(b *brokenFS) {
		b.dir = func(d *brokenDir) { d.seek = func(int64, int) (int64, error) { return 0, nil } }
	}},
	{"Directory/Mkdir", "parents are made", func(b *brokenFS) {
		b.mkdir = func(name string, perm fs.FileMode) error {
			b.FS.Mkdir(path.Dir(name), perm)
			return b.FS.Mkdir(name, perm)
		}
	}},
	{"Directory/Mkdir", "what exists is good", func(b *brokenFS) {
		b.mkdir = func(name string, perm fs.FileMode) error {
			if err := b.FS.Mkdir(name, perm); !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		}
	}},
	{"Directory/ReadDir", "entries are not sorted", func(b *brokenFS) {
		b.readDir = func(name string) ([]fs.DirEntry, error) {
			entries, err := b.FS.ReadDir(name)
			slices.Reverse(entries)
			return entries, err
		}
	}},
	{"Directory/ReadDir", "large directories end early", func(b *brokenFS) {
		b.readDir = func(name string) ([]fs.DirEntry, error) {
			entries, err := b.FS.ReadDir(name)
			return entries[:min(len(entries), 256)], err
		}
	}},
	{"Directory/ReadDirInParts", "an entry is lost between parts", func(b *brokenFS) {
		b.dir = func(d *brokenDir) {
			d.readDir = func(n int) ([]fs.DirEntry, error) {
				entries, err := d.File.(fs.ReadDirFile).ReadDir(n)
				if n > 0 && len(entries) > 1 {
					entries = entries[1:]
				}
				return entries, err
			}
		}
	}},
	{"Directory/ReadDirInParts", "the end comes with the last entries", func(b *brokenFS) {
		b.dir = func(d *brokenDir) {
			d.readDir = func(n int) ([]fs.DirEntry, error) {
				entries, err := d.File.(fs.ReadDirFile).ReadDir(n)
				if len(entries) < n {
					err = io.EOF
				}
				return entries, err
			}
		}
	}},
	{"Tree/IOFS", "Open and ReadDir disagree", func(b *brokenFS) {
		b.dir = func(d *brokenDir) {
			d.readDir = func(n int) ([]fs.DirEntry, error) {
				entries, err := d.File.(fs.ReadDirFile).ReadDir(n)
				return entries[:max(len(entries)-1, 0)], err
			}
		}
	}},
}

var treeDefects = []defect{
	{"Tree/Stat", "errors are bare", func(b *brokenFS) {
		b.stat = func(name string) (fs.FileInfo, error) {
			info, err := b.FS.Stat(name)
			return info, errors.Unwrap(err)
		}
	}},
	{"Tree/Remove", "full directories are removed", func(b *brokenFS) {
		b.remove = func(name string) error {
			err := b.FS.Remove(name)
			if errors.Is(err, fs.ErrExist) {
				err = os.RemoveAll(filepath.Join(b.Dir(), name))
			}
			return err
		}
	}},
	{"Tree/Remove", "what is missing is removed", func(b *brokenFS) {
		b.remove = func(name string) error {
			if err := b.FS.Remove(name); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}
	}},
	{"Tree/RemoveOpen", "what is open loses its content", func(b *brokenFS) {
		b.remove = func(name string) error {
			os.Truncate(filepath.Join(b.Dir(), name), 0)
			return b.FS.Remove(name)
		}
	}},
	{"Tree/Rename", "the old name stays", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			b.FS.Remove(newname)
			return b.FS.Link(oldname, newname)
		}
	}},
	{"Tree/Rename", "nothing is replaced", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			if _, err := b.FS.Stat(newname); err == nil {
				return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: fs.ErrExist}
			}
			return b.FS.Rename(oldname, newname)
		}
	}},
	{"Tree/Rename", "a file that is renamed to itself is gone", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			if oldname == newname {
				return b.FS.Remove(newname)
			}
			return b.FS.Rename(oldname, newname)
		}
	}},
	{"Tree/RenameDirectories", "empty directories are not replaced", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			root, err := os.OpenRoot(b.Dir())
			if err != nil {
				return err
			}
			defer root.Close()
			return root.Rename(oldname, newname)
		}
	}},
	{"Tree/RenameRefused", "full directories are replaced", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			err := b.FS.Rename(oldname, newname)
			if errors.Is(err, fs.ErrExist) {
				os.RemoveAll(filepath.Join(b.Dir(), newname))
				err = b.FS.Rename(oldname, newname)
			}
			return err
		}
	}},
	{"Tree/RenameRefused", "a refused rename removes what had the name", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			err := b.FS.Rename(oldname, newname)
			if err != nil {
				b.FS.Remove(newname)
			}
			return err
		}
	}},
	{"Tree/RenameOpen", "the content is copied over", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			text, _ := os.ReadFile(filepath.Join(b.Dir(), oldname))
			os.WriteFile(filepath.Join(b.Dir(), newname), text, 0o666)
			return b.FS.Remove(oldname)
		}
	}},
}

var powerDefects = []defect{
	{"Power/Link", "the content is copied", func(b *brokenFS) {
		b.link = func(oldname, newname string) error {
			text, _ := os.ReadFile(filepath.Join(b.Dir(), oldname))
			return os.WriteFile(filepath.Join(b.Dir(), newname), text, 0o666)
		}
	}},
	{"Power/Link", "what has the name is replaced", func(b *brokenFS) {
		b.link = func(oldname, newname string) error {
			if newname == "taken" {
				b.FS.Remove(newname)
			}
			return b.FS.Link(oldname, newname)
		}
	}},
	{"Power/Link", "renaming to another name of the file removes the old", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			b.FS.Remove(newname)
			return b.FS.Rename(oldname, newname)
		}
	}},
	{"Power/Lock", "everybody gets it", func(b *brokenFS) {
		b.lock = func(name string) (io.Closer, error) { return b.FS.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666, nil) }
	}},
	{"Power/Lock", "the file is emptied", func(b *brokenFS) {
		b.lock = func(name string) (io.Closer, error) {
			os.Truncate(filepath.Join(b.Dir(), name), 0)
			return vfs.Lock(b.FS, name)
		}
	}},
	{"Power/Lock", "the file goes with the lock", func(b *brokenFS) {
		b.lock = func(name string) (io.Closer, error) {
			l, err := vfs.Lock(b.FS, name)
			return closing{l, func() { b.FS.Remove(name) }}, err
		}
	}},
	{"Power/Lock", "the lock is not given back", func(b *brokenFS) {
		b.lock = func(name string) (io.Closer, error) {
			l, err := vfs.Lock(b.FS, name)
			return struct{ io.ReadCloser }{io.NopCloser(nil)}, errors.Join(err, ignore(l))
		}
	}},
	{"Power/Allocate", "the size changes", onFile(func(f *brokenFile) {
		f.allocate = func(off, n int64) error {
			err := vfs.Allocate(f.File, off, n)
			if info, _ := f.File.Stat(); err == nil && info.Size() < off+n {
				err = f.File.Truncate(off + n)
			}
			return err
		}
	})},
	{"Power/Allocate", "no bytes are good", onFile(func(f *brokenFile) {
		f.allocate = func(off, n int64) error {
			if off >= 0 && n == 0 {
				return nil
			}
			return vfs.Allocate(f.File, off, n)
		}
	})},
	{"Power/Allocate", "the end may lie behind the largest offset", onFile(func(f *brokenFile) {
		f.allocate = func(off, n int64) error {
			if off > 0 && n > math.MaxInt64-off {
				return nil
			}
			return vfs.Allocate(f.File, off, n)
		}
	})},
	{"Power/Prefetch", "negative offsets are good", onFile(func(f *brokenFile) {
		f.prefetch = func(off, n int64) error { return vfs.Prefetch(f.File, max(off, 0), n) }
	})},
	{"Power/Descriptor", "it stays after Close", onFile(func(f *brokenFile) {
		fd := vfs.Fd(f.File)
		f.fd = func() uintptr { return fd }
	})},
	{"Power/Descriptor", "all have the same", onFile(func(f *brokenFile) { f.fd = func() uintptr { return 1 } })},
	{"Power/Usage", "more is used than there is", func(b *brokenFS) {
		b.usage = func() (vfs.Usage, error) {
			u, err := vfs.Measure(b.FS)
			u.Used = u.Total + 1
			return u, err
		}
	}},
}

// ignore is no error, for what is only to be used.
func ignore(any) error { return nil }

// closing does something behind Close.
type closing struct {
	io.Closer
	then func()
}

func (c closing) Close() error {
	defer c.then()
	return c.Closer.Close()
}

var concurrencyDefects = []defect{
	{"Concurrent/ReadAtWriteAt", "the position is used", onFile(func(f *brokenFile) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			f.File.Seek(off, io.SeekStart)
			runtime.Gosched()
			return f.File.Write(p)
		}
	})},
	{"Concurrent/Create", "O_EXCL looks first", func(b *brokenFS) {
		b.openFile = func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
			if _, err := b.FS.Stat(name); err == nil {
				return b.FS.OpenFile(name, flag, perm, o)
			}
			runtime.Gosched()
			return b.FS.OpenFile(name, flag&^os.O_EXCL, perm, o)
		}
	}},
	{"Concurrent/Create", "Link looks first", func(b *brokenFS) {
		b.link = func(oldname, newname string) error {
			_, err := b.FS.Stat(newname)
			runtime.Gosched()
			if linkErr := b.FS.Link(oldname, newname); err == nil {
				return linkErr
			}
			return nil
		}
	}},
	{"Concurrent/Close", "it looks first", onFile(func(f *brokenFile) {
		var closed atomic.Bool
		f.close = func() error {
			if closed.Load() {
				return f.File.Close()
			}
			runtime.Gosched()
			closed.Store(true)
			f.File.Close()
			return nil
		}
	})},
	{"Concurrent/Create", "Mkdir looks first", func(b *brokenFS) {
		b.mkdir = func(name string, perm fs.FileMode) error {
			_, err := b.FS.Stat(name)
			runtime.Gosched()
			if mkdirErr := b.FS.Mkdir(name, perm); err == nil {
				return mkdirErr
			}
			return nil
		}
	}},
	{"Concurrent/Rename", "it is a link and a removal", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			if err := b.FS.Link(oldname, newname); err != nil {
				return err
			}
			runtime.Gosched()
			b.FS.Remove(oldname)
			return nil
		}
	}},
	{"Concurrent/Replace", "it is a removal and a rename", func(b *brokenFS) {
		b.rename = func(oldname, newname string) error {
			b.FS.Remove(newname)
			runtime.Gosched()
			return b.FS.Rename(oldname, newname)
		}
	}},
}
