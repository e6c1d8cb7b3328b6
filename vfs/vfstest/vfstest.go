// Package vfstest is the conformance kit of package vfs: [TestFS] holds an implementation to every sentence of the contract.
// Each implementation of this module runs it, and a foreign one that passes can take their place.
package vfstest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/unio-go/unio/vfs"
)

// TestFS runs the kit, each case as a subtest on an FS of its own, for which it calls newFS. That FS is empty, can be written
// to, and is ended by t.Cleanup where it needs an end.
//
// An FS that keeps its files in a directory of the operating system should say so by a method Dir() string, itself or the FS
// below it (vfs.Unwrapper). The kit then puts symbolic links there that lead out, and on Linux counts the descriptors that
// each case leaves open.
//
// Powers that the FS or its files do not have are held to errors.ErrUnsupported. Nothing is skipped.
func TestFS(t *testing.T, newFS func(t *testing.T) vfs.FS) {
	for _, one := range cases {
		t.Run(one.name, func(t *testing.T) { one.on(t, newFS(t)) })
	}
}

// testCase is one rule of the contract, or a few that belong together.
type testCase struct {
	name string
	run  func(c *check)
}

var cases = []testCase{
	{"Names/Refused", namesRefused},
	{"Names/Root", namesRoot},
	{"Names/Unusual", namesUnusual},
	{"Names/SymlinksOut", symlinksOut},
	{"Names/SymlinksWithin", symlinksWithin},

	{"Open/Flags", openFlags},
	{"Open/FlagsRefused", openFlagsRefused},
	{"Open/Access", openAccess},
	{"Open/Truncated", openTruncated},
	{"Open/Perm", openPerm},
	{"Open/Missing", openMissing},
	{"Open/Options", openOptions},
	{"Open/Direct", openDirect},

	{"File/ReadWriteSeek", readWriteSeek},
	{"File/SeekRefused", seekRefused},
	{"File/ReadAt", readAt},
	{"File/WriteAt", writeAt},
	{"File/Holes", holes},
	{"File/PositionsApart", positionsApart},
	{"File/Large", large},
	{"File/Truncate", truncate},
	{"File/Sync", syncs},
	{"File/Stat", fileStat},
	{"File/Model", model},
	{"File/Closed", closedFile},
	{"File/ClosedWhileRead", closedWhileRead},

	{"Directory/Closed", closedDirectory},
	{"Directory/NotAFile", directoryIsNoFile},
	{"Directory/Mkdir", mkdir},
	{"Directory/ReadDir", readDir},
	{"Directory/ReadDirInParts", readDirInParts},

	{"Tree/Stat", stat},
	{"Tree/Remove", remove},
	{"Tree/RemoveOpen", removeOpen},
	{"Tree/Rename", rename},
	{"Tree/RenameDirectories", renameDirectories},
	{"Tree/RenameRefused", renameRefused},
	{"Tree/RenameOpen", renameOpen},
	{"Tree/IOFS", ioFS},

	{"Power/Link", link},
	{"Power/Lock", lock},
	{"Power/Allocate", allocate},
	{"Power/Prefetch", prefetch},
	{"Power/Usage", usage},
	{"Power/Descriptor", descriptor},

	{"Concurrent/ReadAtWriteAt", concurrentAccess},
	{"Concurrent/Create", concurrentCreate},
	{"Concurrent/Close", concurrentClose},
	{"Concurrent/Rename", concurrentRename},
	{"Concurrent/Replace", concurrentReplace},
}

// on runs the case on an FS, and then looks for what it left open.
func (one testCase) on(t testing.TB, fsys vfs.FS) {
	c := &check{TB: t, fsys: fsys, dir: dirOf(fsys)}
	before := openBelow(c.dir)
	one.run(c)
	if t.Failed() {
		return // it may have left early
	}
	if after := openBelow(c.dir); len(after) > len(before) {
		t.Errorf("open descriptors afterwards: %q, before: %q", after, before)
	}
}

// dirOf is the directory of the operating system that an FS keeps its files in, or nothing.
func dirOf(fsys vfs.FS) string {
	for {
		if d, ok := fsys.(interface{ Dir() string }); ok {
			return d.Dir()
		}
		above, ok := fsys.(vfs.Unwrapper)
		if !ok {
			return ""
		}
		fsys = above.Unwrap()
	}
}

// check is a test on one FS.
type check struct {
	testing.TB
	fsys vfs.FS
	dir  string
}

// ok ends the test where something failed that should not have.
func (c *check) ok(err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("%v, want no error", err)
	}
}

