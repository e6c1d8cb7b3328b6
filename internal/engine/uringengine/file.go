//go:build linux && !unio_nouring

package uringengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/ringfile"
	"github.com/unio-go/unio/uring"
)

// files is what an engine keeps for operations on files. A slot refers to its operation, and so to the memory that the
// kernel reads or writes, from the submission to the terminal completion; the kernel is told the slot's number alone.
type files struct {
	slots   []fileSlot
	free    []uint32
	room    int          // how many more requests may be with the kernel
	waiting engine.Queue // operations for which there was no room
	queued  int          // entries since the last enter
	copies  bool         // one of them may copy from the page cache, or wait for a device, inside the enter
}

type fileSlot struct {
	op    *engine.Op
	rec   *record // the pieces of a write
	gen   uint32
	tries uint8
	async bool     // a thread of the kernel shall do it, which may wait for what is lacking
	kept  [][]byte // memory that the kernel has for good, see giveUpFiles
}

// submitFile begins an operation on a file. Those for which there is no room wait: completions that the ring cannot hold
// would end every multishot request.
func (e *Engine) submitFile(op *engine.Op) bool {
	op.IO.N, op.IO.Err = 0, nil
	if err := op.IO.Check(); err != nil {
		op.FailFile(err)
		return true
	}
	f := &e.files
	if f.slots == nil {
		e.openFiles()
	}
	if f.room == 0 {
		f.waiting.Push(op)
		return false
	}
	i := f.take(op)
	if errno := e.startFile(i); errno != 0 {
		f.put(i)
		op.FailFile(errno)
		return true
	}
	return false
}

// take gives an operation a slot.
func (f *files) take(op *engine.Op) (i uint32) {
	f.room--
	if n := len(f.free); n > 0 {
		i = f.free[n-1]
		f.free = f.free[:n-1]
	} else {
		i = uint32(len(f.slots))
		f.slots = append(f.slots, fileSlot{})
	}
	f.slots[i].op = op
	return i
}

// put gives a slot back that the kernel no longer has.
func (f *files) put(i uint32) {
	s := &f.slots[i]
	s.op, s.tries, s.async = nil, 0, false
	s.gen = (s.gen + 1) & genMask
	f.free = append(f.free, i)
	f.room++
}

// find is the slot of a user_data, nil when it is one of the past. There should be none, as with descriptors.
func (f *files) find(data uint64) *fileSlot {
	i := uint32(data)
	if int(i) >= len(f.slots) {
		return nil
	}
	s := &f.slots[i]
	if s.op == nil || s.gen != uint32(data>>genShift)&genMask {
		return nil
	}
	return s
}

// startFile queues the request for a slot's operation, and enters the kernel when enough of them are queued: the device
// begins with these while the rest is made.
func (e *Engine) startFile(i uint32) syscall.Errno {
	f := &e.files
	slot := &f.slots[i]
	io := slot.op.IO
	if len(io.More) > 0 && slot.rec == nil && io.Code == fileio.Write {
		rec, err := e.records.get()
		if err != nil {
			return syscall.ENOMEM
		}
		gather(rec, io)
		slot.rec = rec
	}
	s := e.sqe()
	e.fillFile(s, slot)
	s.UserData = kindFile<<kindShift | uint64(slot.gen)<<genShift | uint64(i)
	if slot.async {
		s.Flags |= uring.SqeAsync
	}
	e.stats.pending++
	f.queued++
	f.copies = f.copies || io.Code != fileio.Nop && !io.File.Direct
	if f.queued >= f.batch() {
		e.enterNow()
	}
	return 0
}

// batch is how many entries go to the kernel in one call.
func (f *files) batch() int {
	return min(max((len(f.slots)-len(f.free))/fileEntriesDiv, fileEntriesMin), fileEntriesMax)
}

// gather puts the pieces of a write, as many as one request takes, into a record.
func gather(rec *record, io *fileio.Op) {
	for i := -1; i < len(io.More); i++ {
		p := io.Data
		if i >= 0 {
			p = io.More[i]
		}
		room := fileBytesMax - int(rec.bytes)
		if len(p) > 0 && (room == 0 || !rec.add(p[:min(len(p), room)])) {
			break
		}
	}
}

// fillFile turns an operation into an entry. Here, and not before, addresses become numbers.
func (e *Engine) fillFile(s *uring.SQE, slot *fileSlot) {
	io := slot.op.IO
	if io.Code == fileio.Nop {
		s.PrepNop()
		return
	}
	p := io.Data[:min(len(io.Data), fileBytesMax)]
	var names ringfile.Names
	names.FD, names.Registered = e.fixedFile(io.File)
	if slot.rec != nil {
		names.Vector, names.Pieces = slot.rec.pieces(), slot.rec.n
	} else if names.Buffer, names.Fixed = e.fixed.memory.Find(p); names.Fixed {
		e.stats.fixed++
	}
	ringfile.Fill(s, io, p, &names)
}

// fileDone takes the completion of a request.
func (e *Engine) fileDone(data uint64, res int32) {
	f, i := &e.files, uint32(data)
	slot := f.find(data)
	if slot == nil {
		return
	}
	e.stats.pending--
	if res < 0 && e.retryFile(slot, syscall.Errno(-res)) {
		slot.tries++
		slot.async = syscall.Errno(-res) == syscall.EAGAIN
		_ = e.startFile(i) // it has its record, for which alone there could be no memory
		return
	}
	e.fileResult(slot, res)
	f.put(i)
	for !f.waiting.Empty() && !e.closing {
		op := f.waiting.Pop()
		if !e.submitFile(op) {
			return // it has the room
		}
		e.complete(op)
	}
}

// retryFile reports whether a request that has failed is tried again.
func (e *Engine) retryFile(slot *fileSlot, errno syscall.Errno) bool {
	return ringfile.Passes(errno) && slot.tries < fileTriesMax && !e.closing && e.err == nil
}

// fileResult completes the operation of a slot, whose memory the kernel no longer has.
func (e *Engine) fileResult(slot *fileSlot, res int32) {
	op := slot.op
	if slot.rec != nil {
		e.records.put(slot.rec)
		slot.rec = nil
	}
	e.stats.files++
	switch errno := syscall.Errno(-res); {
	case res >= 0:
		op.IO.N = int(res)
	case e.closing && errno == syscall.ECANCELED:
		op.FailFile(engine.ErrCanceled)
	default:
		op.FailFile(errno)
	}
	e.complete(op)
}

// dropWaiting ends the operations that have not come to the kernel.
func (e *Engine) dropWaiting() {
	for op := e.files.waiting.Pop(); op != nil; op = e.files.waiting.Pop() {
		op.FailFile(engine.ErrCanceled)
		e.complete(op)
	}
}

// giveUpFiles returns the operations that the kernel did not end, and keeps their memory, to which it may still write, from
// the collector. Who submitted them must keep it from everybody else.
func (e *Engine) giveUpFiles() {
	for i := range e.files.slots {
		slot := &e.files.slots[i]
		op := slot.op
		if op == nil {
			continue
		}
		slot.op = nil
		slot.kept = append(append(slot.kept, op.IO.Data), op.IO.More...)
		op.FailFile(engine.ErrAbandoned)
		e.complete(op)
	}
}
