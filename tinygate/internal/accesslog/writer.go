package accesslog

import "sync/atomic"

// bufBytes is the size of a buffer: two for each loop are what the log may use, whatever the disk does.
const bufBytes = 64 << 10

// half is one of the two buffers of a loop. The loop appends to it and publishes in end how many bytes of whole lines there
// are; these do not change any more, so the writing goroutine may read them while the loop goes on behind them. When
// no further line fits, the loop seals it and goes on with the other one. It is the loop's again when the goroutine has
// written all of it and takes the seal off.
type half struct {
	data   []byte
	end    atomic.Int64
	sealed atomic.Bool
}

// Writer is the log of one loop. Only tasks of that loop may use it. A nil Writer drops everything silently, for a gate
// without an access log.
type Writer struct {
	log    *Log
	halves [2]*half
	turn   int    // which of the halves is being filled
	b      []byte // of it, what was published
	clock  clock
	lost   uint64 // lines since the last one that got through
	short  Entry  // one whose texts were cut

	dropped atomic.Uint64 // lines in all

	// What follows is the goroutine's.
	_       [64]byte
	reading int // which half is written
	written int // bytes of it that are in the file
}

func newWriter(l *Log) *Writer {
	w := &Writer{log: l, clock: newClock()}
	for i := range w.halves {
		w.halves[i] = &half{data: make([]byte, 0, bufBytes)}
	}
	w.b = w.halves[0].data
	return w
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
		w.halves[w.turn].end.Store(int64(len(w.b)))
	}
	if truncated {
		w.short = Entry{}
	}
}

// next goes on with the other buffer, unless that is still being written.
func (w *Writer) next() bool {
	other := w.halves[1-w.turn]
	if other.sealed.Load() {
		return false
	}
	w.halves[w.turn].sealed.Store(true)
	w.turn = 1 - w.turn
	w.b = other.data
	select {
	case w.log.wake <- struct{}{}:
	default: // it has been woken and has not looked yet
	}
	return true
}

// pending gives what is to be written next, and whether the buffer is then done with.
func (w *Writer) pending() (b []byte, last bool) {
	h := w.halves[w.reading]
	last = h.sealed.Load() // before end, which does not change after it
	return h.data[w.written:h.end.Load()], last
}

// wrote says that n bytes of pending are in the file, and all if done.
func (w *Writer) wrote(n int, done bool) {
	w.written += n
	if !done {
		return
	}
	h := w.halves[w.reading]
	w.written, w.reading = 0, 1-w.reading
	h.end.Store(0)
	h.sealed.Store(false)
}

// rewind goes back to the beginning of a line of which a part was written.
func (w *Writer) rewind() {
	b := w.halves[w.reading].data[:w.written]
	for w.written > 0 && b[w.written-1] != '\n' {
		w.written--
	}
}
