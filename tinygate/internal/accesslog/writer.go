package accesslog

import "sync/atomic"

const (
	// bufBytes is the size of a buffer. Most of what a line costs is that it is written, and most of that goes with the number
	// of writes: on a virtual disk 290 us of CPU for 256 KiB, and 120 us for each 256 KiB of a whole MiB.
	bufBytes = 1 << 20
	// buffersKept is how many buffers a loop has: one that is filled and one that is written.
	buffersKept = 2
	// buffersMax is how many it may have while the writing goroutine is behind. On a machine whose CPUs are all busy it
	// may get its turn only after tens of milliseconds, and a loop that serves 100,000 requests a second fills a buffer in
	// twenty.
	buffersMax = 8
	// calmTurns is after how many buffers that were written in time one of the others is given up.
	calmTurns = 16
)

// buffer is filled by a loop and written by the goroutine. The loop appends to it and publishes in end how many bytes of whole
// lines there are; these do not change any more, so the goroutine may read them while the loop goes on behind them. When
// no further line fits, the loop says in next where it goes on, and seals it. It is the loop's again when the goroutine
// has written all of it and takes the seal off.
type buffer struct {
	data   []byte
	end    atomic.Int64
	next   *buffer // valid while it is sealed
	sealed atomic.Bool
	_      [80]byte // those of two loops do not share a cache line, nor a pair of them that is fetched together
}

// Writer is the log of one loop. Only tasks of that loop may use it. A nil Writer drops everything silently, for a gate
// without an access log.
type Writer struct {
	log     *Log
	buffers []*buffer // the first ones are used first, since they are in the cache
	filling *buffer
	b       []byte // what was published of it
	clock   clock
	lost    uint64 // lines since the last one that got through
	calm    int    // how many buffers in a row were written in time
	short   Entry  // one whose texts were cut

	dropped atomic.Uint64 // lines in all

	// What follows is the goroutine's.
	_       [64]byte
	reading *buffer // what is written
	written int     // bytes of it that are in the file
}

func newWriter(l *Log) *Writer {
	w := &Writer{log: l, clock: newClock(), buffers: make([]*buffer, 0, buffersMax)}
	w.filling = w.grow()
	w.reading, w.b = w.filling, w.filling.data
	return w
}

func (w *Writer) grow() *buffer {
	b := &buffer{data: make([]byte, 0, bufBytes)}
	w.buffers = append(w.buffers, b)
	return b
}

// Add writes a line for e, or counts it as dropped when the file is behind. It does not block, does not allocate, and
// keeps nothing of e.
func (w *Writer) Add(e *Entry) {
	if w == nil {
		return
	}
	f := w.log.format
	need := f.bound(e)
	truncated := need > bufBytes
	if truncated {
		w.short = *e // here, for a variable would be allocated with each call
		e = &w.short
		e.cut(f.textMax())
		need = f.bound(e)
	}
	if len(w.b)+need > bufBytes && !w.next() || w.log.closed.Load() {
		w.lost++
		w.dropped.Add(1)
	} else {
		w.b = f.append(w.b, w, e, truncated)
		w.lost = 0
		w.filling.end.Store(int64(len(w.b)))
	}
	if truncated {
		w.short = Entry{}
	}
}

// next goes on with another buffer, unless all are waiting to be written.
func (w *Writer) next() bool {
	other := w.free()
	if other == nil {
		return false
	}
	was := w.filling
	was.next = other
	was.sealed.Store(true)
	w.filling, w.b = other, other.data
	select {
	case w.log.wake <- struct{}{}:
	default: // it has been woken and has not looked yet
	}
	return true
}

// free finds a buffer that is neither filled nor written, or makes one.
func (w *Writer) free() *buffer {
	for i, b := range w.buffers {
		if b == w.filling || b.sealed.Load() {
			continue
		}
		if w.calm++; i >= buffersKept {
			w.calm = 0
		}
		w.shrink(b)
		return b
	}
	w.calm = 0
	if len(w.buffers) == buffersMax {
		return nil
	}
	return w.grow()
}

// shrink gives up the last buffer when it was not needed for long. taken is the one that will be filled.
func (w *Writer) shrink(taken *buffer) {
	n := len(w.buffers)
	if w.calm < calmTurns || n <= buffersKept {
		return
	}
	if last := w.buffers[n-1]; last != taken && last != w.filling && !last.sealed.Load() {
		w.buffers[n-1] = nil
		w.buffers = w.buffers[:n-1]
		w.calm = 0
	}
}

// pending gives what is to be written next, and whether the buffer is then done with.
func (w *Writer) pending() (b []byte, last bool) {
	last = w.reading.sealed.Load() // before end, which does not change after it
	return w.reading.data[w.written:w.reading.end.Load()], last
}

// wrote says that n bytes of pending are in the file, and all if done.
func (w *Writer) wrote(n int, done bool) {
	w.written += n
	if !done {
		return
	}
	b := w.reading
	w.written, w.reading = 0, b.next
	b.end.Store(0)
	b.sealed.Store(false)
}

// rewind goes back to the beginning of a line of which a part was written.
func (w *Writer) rewind() {
	b := w.reading.data[:w.written]
	for w.written > 0 && b[w.written-1] != '\n' {
		w.written--
	}
}
