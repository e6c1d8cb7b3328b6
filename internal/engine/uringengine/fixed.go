//go:build linux && !unio_nouring

package uringengine

import (
	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/ringfile"
	"github.com/unio-go/unio/internal/sys"
)

var (
	_ engine.FileForgetter = (*Engine)(nil)
	_ engine.Limited       = (*Engine)(nil)
)

// fixed is what is registered with the ring, so that a request need not look up its descriptor or pin its memory: files
// under their ID, the pool's chunks under their number. It is done when it becomes worth it, and is best effort: what is
// not registered is named as in any other request.
type fixed struct {
	memory ringfile.Memory
	files  []fixedFile
	limits ringfile.Limits // for other goroutines
}

// fixedFile is what is known of the file with an ID.
type fixedFile struct {
	file       *fileio.File
	uses       uint16
	registered bool
}

// openFiles prepares for operations on files, of which many an engine never sees one.
func (e *Engine) openFiles() {
	e.files.room = int(e.ring.CQEntries()) / fileRoomDiv
	e.files.slots = make([]fileSlot, 0, fileEntriesMax)
	e.limitWorkers()
	x := &e.fixed
	x.memory.Open(e.ring, e.blocks.pool, x.limits.Note)
	x.files = make([]fixedFile, ringfile.OpenFiles(e.ring, fixedFilesMax, x.limits.Note))
}

// limitWorkers bounds the threads that the kernel makes for the loop's requests, and keeps them off the CPU that the loop is
// pinned to. Sockets need none. Without such limits (before 5.15) they are as they are.
func (e *Engine) limitWorkers() {
	_, _, _ = e.ring.RegisterIowqMaxWorkers(fileWorkersMax, fileWorkersMax)
	mine, err := sys.ThreadCPUs()
	if err != nil || len(mine) != 1 || e.netpoll != nil {
		return
	}
	var others unix.CPUSet
	for _, cpu := range sys.ProcessCPUs() {
		if cpu != mine[0] {
			others.Set(cpu)
		}
	}
	if others.Count() > 0 {
		_ = e.ring.RegisterIowqAff(&others)
	}
}

// fixedFile is how an entry names a file: by its place in the table, or by its descriptor.
func (e *Engine) fixedFile(f *fileio.File) (fd int, registered bool) {
	x := &e.fixed
	if int(f.ID) >= len(x.files) {
		return f.FD, false
	}
	r := &x.files[f.ID]
	if r.registered && r.file == f {
		return int(f.ID), true
	}
	if r.file != f {
		e.unfix(f.ID)
		r.file = f
	}
	if r.uses++; r.uses < fixedFileUses || f.FD < 0 {
		return f.FD, false
	}
	r.uses = 0
	if _, err := e.ring.UpdateFiles(f.ID, []int32{int32(f.FD)}); err != nil {
		return f.FD, false
	}
	r.registered = true
	return int(f.ID), true
}

// unfix empties a place in the table of files.
func (e *Engine) unfix(id uint32) {
	r := &e.fixed.files[id]
	if r.registered {
		_, _ = e.ring.UpdateFiles(id, []int32{-1}) // it cannot fail for a place that is in use
	}
	*r = fixedFile{}
}

// ForgetFile gives up the registration of a file, which would keep it open.
func (e *Engine) ForgetFile(f *fileio.File) {
	if !e.closing && int(f.ID) < len(e.fixed.files) && e.fixed.files[f.ID].file == f {
		e.unfix(f.ID)
	}
}

// Limits are what could not be registered, and why; anybody may call it.
func (e *Engine) Limits() []string { return e.fixed.limits.List() }

// unfixAll gives every registration back, at once: the end of a ring would do it some time later.
func (e *Engine) unfixAll() {
	if len(e.fixed.files) > 0 {
		_ = e.ring.UnregisterFiles()
	}
	e.fixed.memory.Close()
}
