package unio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime/debug"

	"github.com/unio-go/unio/internal/sys"
)

// ErrTruncated is what errors.Is finds when a file no longer reaches as far as its [Mapping].
var ErrTruncated = errors.New("the file has been truncated under its mapping: map it anew")

// Mapping is a file as memory, to be read (mmap(2), MAP_SHARED): what is written to the file shows in it. Any number of tasks
// and goroutines may use it at once.
//
// Touching memory that the page cache does not have waits for the device, and the Go scheduler does not see it: a goroutine
// in a page fault keeps its P, and a task its loop, as if it computed. So [Mapping.Populate] brings in what is going to be
// touched, while the goroutine waits alone and the task is parked; [Mapping.View] does that and then calls a function, and
// [Mapping.ReadAt] copies.
//
// Touching what the file does not have any more, because it was truncated, is a SIGBUS, which ends the process. Populate,
// View and ReadAt make an error of it, as far as that can be known: in the page in which a file now ends, what was behind the
// end reads as zeros.
//
// A Mapping ends with Close, or with its Runtime. Calls afterwards fail with an *fs.PathError around fs.ErrClosed. Slices of
// [Mapping.Bytes] that are kept longer are a defect of who keeps them: there may be nothing at their addresses, or something
// else. In a build with -race or -tags uniodebug there is nothing there for good, so that touching them fails at once.
type Mapping struct {
	f    *File // with a descriptor of its own
	data []byte
	how  fillHow
}

// Map maps a regular file that is open for reading, as long as it is now: what it grows by later is in a Mapping that is made
// later. The Mapping does not need the File, which may be closed first. A file that is open with [FileOptions].Direct is
// refused, because a mapping is the page cache that Direct bypasses; one that is open with Random is mapped so. Where the
// system is not a Unix the error is errors.ErrUnsupported.
func (rt *Runtime) Map(f *File) (*Mapping, error) {
	if f == nil {
		return nil, pathError("map", "", fmt.Errorf("there is no file: %w", fs.ErrInvalid))
	}
	if f.rt != rt {
		return nil, f.refuse("map", fmt.Errorf("the file is open in another runtime: %w", fs.ErrInvalid))
	}
	m := &Mapping{f: &File{rt: rt, name: f.name, unused: make(chan struct{})}}
	if err := f.control("map", func() error { return m.open(f) }); err != nil {
		return nil, err
	}
	if err := rt.files.add(m.f); err != nil {
		return nil, f.pathError("map", errors.Join(err, sys.Unmap(m.data, false), m.f.io.OS.Close()))
	}
	return m, nil
}

// open maps what f has open.
func (m *Mapping) open(f *File) error {
	info, err := f.io.OS.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("only a regular file is mapped, and it is %v: %w", info.Mode().Type(), errors.ErrUnsupported)
	case f.io.Direct:
		return fmt.Errorf("a mapping is the page cache, which FileOptions.Direct bypasses: leave it out: %w", errors.ErrUnsupported)
	case info.Size() > math.MaxInt:
		return fmt.Errorf("%d bytes are more than there are addresses: %w", info.Size(), errors.ErrUnsupported)
	}
	m.data, m.f.io.OS, err = sys.Map(f.io.OS, int(info.Size()))
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("mappings are for Unix systems: read the file instead: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("is the file open for reading, and may it be mapped: %w", err)
	case err != nil:
		return err
	}
	m.f.ends = func() error { return sys.Unmap(m.data, debugBuild) }
	m.f.random = f.random
	m.f.size.Store(info.Size()) // probe asks behind it, so that nothing is read
	if err := m.f.probe(FileOptions{}); err != nil {
		return errors.Join(err, sys.Unmap(m.data, false), m.f.io.OS.Close())
	}
	m.learn()
	return nil
}

// Size is how many bytes are mapped: the size of the file when it was.
func (m *Mapping) Size() int64 { return int64(len(m.data)) }

// Name is the name that the file was opened with.
func (m *Mapping) Name() string { return m.f.Name() }

// String is the name, so that a Mapping can be printed without its bytes.
func (m *Mapping) String() string { return m.Name() }

// Bytes is the memory of n bytes at off, as it is: touching it waits as [Mapping] says, unless [Mapping.Populate] has brought
// it in. It must not be written to, which would be a fault, and not be touched after Close.
func (m *Mapping) Bytes(off, n int64) ([]byte, error) {
	if err := m.begin("map", off, n); err != nil {
		return nil, err
	}
	defer m.f.end()
	return m.data[off : off+n : off+n], nil
}

