package unio

import (
	"context"
	"runtime"
	"time"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/loop"
)

// fillHow is how what is missing of a mapping is brought in.
type fillHow struct {
	sees   bool // the kernel tells what is in memory (mincore(2))
	thread bool // a thread does it by one call, else it is read through the file
}

const (
	// readBytesMax is what is brought in at once by reading it and throwing away what was read. What is more is read ahead
	// by the kernel, and then there is one small read to wait for: copying 64 KiB took a third of the rate and of the CPU.
	readBytesMax = 32 << 10
	// stepBytesMax is the most that is read at a time where reading ahead has not brought everything.
	stepBytesMax = 128 << 10
	// windowBytes is how much is read ahead at a time: as much as most devices read in one piece, and the vector of its pages
	// is small.
	windowBytes = 1 << 20
)

// Extent is a part of a file: Len bytes at Off.
type Extent struct{ Off, Len int64 }

// Populate brings n bytes at off into memory, so that touching them waits for no device, unless memory grows so scarce that
// the kernel takes them out again. A task is parked meanwhile and a goroutine waits alone, and what is there already costs a
// system call that does not wait. When ctx is done Populate returns its error, on engines without a ring when the read under
// way has ended.
//
// On the engine uring it holds no P either: the wait is the ring's. On the others the kernel is told to read ahead while
// goroutines that want the P have it; if that is not enough, a thread waits by MADV_POPULATE_READ (madvise(2)), or by reading
// where the kernel has no such call, before 5.14, and keeps its P until the Go scheduler takes it away, as in every system
// call.
//
// The error is around [ErrTruncated] where the file does not reach so far any more. On systems other than Linux, and where
// the kernel does not tell this process what is in memory (see [Mapping.Resident]) nor the file system whether it would wait,
// every Populate reads what it is asked for.
func (m *Mapping) Populate(ctx context.Context, off, n int64) error {
	if err := m.begin("populate", off, n); err != nil {
		return err
	}
	defer m.f.end()
	return m.f.pathError("populate", m.populate(ctx, off, off+n))
}

// Resident tells which parts of n bytes at off are in memory (mincore(2)): in their order, with something missing between
// two. They may be gone at the next moment. To a process that neither owns the file nor may write it the kernel does not
// tell, and the error is around fs.ErrPermission; where the system has no such call it is errors.ErrUnsupported.
func (m *Mapping) Resident(off, n int64) ([]Extent, error) {
	if err := m.begin("resident", off, n); err != nil {
		return nil, err
	}
	defer m.f.end()
	all, err := m.resident(off, off+n)
	return all, m.f.pathError("resident", err)
}

// populate brings in what lies from off to end, within the mapping.
func (m *Mapping) populate(ctx context.Context, off, end int64) error {
	if ctx == nil {
		return contextErr(ctx)
	}
	if off == end {
		return nil
	}
	if there, err := m.inMemory(off, end); there || err != nil {
		m.f.rt.breathe()
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.how.thread {
		return m.fill(off, end)
	}
	return m.read(ctx, off-off%pageBytes, end)
}

// fill brings in what lies from off to end without a ring: by reading ahead while others have their turn, and by a thread
// that waits if that is not enough.
func (m *Mapping) fill(off, end int64) error {
	rt := m.f.rt
	if m.f.mode == modeMemory || rt.files.inline {
		return rt.block(func() error { return m.fillNow(off, end) })
	}
	if _, err := loop.Caller(); err != nil {
		return err
	}
	var there bool
	var err error
	Offload(func() {
		if there, err = m.fillMeanwhile(off, end); !there && err == nil {
			err = rt.files.pool.Call(func() error { return m.fillNow(off, end) })
		}
	})
	return err
}

// fillMeanwhile has the kernel read ahead, and lets other goroutines run: if one of them computes, it does so for longer than
// a device takes to read, and who has waited for a turn need not wait in a system call, which would keep the P. If
// nobody wants the P that call harms nobody.
func (m *Mapping) fillMeanwhile(off, end int64) (there bool, err error) {
	_ = advise(m.f.io.OS, off, end-off, AdviceWillNeed)
	for range turnsMax {
		began := time.Now()
		runtime.Gosched()
		if there, err = m.inMemory(off, end); there || err != nil || time.Since(began) < turnLong {
			break
		}
	}
	return there, err
}

const (
	// turnLong is a turn of others in which a device may have read something.
	turnLong = 100 * time.Microsecond
	// turnsMax is how many such turns are waited for: beside a goroutine that computes each is 10 ms.
	turnsMax = 8
)

// read brings in what is missing by reads of the file, reading ahead by a window.
func (m *Mapping) read(ctx context.Context, off, end int64) error {
	ahead := off
	for off < end {
		stop := min(off+windowBytes, end)
		for ahead < min(stop+windowBytes, end) && end-off > readBytesMax {
			next := min(ahead+windowBytes, end)
			if err := m.readAhead(ahead, next-ahead); err != nil {
				return err
			}
			ahead = next
		}
		if err := m.readWindow(ctx, off, stop); err != nil {
			return err
		}
		off = stop
	}
	return nil
}

// readAhead has the kernel begin to read. That it cannot is no error: reading tells what is wrong.
func (m *Mapping) readAhead(off, n int64) error {
	return m.f.rt.block(func() error {
		_ = advise(m.f.io.OS, off, n, AdviceWillNeed)
		return nil
	})
}

// readWindow reads what is missing, from the end: when the last page that the kernel has been told to read ahead has come,
// most often all have.
func (m *Mapping) readWindow(ctx context.Context, off, end int64) error {
	step := pageBytes
	if end-off <= readBytesMax || !m.how.sees {
		step = stepBytesMax
	}
	for {
		from, to, err := m.lastMissing(off, end)
		if err != nil || from == to {
			return err
		}
		from = max(from, to-min(step, int64(m.f.rt.pool.MaxLen())))
		if err := m.readPiece(ctx, from, to); err != nil || from <= off {
			return err
		}
		end = from
		step = min(2*step, stepBytesMax)
	}
}

// readPiece reads into a buffer that nobody looks at. It waits as calls do that may be given up: not by a system call that
// keeps a P.
func (m *Mapping) readPiece(ctx context.Context, off, end int64) error {
	b, err := m.f.rt.Alloc(ctx, int(end-off))
	if err != nil {
		return err
	}
	for n := 0; n < b.Len(); {
		got, err := m.f.readLeavable(ctx, b, n, off+int64(n))
		if err != nil {
			return err // b is gone
		}
		if n += got; got == 0 {
			b.Release()
			return ErrTruncated
		}
	}
	b.Release()
	return nil
}

// threaded reports whether operations that wait are done by threads.
func (f *File) threaded() bool {
	return f.mode != modeCached || f.rt.files.ring() == fileio.Executor(f.rt.files.pool)
}
