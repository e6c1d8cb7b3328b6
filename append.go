package unio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// Durability says what an append waits for.
type Durability uint8

const (
	// Buffered: the page cache has the record. It survives the end of the process, not that of the system.
	Buffered Durability = iota
	// Durable: the device has the record, and every record before it: a write with RWF_DSYNC (pwritev2(2)) or an
	// fdatasync(2) that began after the record was written has returned.
	Durable
)

// Append writes p at the end of the file, as one piece and at an offset that no other Append gets, and returns the offset.
// Appends that come while another is being written are written together, with one sync for all that want it, so many
// writers get more durable records per second than the device does syncs.
//
// The end is where the file ended when it was opened, has grown to since or was cut off by [File.Truncate], or where
// [File.AppendFrom] says. A block device does not grow, so there AppendFrom has to say it. With [FileOptions].Direct the end has to be
// a multiple of [File.Alignment], as the record has; until Truncate or AppendFrom has made it one, each Append is refused.
//
// After an error the record is not in the file as far as Append is concerned: the next one is written over what there may be of it, and
// whoever reads the file needs a checksum in each record to know such a rest. When a sync has failed, also by [File.Sync] or
// [File.Datasync], every later Append, Sync and Datasync fails with its error: what the page cache held may be lost although the next
// fsync(2) succeeds (NOTES there). That the device is full is such an error only where a sync of earlier records has found it.
//
// When ctx is done before the turn of p has come it is withdrawn, and the error is ctx's; later ctx has no effect.
func (f *File) Append(ctx context.Context, p []byte, d Durability) (off int64, err error) {
	r := &appendCall{n: len(p), d: d, pieces: [][]byte{p}}
	if err := f.checkRecord(p); err != nil {
		return 0, err
	}
	return f.append(ctx, r)
}

// AppendBuf is Append of buffers, one behind the other as one record, without copying them. It takes them over always, also
// when it fails. When ctx is done it returns ctx's error at once, and the record may or may not be in the file.
func (f *File) AppendBuf(ctx context.Context, d Durability, bufs ...*mem.Buf) (off int64, err error) {
	if err := checkHandles(bufs); err != nil {
		releaseOnce(bufs)
		return 0, f.refuse("append", err)
	}
	bufs = renewAll(bufs)
	r := &appendCall{d: d, bufs: bufs}
	for _, b := range bufs {
		if err := f.checkRecord(b.Bytes()); err != nil {
			release(bufs)
			return 0, err
		}
		r.n += b.Len()
		r.pieces = append(r.pieces, b.Bytes())
	}
	return f.append(ctx, r)
}

// checkRecord is check of a record, or a part of one, whose offset is not known yet.
func (f *File) checkRecord(p []byte) error {
	if f.mode == modeDirect && len(p)%f.align != 0 {
		return f.refuse("append", notDirect("length %d must be a multiple of %d", len(p), f.align))
	}
	return f.check("append", p, 0)
}

// AppendFrom has the next Append write at off, and those after it behind that: for a file whose end is not where its records
// end, such as one that was made longer beforehand. Nobody may be in Append.
func (f *File) AppendFrom(off int64) error {
	if err := f.check("append", nil, off); err != nil {
		return err
	}
	if err := f.begin("append"); err != nil {
		return err
	}
	defer f.end()
	a := &f.log
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end, a.own = off, true
	return nil
}

// appender gathers the appends of a file.
type appender struct {
	f *File

	mu      sync.Mutex
	queue   []*appendCall
	leading bool  // a leader is at work
	end     int64 // of the last record
	own     bool  // it is where the next begins, and not the end of the file
	broken  error // of a sync

	// syncing is locked by a sync of Append, and for reading by all other syncs: of two at the same time the kernel would tell
	// only one what it has lost. Whoever holds it may wait for a thread of the pool, so nobody may wait for it on such a thread.
	syncing sync.RWMutex
	others  atomic.Int32 // syncs that are not Append's

	// The leader's alone.
	batch []*appendCall
	part  []*appendCall // what op writes
	sync  bool          // one of them wants to be durable
	op    fileio.Op
	dirty bool // there are records that no sync has covered

	appends, syncs atomic.Uint64
}

// appendCall is one record on its way.
type appendCall struct {
	pieces [][]byte
	n      int
	bufs   []*mem.Buf
	d      Durability
	off    int64
	err    error

	state atomic.Uint32
	fileWait
}

// The states of an appendCall.
const (
	appendQueued uint32 = iota
	appendTaken         // a leader has it
	appendDone
	appendLeft // its caller has gone
)

