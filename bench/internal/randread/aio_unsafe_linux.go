package randread

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// iocb and ioEvent are the kernel's (include/uapi/linux/aio_abi.h), for little-endian machines.
type iocb struct {
	data   uint64
	_      uint32 // aio_key
	_      uint32 // aio_rw_flags
	opcode uint16
	_      int16 // aio_reqprio
	fd     uint32
	buf    *byte
	bytes  uint64
	offset int64
	_      uint64 // aio_reserved2
	_      uint32 // aio_flags
	_      uint32 // aio_resfd
}

type ioEvent struct {
	data uint64
	obj  uint64
	res  int64
	res2 int64
}

// iocbPread is IOCB_CMD_PREAD.
const iocbPread = 0

var (
	_ [64]byte = [unsafe.Sizeof(iocb{})]byte{}
	_ [32]byte = [unsafe.Sizeof(ioEvent{})]byte{}
)

// openAIO is Linux AIO by raw system calls: a thread per P keeps its share of the reads in flight, submits all that have
// ended in one call, and waits for at least one more.
func openAIO(cs Case, l *Layout) (*program, error) {
	files, all, err := openFiles(cs, l)
	if err != nil {
		return nil, err
	}
	threads := runtime.GOMAXPROCS(0)
	for cs.Depth%threads != 0 {
		threads--
	}
	var calls atomic.Uint64
	p := goroutines(cs)
	p.perRun, p.close = cs.Depth/threads, all.close
	p.enters = calls.Load
	p.run = func(w *worker) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		a, err := newAIO(w, files, &calls)
		if err != nil {
			return err
		}
		return a.run()
	}
	return p, nil
}

// aio is one thread's context.
type aio struct {
	worker  *worker
	files   []*os.File
	fds     []uint32
	calls   *atomic.Uint64
	context uint64
	cbs     []iocb
	bufs    [][]byte
	wheres  []where
	queue   []*iocb
	events  []ioEvent
}

// where is what a loop of the thread has asked for.
type where struct {
	file int
	off  int64
}

func newAIO(w *worker, files []*os.File, calls *atomic.Uint64) (*aio, error) {
	n := len(w.loops)
	a := &aio{worker: w, files: files, calls: calls, cbs: make([]iocb, n), bufs: make([][]byte, n),
		wheres: make([]where, n), events: make([]ioEvent, n)}
	for _, f := range files {
		a.fds = append(a.fds, uint32(f.Fd()))
	}
	for i := range a.bufs {
		var err error
		if a.bufs[i], err = alignedBlock(); err != nil {
			return nil, err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, uintptr(n), uintptr(unsafe.Pointer(&a.context)), 0); errno != 0 {
		return nil, fmt.Errorf("%w: fs.aio-max-nr bounds how many reads may be in flight", os.NewSyscallError("io_setup", errno))
	}
	return a, nil
}

// run keeps all loops reading until the slice is over, and waits for what is in flight then.
func (a *aio) run() error {
	defer unix.Syscall(unix.SYS_IO_DESTROY, uintptr(a.context), 0, 0)
	for i := range a.worker.loops {
		a.ask(i)
	}
	for flying := 0; flying+len(a.queue) > 0; {
		n, err := a.submit()
		if flying += n; err != nil {
			return err
		}
		n, err = a.wait()
		if flying -= n; err != nil {
			return err
		}
	}
	return nil
}

// ask queues the next read of a loop.
func (a *aio) ask(i int) {
	file, off := a.worker.loops[i].picker.pick()
	a.wheres[i] = where{file, off}
	a.cbs[i] = iocb{data: uint64(i), opcode: iocbPread, fd: a.fds[file], buf: &a.bufs[i][0],
		bytes: blockBytes, offset: off}
	a.queue = append(a.queue, &a.cbs[i])
}

func (a *aio) submit() (done int, err error) {
	for len(a.queue) > 0 {
		n, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, uintptr(a.context), uintptr(len(a.queue)),
			uintptr(unsafe.Pointer(&a.queue[0])))
		a.calls.Add(1)
		switch {
		case errno == syscall.EINTR || errno == syscall.EAGAIN && done > 0:
		case errno != 0:
			return done, os.NewSyscallError("io_submit", errno)
		}
		if errno == 0 {
			done += int(n)
			a.queue = a.queue[:copy(a.queue, a.queue[n:])]
		}
	}
	return done, nil
}

// wait reaps what has ended, one read at least, and asks for more while the slice lasts.
func (a *aio) wait() (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, uintptr(a.context), 1, uintptr(len(a.events)),
		uintptr(unsafe.Pointer(&a.events[0])), 0, 0)
	a.calls.Add(1)
	if errno == syscall.EINTR {
		return 0, nil
	}
	if errno != 0 {
		return 0, os.NewSyscallError("io_getevents", errno)
	}
	for _, e := range a.events[:n] {
		i := int(e.data)
		if e.res != blockBytes {
			return int(n), fmt.Errorf("%s at %d: aio read: %d of %d bytes, or minus an error number",
				a.files[a.wheres[i].file].Name(), a.wheres[i].off, e.res, blockBytes)
		}
		l := &a.worker.loops[i]
		if l.checks() {
			if err := checkHeader(a.bufs[i], a.wheres[i].file, a.wheres[i].off); err != nil {
				return int(n), err
			}
		}
		if !a.worker.over(l) {
			a.ask(i)
		}
	}
	return int(n), nil
}
