package tree

import (
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/sys"
)

// listBytes is how much of a directory one call reads: some 250 names.
const listBytes = 8 << 10

// List reads a directory from its first name to its last. One goroutine may use it at a time. It keeps nothing that had to be
// closed.
type List struct {
	dir  *os.File
	buf  []byte
	rest []byte // of buf: what has not been given
}

// NewList begins to read a directory that has been opened.
func NewList(dir *os.File) *List { return &List{dir: dir} }

// Next gives the next n names at most and io.EOF when there are no more, or if n is not positive all that are left; "." and
// ".." are not among them. With another error come the names before it.
func (l *List) Next(n int) (all []Entry, err error) {
	for n <= 0 || len(all) < n {
		e, err := l.one()
		switch {
		case err == io.EOF && (n <= 0 || len(all) > 0):
			return all, nil
		case err != nil:
			return all, err
		case e.Name != "":
			all = append(all, e)
		}
	}
	return all, nil
}

// one gives one name; it is empty where there is one that is not to be told.
func (l *List) one() (Entry, error) {
	if len(l.rest) == 0 {
		if err := l.fill(); err != nil {
			return Entry{}, err
		}
	}
	// struct linux_dirent64 (getdents(2)): the inode and the offset, 8 bytes each, then the length of the record.
	const lengthAt, typeAt, nameAt = 16, 18, 19
	if len(l.rest) < nameAt {
		return Entry{}, io.ErrUnexpectedEOF
	}
	record := l.rest[:min(len(l.rest), int(binary.NativeEndian.Uint16(l.rest[lengthAt:])))]
	if len(record) < nameAt {
		return Entry{}, io.ErrUnexpectedEOF
	}
	l.rest = l.rest[len(record):]
	name, _, _ := bytes.Cut(record[nameAt:], []byte{0})
	if s := string(name); s != "." && s != ".." {
		return l.typed(s, record[typeAt])
	}
	return Entry{}, nil
}

// fill reads the next records.
func (l *List) fill() error {
	if l.buf == nil {
		l.buf = make([]byte, listBytes)
	}
	n := 0
	err := sys.Retry(func() (err error) {
		n, err = unix.Getdents(int(l.dir.Fd()), l.buf)
		return err
	})
	if err == nil && n <= 0 {
		err = io.EOF
	}
	l.rest = l.buf[:max(n, 0)]
	return err
}

// typeOf is a type by its number in directories.
func typeOf(kind byte) fs.FileMode {
	switch kind {
	case unix.DT_REG:
		return 0
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_LNK:
		return fs.ModeSymlink
	case unix.DT_FIFO:
		return fs.ModeNamedPipe
	case unix.DT_SOCK:
		return fs.ModeSocket
	case unix.DT_BLK:
		return fs.ModeDevice
	case unix.DT_CHR:
		return fs.ModeDevice | fs.ModeCharDevice
	}
	return fs.ModeIrregular
}

// typed is the entry of a name. A file system that does not tell types is asked for each; what has gone meanwhile is left out.
func (l *List) typed(name string, kind byte) (Entry, error) {
	if kind != unix.DT_UNKNOWN {
		return Entry{name, typeOf(kind)}, nil
	}
	var st unix.Stat_t
	err := sys.Retry(func() error { return unix.Fstatat(int(l.dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	switch {
	case err == unix.ENOENT:
		return Entry{}, nil
	case err != nil:
		return Entry{}, err
	}
	return Entry{name, typeOf(byte(st.Mode & unix.S_IFMT >> 12))}, nil // IFTODT of dirent.h
}