// View brings in n bytes at off as [Mapping.Populate] does, calls fn with their memory and returns what fn returns. If the
// file is truncated meanwhile and fn, on its own goroutine, meets the end, fn ends there as by a panic, with its deferred
// calls, and the error is around [ErrTruncated]. p is fn's until it returns; Close waits for that, so fn must not close the
// Mapping.
func (m *Mapping) View(ctx context.Context, off, n int64, fn func(p []byte) error) error {
	if err := m.begin("view", off, n); err != nil {
		return err
	}
	defer m.f.end()
	if err := m.populate(ctx, off, off+n); err != nil {
		return m.f.pathError("view", err)
	}
	return m.guard("view", func() error { return fn(m.data[off : off+n : off+n]) })
}

// ReadAt copies len(p) bytes at off, as io.ReaderAt says; io.EOF is the end of the Mapping. What is not in memory is brought
// in first, as [Mapping.Populate] does. Where the file does not reach as far as the Mapping any more the error is around
// [ErrTruncated]; p is then of no use.
func (m *Mapping) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, m.f.refuse("read", fmt.Errorf("negative offset %d: %w", off, fs.ErrInvalid))
	}
	if off = min(off, m.Size()); m.Size()-off < int64(len(p)) {
		p, err = p[:m.Size()-off], io.EOF
	}
	end := off + int64(len(p))
	if err := m.begin("read", off, int64(len(p))); err != nil {
		return 0, err
	}
	defer m.f.end()
	if err := m.populate(context.Background(), off, end); err != nil {
		return 0, m.f.pathError("read", err)
	}
	if err := m.copy(p, off); err != nil {
		return 0, err
	}
	return len(p), err
}

// copy copies from the mapping.
func (m *Mapping) copy(p []byte, off int64) (err error) {
	defer m.caught("read", debug.SetPanicOnFault(true), &err)
	copy(p, m.data[off:])
	return nil
}

// guard calls fn, which touches the mapping.
func (m *Mapping) guard(op string, fn func() error) (err error) {
	defer m.caught(op, debug.SetPanicOnFault(true), &err)
	return fn()
}

// caught makes an error of a fault in the mapping, which the runtime has made a panic of. It is deferred; old is what the
// goroutine did with faults before.
func (m *Mapping) caught(op string, old bool, err *error) {
	debug.SetPanicOnFault(old)
	r := recover()
	if r == nil {
		return
	}
	fault, ok := r.(interface{ Addr() uintptr })
	if base := addressOf(m.data); !ok || fault.Addr() < base || fault.Addr()-base >= uintptr(len(m.data)) {
		panic(r) // not ours
	}
	off := int64(fault.Addr() - addressOf(m.data))
	*err = m.f.pathError(op, m.faulted(off))
}

// faulted is why the memory at off could not be touched.
func (m *Mapping) faulted(off int64) error {
	info, err := m.f.io.OS.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() <= off:
		return ErrTruncated
	}
	return fmt.Errorf("the memory at %d could not be brought in, as by a defect of the device, or the file was shorter for a while "+
		"(SIGBUS, mmap(2)): %w", off, io.ErrUnexpectedEOF)
}

// Advise gives advice as [File.Advise] does, to the file and to the mapping: what is not needed leaves the page cache although
// it was mapped here, and Random, Sequential and Normal hold for touching as well, for all of the Mapping.
func (m *Mapping) Advise(off, n int64, a Advice) error {
	if off < 0 || n < 0 || a >= adviceCount {
		return m.f.refuse("advise", fmt.Errorf("advice %d for %d bytes at %d: %w", a, n, off, fs.ErrInvalid))
	}
	return m.f.control("advise", func() error { return m.advise(off, n, a) })
}

// Close waits for the calls that are under way, unmaps the file and closes what the Mapping has of it. A second Close fails
// with fs.ErrClosed.
func (m *Mapping) Close() error { return m.f.Close() }

// begin counts a call in that is about n bytes at off.
func (m *Mapping) begin(op string, off, n int64) error {
	if off < 0 || n < 0 || off > m.Size() || n > m.Size()-off {
		return m.f.refuse(op, fmt.Errorf("%d bytes at %d of a mapping of %d, which a new one of a longer file would have: %w",
			n, off, m.Size(), fs.ErrInvalid))
	}
	return m.f.begin(op)
}

// pageBytes is the size of a page.
var pageBytes = int64(os.Getpagesize())