// kinds are the causes that an error of an FS can have, and has one of.
var kinds = []error{
	fs.ErrNotExist, fs.ErrExist, fs.ErrInvalid, fs.ErrPermission, fs.ErrClosed, vfs.ErrLocked, errors.ErrUnsupported,
}

// is holds the cause of an error to one kind.
func (c *check) is(call string, err, kind error) {
	c.Helper()
	if !errors.Is(err, kind) {
		c.Errorf("%s: %v, want %v", call, err, kind)
		return
	}
	for _, other := range kinds {
		if other != kind && errors.Is(err, other) {
			c.Errorf("%s: %v is %v, and %v too", call, err, kind, other)
		}
	}
}

// fails holds an error to its form: an *fs.PathError with the operation and the name as given around a cause of one kind.
func (c *check) fails(err, kind error, op, name string) {
	c.Helper()
	call := fmt.Sprintf("%s of %q", op, name)
	c.is(call, err, kind)
	if err == nil {
		return
	}
	if e, ok := err.(*fs.PathError); !ok {
		c.Errorf("%s: %T (%v), want *fs.PathError", call, err, err)
	} else if e.Op != op || e.Path != name {
		c.Errorf("%s: the error names operation %q and name %q", call, e.Op, e.Path)
	}
}

// failsLink is fails of Rename and Link.
func (c *check) failsLink(err, kind error, op, oldname, newname string) {
	c.Helper()
	call := fmt.Sprintf("%s of %q to %q", op, oldname, newname)
	c.is(call, err, kind)
	if err == nil {
		return
	}
	if e, ok := err.(*os.LinkError); !ok {
		c.Errorf("%s: %T (%v), want *os.LinkError", call, err, err)
	} else if e.Op != op || e.Old != oldname || e.New != newname {
		c.Errorf("%s: the error names operation %q and names %q and %q", call, e.Op, e.Old, e.New)
	}
}

// open opens a file that is good to open.
func (c *check) open(name string, flag int) vfs.File {
	c.Helper()
	f, err := c.fsys.OpenFile(name, flag, 0o666, nil)
	c.ok(err)
	if f == nil {
		c.Fatalf("OpenFile of %q gave neither a file nor an error", name)
	}
	return f
}

// create makes a file that is not there yet, with content, and leaves it open.
func (c *check) create(name, content string) vfs.File {
	c.Helper()
	f := c.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if content != "" {
		c.wrote(f.Write([]byte(content)))(len(content))
	}
	return f
}

// write makes a file that is not there yet, with content.
func (c *check) write(name, content string) {
	c.Helper()
	c.ok(c.create(name, content).Close())
}

// wrote holds what a write returned to n bytes: c.wrote(f.Write(p))(len(p)).
func (c *check) wrote(n int, err error) func(want int) {
	c.Helper()
	return func(want int) {
		c.Helper()
		if n != want || err != nil {
			c.Fatalf("a write of %d bytes: %d, %v", want, n, err)
		}
	}
}

// holds compares what a file that has a name holds.
func (c *check) holds(name, want string) {
	c.Helper()
	f, err := c.fsys.Open(name)
	c.ok(err)
	got, err := io.ReadAll(&progress{Reader: f})
	c.ok(err)
	c.ok(f.Close())
	if string(got) != want {
		c.Errorf("%q holds %s, want %s", name, short(string(got)), short(want))
	}
}

// progress is a Reader that does not give nothing for ever.
type progress struct {
	io.Reader
	nothing int
}

func (r *progress) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n == 0 && err == nil && len(p) > 0 {
		if r.nothing++; r.nothing > 10 {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

// content compares what an open file holds, by ReadAt.
func (c *check) content(f vfs.File, want string) {
	c.Helper()
	info, err := f.Stat()
	c.ok(err)
	if info.Size() != int64(len(want)) {
		c.Errorf("the file has %d bytes, want %d", info.Size(), len(want))
	}
	p := make([]byte, len(want)+1)
	if n, err := f.ReadAt(p, 0); n != len(want) || err != io.EOF || string(p[:n]) != want {
		c.Errorf("the file holds %s and then %v, want %s and io.EOF", short(string(p[:n])), err, short(want))
	}
}

// missing holds a name to being no one's.
func (c *check) missing(name string) {
	c.Helper()
	_, err := c.fsys.Stat(name)
	c.fails(err, fs.ErrNotExist, "stat", name)
}

// names compares what a directory holds.
func (c *check) names(dir string, want ...string) {
	c.Helper()
	entries, err := c.fsys.ReadDir(dir)
	c.ok(err)
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		c.Errorf("%q holds %q, want %q", dir, got, want)
	}
}

// short is content as a person reads it.
func short(s string) string {
	if len(s) <= 60 {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%d bytes, %q...", len(s), s[:40])
}