// append queues a record, sees that there is a leader, and waits.
func (f *File) append(ctx context.Context, r *appendCall) (int64, error) {
	t, err := loop.Caller()
	if err == nil && r.d > Durable {
		err = fmt.Errorf("durability %d: there are Buffered and Durable: %w", r.d, fs.ErrInvalid)
	}
	if err == nil {
		err = contextErr(ctx)
	}
	if err != nil {
		release(r.bufs)
		return 0, f.refuse("append", err)
	}
	if err := f.begin("append"); err != nil {
		release(r.bufs)
		return 0, err
	}
	r.begin(t)
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, r.leave)()
	}
	switch begin := f.log.push(r); {
	case begin && f.rt.files.inline:
		f.log.lead()
	case begin && t == nil && (r.bufs == nil || ctx.Done() == nil):
		f.log.leadOnce()
	case begin:
		go f.log.lead()
	}
	r.await()
	if r.state.Load() == appendLeft {
		return 0, f.pathError("append", ctx.Err())
	}
	return r.off, f.pathError("append", r.err)
}

// push queues a record. Where nobody leads the caller has to see that somebody does.
func (a *appender) push(r *appendCall) (begin bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = append(a.queue, r)
	begin = !a.leading
	a.leading = true
	return begin
}

// leave gives a record up: one that is queued, or whose memory is the runtime's.
func (r *appendCall) leave() {
	if r.state.CompareAndSwap(appendQueued, appendLeft) ||
		r.bufs != nil && r.state.CompareAndSwap(appendTaken, appendLeft) {
		r.tell()
	}
}

// lead writes what is queued until nothing is. It gives way first: those whose records have just become durable get to
// queue the next, which joins what queued meanwhile instead of waiting for a sync of its own.
func (a *appender) lead() {
	for more := true; more; {
		runtime.Gosched()
		more = a.turn()
	}
}

// leadOnce writes what is queued, the caller's record among it, on the caller's thread: a lone appender is spared two
// switches. What queues meanwhile is not for the caller to do.
func (a *appender) leadOnce() {
	a.turn()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) > 0 {
		go a.lead()
		return
	}
	a.leading = false
}

// turn writes what is queued. If nothing is, it ends the leading.
func (a *appender) turn() (more bool) {
	a.mu.Lock()
	if len(a.queue) == 0 {
		a.leading = false
		a.mu.Unlock()
		return false
	}
	a.batch, a.queue = a.queue, a.batch[:0]
	off := a.f.size.Load()
	if a.own {
		off = a.end
	}
	a.mu.Unlock()
	a.write(off)
	return true
}

// write writes the batch from off on, in as few operations as it takes.
func (a *appender) write(off int64) {
	for rest := a.batch; len(rest) > 0; {
		rest = rest[a.gather(rest):]
		if len(a.part) == 0 {
			continue
		}
		written, err := a.writeSynced(off)
		off = a.finish(off, written, err)
	}
	clear(a.batch)
	clear(a.op.More)
	a.op.Data, a.op.More = nil, a.op.More[:0]
}

// gatherBytesMax bounds one write, besides what one takes at all.
const gatherBytesMax = 4 << 20

// gather takes the first records, at least one, into part and their pieces into the operation. It returns how many they are,
// with those that have been given up.
func (a *appender) gather(calls []*appendCall) (n int) {
	op := &a.op
	op.Code, op.File = fileio.Write, &a.f.io
	op.Data, op.More = nil, op.More[:0]
	a.part, a.sync = a.part[:0], false
	bytes := 0
	for _, r := range calls {
		if n > 0 && (bytes+r.n > gatherBytesMax || len(op.More)+len(r.pieces) >= fileio.PiecesMax) {
			break
		}
		n++
		if !r.state.CompareAndSwap(appendQueued, appendTaken) {
			a.drop(r)
			continue
		}
		a.part = append(a.part, r)
		a.sync = a.sync || r.d == Durable
		bytes += r.n
		for _, p := range r.pieces {
			if op.Data == nil {
				op.Data = p
			} else {
				op.More = append(op.More, p)
			}
		}
	}
	return n
}

// writeSynced writes the operation's pieces from off on, and makes them durable with everything before them if one of their
// records wants it. What lies before written is as it was wanted, on an error too.
func (a *appender) writeSynced(off int64) (written int64, err error) {
	if a.sync {
		a.syncing.Lock()
		defer a.syncing.Unlock()
	}
	if err := a.mayWrite(off); err != nil {
		return off, err
	}
	apart := a.sync && a.dirty // the sync is a call of its own, for what is dirty too
	if written, err = a.writeAll(off, a.sync && !apart); !a.sync && written > off {
		a.dirty = true
	}
	switch {
	case err != nil && !harmless(err):
		a.breaks(err)
	case err == nil && apart:
		if err = a.f.rt.files.pool.Datasync(&a.f.io); err != nil {
			a.breaks(err) // whatever it is: the records that were dirty may be lost, and the next sync would not say so
		}
		a.dirty = err != nil
	}
	switch {
	case err != nil && apart:
		written = off
	case err == nil && (apart || a.sync && written > off):
		a.syncs.Add(1)
	}
	return written, err
}

// mayWrite says why the operation cannot begin at off. Nothing has happened then that another append has to fear.
func (a *appender) mayWrite(off int64) error {
	if err := a.failed(); err != nil {
		return err
	}
	n := a.op.Bytes()
	switch {
	case n == 0:
		return nil
	case int64(n) > math.MaxInt64-off:
		return errNoOffsets
	case a.f.mode == modeDirect && off%int64(a.f.align) != 0:
		return notDirect("offset %d, where the records end, must be a multiple of %d, which Truncate or AppendFrom gives,", off, a.f.align)
	}
	return a.f.check("append", a.op.Data, off) // which the kernel would refuse too
}

var errNoOffsets = fmt.Errorf("a record would lie behind the largest offset: %w", fs.ErrInvalid)

// writeAll writes the operation's pieces from off on.
func (a *appender) writeAll(off int64, dsync bool) (written int64, err error) {
	op := &a.op
	op.Dsync, op.Off = dsync, off
	for left := op.Bytes(); left > 0; left -= op.N {
		a.f.rt.files.pool.Do(op)
		if op.Err == nil && op.N == 0 {
			op.Err = io.ErrUnexpectedEOF
		}
		if op.Err != nil {
			return op.Off, op.Err
		}
		op.Skip(op.N)
	}
	return op.Off, nil
}

// harmless reports whether the error of a write leaves all other records as they are: the device is full, or a limit is reached.
//
// With RWF_DSYNC it may be the error of the sync that is a part of the write, and have lost what the page cache held: where room is
// allocated late, the sync is what finds none. But such a write is made only when nothing else is dirty, so that it has lost
// nothing but its own record, which the next one is written over. The error of a write without it may be about what was
// written earlier (write(2), ERRORS, EIO); the next sync fails with it then, whether or not the write has.
func harmless(err error) bool {
	for _, limit := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EBADF, io.ErrUnexpectedEOF} {
		if errors.Is(err, limit) {
			return true
		}
	}
	return false
}

// breaks keeps the error of a sync, after which nothing is known about what the page cache held.
func (a *appender) breaks(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken == nil {
		a.broken = fmt.Errorf("a write or sync failed, and what the page cache held may be lost; open the file again and see "+
			"what is there: %w", err)
	}
}

// failed is why nothing is appended any more, and no sync succeeds.
func (a *appender) failed() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.broken
}

// beginSync begins a sync that is not one of Append's.
func (a *appender) beginSync() {
	a.syncing.RLock()
	a.others.Add(1)
}

// endSync takes the outcome of such a sync, and returns what its caller is told. One that succeeded waits for those that run beside
// it, one of which may be told of a loss that concerns both.
func (a *appender) endSync(err error) error {
	err = a.notice(err)
	alone := a.others.Add(-1) == 0
	a.syncing.RUnlock()
	if err != nil || alone {
		return err
	}
	a.syncing.Lock()
	defer a.syncing.Unlock()
	return a.failed()
}

// notice takes the outcome of a sync that is not one of Append's, and returns what its caller is told: what an earlier sync has
// lost may be that caller's. A file that knows no sync (EINVAL) has lost nothing.
func (a *appender) notice(err error) error {
	if err == nil {
		return a.failed()
	}
	if !errors.Is(err, syscall.EINVAL) {
		a.breaks(err)
	}
	return err
}

// finish tells the callers of part what has become of their records: those that lie before written are in the file, up to
// the first that does not. Where that begins the next write does, so what was written of those behind it counts for nothing.
// It returns where the records in the file end.
func (a *appender) finish(off, written int64, err error) (end int64) {
	end = off
	torn := false // a record has failed, and what lies before written is a part of it
	for _, r := range a.part {
		if r.off = end; err != nil && (torn || r.n == 0 || int64(r.n) > written-end) {
			r.err = err
			torn = torn || r.n > 0
		} else {
			end += int64(r.n)
			a.appends.Add(1)
		}
	}
	a.f.grown(off, int(end-off))
	a.mu.Lock()
	a.end = end
	a.mu.Unlock()
	for i, r := range a.part {
		a.complete(r)
		a.part[i] = nil
	}
	return end
}

// complete ends a record that the leader has. The caller may go on, and the File be closed, from the moment that it knows.
func (a *appender) complete(r *appendCall) {
	release(r.bufs)
	told := r.state.CompareAndSwap(appendTaken, appendDone)
	a.f.end()
	if told {
		r.tell()
	}
}

// drop ends a record that was given up before a leader had it.
func (a *appender) drop(r *appendCall) {
	release(r.bufs)
	a.f.end()
}
