//go:build linux && !unio_nouring

package filering

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/ringfile"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// hold keeps a read of an empty pipe in flight, so that nothing is alone, until the test ends or end is called.
func hold(t *testing.T, r *Ring) (end func()) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	op, ended := pipeRead(in)
	r.Start(op)
	return sync.OnceFunc(func() {
		out.Write([]byte{1})
		wait(t, "the read of a pipe", ended)
		if op.N != 1 || op.Err != nil {
			t.Errorf("the read of a pipe: %d, %v", op.N, op.Err)
		}
		r.Forget(op.File)
		in.Close()
		out.Close()
	})
}

func pipeRead(in *os.File) (*fileio.Op, <-chan struct{}) {
	ended := make(chan struct{})
	f := &fileio.File{OS: in, FD: int(in.Fd()), ID: filesMax}
	return &fileio.Op{Code: fileio.Read, File: f, Data: make([]byte, 1), Done: func(*fileio.Op) { close(ended) }}, ended
}

// makeFile makes a file whose n blocks of a page hold their number.
func makeFile(t *testing.T, n int) *fileio.File {
	var text []byte
	for i := range n {
		text = append(text, bytes.Repeat([]byte{byte(i)}, blockBytes)...)
	}
	name := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &fileio.File{OS: f, FD: int(f.Fd()), ID: 7}
}

func TestMemoryIsRegistered(t *testing.T) {
	const chunks = 4
	a := newArena(t, chunks)
	for rings := range 3 {
		r := newRing(t, Config{Memory: a, Rings: rings + 1})
		f := makeFile(t, chunks)
		end := hold(t, r)
		var ops []*fileio.Op
		for i := range chunks {
			ops = append(ops, &fileio.Op{Code: fileio.Read, File: f, Off: int64(i) * blockBytes,
				Data: a.memory[i<<20+i*blockBytes:][:blockBytes]})
		}
		check := func(what string, op *fileio.Op) {
			if op.N != blockBytes || op.Data[0] != byte(op.Off/blockBytes) || op.Data[blockBytes-1] != op.Data[0] {
				t.Errorf("%s: %d, %v, block %d", what, op.N, op.Err, op.Data[0])
			}
			clear(op.Data)
		}
		for _, op := range ops {
			r.Do(op)
			check("one by one", op)
		}
		r.DoAll(ops)
		for _, op := range ops {
			check("at once", op)
		}
		if n := r.Counters().Fixed.Load(); n != 2*chunks {
			t.Errorf("%d of %d operations were on registered memory", n, 2*chunks)
		}
		if l := r.Limits(); len(l) > 0 {
			t.Errorf("limits: %q", l)
		}
		end()
		r.Forget(f)
	}
}

// TestFilesAreRegisteredWhereFewMayBeOpen: the kernel makes no table of files that is larger than the number of files that may be open.
func TestFilesAreRegisteredWhereFewMayBeOpen(t *testing.T) {
	limit, err := sys.FileLimit()
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.SetFileLimit(sys.Limit{Cur: 100, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	defer sys.SetFileLimit(limit)
	r := newRing(t, Config{Rings: 1})
	if n, l := r.shards[0].side.regs.files, r.Limits(); n != 100 || len(l) != 0 {
		t.Errorf("a table of %d files, want 100; limits: %q", n, l)
	}
}

// TestLimitsComeWithTheirCure: what is told to an operator is not an errno alone.
func TestLimitsComeWithTheirCure(t *testing.T) {
	var l ringfile.Limits
	l.Note("files are not registered", &uring.Error{Op: "register FILES2", Errno: syscall.EMFILE})
	l.Note("no ring for batches", &uring.Error{Op: "setup", Errno: syscall.EINVAL})
	l.Note("a file is kept open", &uring.Error{Op: "register FILES_UPDATE", Errno: syscall.EXDEV})
	for i, cure := range []string{"raise ulimit -n", "use a newer kernel", "register FILES_UPDATE: invalid cross-device link"} {
		if text := l.List()[i]; !strings.HasSuffix(text, cure) {
			t.Errorf("%q, want the cure %q", text, cure)
		}
	}
}

func TestMemoryThatIsRefusedIsUsedAsItIs(t *testing.T) {
	good, none := newArena(t, 2), newArena(t, 1)
	if err := unix.Mprotect(none.memory, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	r := newRing(t, Config{Memory: refusing{good, none.memory}})
	defer hold(t, r)()
	f := makeFile(t, 3)
	for range 3 {
		op := &fileio.Op{Code: fileio.Read, File: f, Off: 2 * blockBytes, Data: good.memory[:blockBytes]}
		r.Do(op)
		if op.N != blockBytes || op.Data[9] != 2 {
			t.Fatal(op.N, op.Err)
		}
	}
	if l := r.Limits(); len(l) != 1 || !strings.Contains(l[0], "memory is not registered") {
		t.Errorf("limits: %q", l)
	}
	if n := r.Counters().Fixed.Load(); n != 0 {
		t.Errorf("%d operations on registered memory", n)
	}
	r.Forget(f)
}

// refusing gives for each chunk memory that the kernel refuses to register.
type refusing struct {
	*arena
	none []byte
}

func (m refusing) Chunk(p []byte) (int, []byte, bool) {
	n, _, ok := m.arena.Chunk(p)
	return n, m.none, ok
}

// TestLimitOfLockedMemory: when the limit is reached the rest is used unregistered, and that is said once.
func TestLimitOfLockedMemory(t *testing.T) {
	const chunks = 64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and never unlocked: the thread ends without its right
		if err := dropLockRight(); err != nil {
			t.Error(err)
			return
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil || limit.Cur >= chunks<<20 {
			t.Logf("the limit of locked memory is %d MiB: nothing can be seen", limit.Cur>>20)
			return
		}
		a := newArena(t, chunks)
		r, err := New(Config{Memory: a})
		if err != nil {
			t.Logf("no ring within the limit: %v", err)
			return
		}
		defer r.Close()
		end := hold(t, r)
		f := makeFile(t, 1)
		for range 2 {
			for i := range chunks {
				op := &fileio.Op{Code: fileio.Read, File: f, Data: a.memory[i<<20:][:blockBytes]}
				r.Do(op)
				if op.N != blockBytes {
					t.Error(op.N, op.Err)
				}
			}
		}
		if l := r.Limits(); len(l) != 1 || !strings.Contains(l[0], "no more memory is registered") {
			t.Errorf("limits: %q", l)
		}
		end()
		r.Forget(f)
	}()
	wait(t, "the test", ended)
}

// dropLockRight takes CAP_IPC_LOCK from the calling thread.
func dropLockRight() error {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		return err
	}
	d[0].Effective &^= 1 << unix.CAP_IPC_LOCK
	return unix.Capset(&h, &d[0])
}

// TestFailedRing: what the kernel has is waited for, and all others get the cause.
func TestFailedRing(t *testing.T) {
	r := newRing(t, Config{Rings: 1})
	end := hold(t, r)
	f := makeFile(t, 1)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	// From here on every enter fails: the descriptor is that of something else.
	if err := unix.Dup3(int(null.Fd()), r.shards[0].side.ring.FD(), unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			op := &fileio.Op{Code: fileio.Read, File: f, Data: make([]byte, 10)}
			r.Do(op)
			if op.N != 0 || !errors.Is(op.Err, syscall.EOPNOTSUPP) {
				t.Errorf("on a ring that has failed: %d, %v", op.N, op.Err)
			}
		})
	}
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	wait(t, "operations on a ring that has failed", finished)
	started := make(chan struct{})
	r.Start(&fileio.Op{File: f, Done: func(op *fileio.Op) {
		if op.Err == nil {
			t.Error("a nop was done")
		}
		close(started)
	}})
	wait(t, "one that was started", started)
	end()
}

// TestRequestsOutliveTheThreadThatSubmittedThem: when a thread ends the kernel cancels what it had submitted, and it is
// submitted again.
func TestRequestsOutliveTheThreadThatSubmittedThem(t *testing.T) {
	r := newRing(t, Config{Rings: 1})
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	op, ended := pipeRead(in)
	thread := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocks: the runtime ends the thread, unless it is the first
		r.Start(op)
		thread <- sys.Gettid()
	}()
	tid := <-thread
	first := tid == os.Getpid()
	for end := time.Now().Add(patience); !first; runtime.Gosched() {
		if _, err := os.Stat("/proc/self/task/" + strconv.Itoa(tid)); err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the thread does not end")
		}
	}
	if _, err := out.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	wait(t, "the read", ended)
	if op.N != 1 || op.Err != nil || op.Data[0] != 'x' {
		t.Fatal(op.N, op.Err)
	}
	if n := r.Counters().Enters.Load(); n < 2 && !first {
		t.Errorf("entered %d times: the thread's end has cancelled nothing", n)
	}
	r.Forget(op.File)
}

// TestPassingErrorsAreTriedAgainAndThenAvoided: three times by the ring, and then by a system call.
func TestPassingErrorsAreTriedAgainAndThenAvoided(t *testing.T) {
	f := makeFile(t, 2)
	for _, errno := range []syscall.Errno{syscall.EINTR, syscall.EAGAIN, syscall.ECANCELED} {
		op := &fileio.Op{Code: fileio.Read, File: f, Off: blockBytes, Data: make([]byte, 10)}
		for range retriesMax {
			if settle(op, -int32(errno)) || op.Tries > retriesMax {
				t.Fatalf("%v: given up at %d", errno, op.Tries)
			}
		}
		if settle(op, -int32(errno)) || op.Tries <= retriesMax {
			t.Fatalf("%v: not given up at %d", errno, op.Tries)
		}
		ended := make(chan struct{})
		p := plain{deliver: func(*fileio.Op) { close(ended) }}
		p.add(op)
		wait(t, "a system call", ended)
		if op.N != 10 || op.Err != nil || op.Data[0] != 1 {
			t.Errorf("%v: %d, %v", errno, op.N, op.Err)
		}
	}
	op := &fileio.Op{}
	if !settle(op, -int32(syscall.EIO)) || op.Err != syscall.EIO {
		t.Errorf("EIO: %v", op.Err)
	}
}

// TestBatchThatTheKernelKeeps: when the kernel refuses to be entered while it has operations of a batch, their memory stays its own.
func TestBatchThatTheKernelKeeps(t *testing.T) {
	r := newRing(t, Config{})
	f := makeFile(t, 1)
	in, out, err := os.Pipe()
	null, err2 := os.Open(os.DevNull)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	defer null.Close()
	held, _ := pipeRead(in)
	held.Done = nil
	read := &fileio.Op{Code: fileio.Read, File: f, Data: make([]byte, 10)}
	thread, tid, ended := make(chan *threadRing), 0, make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		tid = sys.Gettid()
		ring := r.batches.take(tid)
		if thread <- ring; ring != nil {
			r.DoAll([]*fileio.Op{read, held})
		}
	}()
	ring := <-thread
	if ring == nil {
		t.Skip("lacks: Linux 6.1 (SetupDeferTaskrun), without which batches have no rings of their own")
	}
	for ring.ring.CQReady() == 0 { // the kernel has both, and waits in the enter that brought them
		runtime.Gosched()
	}
	// From here on every enter fails: the descriptor is that of something else.
	if err := unix.Dup3(int(null.Fd()), ring.ring.FD(), unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	for waiting := true; waiting; {
		unix.Tgkill(os.Getpid(), tid, unix.SIGURG) // to which the Go runtime is used
		select {
		case <-ended:
			waiting = false
		case <-time.After(time.Millisecond):
		}
	}
	if read.N != 10 || read.Err != nil {
		t.Errorf("the read that had completed: %d, %v", read.N, read.Err)
	}
	if held.N != 0 || !errors.Is(held.Err, fileio.ErrAbandoned) || !errors.Is(held.Err, syscall.EOPNOTSUPP) {
		t.Errorf("the read that the kernel has: %d, %v", held.N, held.Err)
	}
	if len(r.batches.lost) != 1 || len(ring.kept) != 1 || &ring.kept[0][0] != &held.Data[0] {
		t.Errorf("%d rings are kept, with %d pieces of memory", len(r.batches.lost), len(ring.kept))
	}
	r.Forget(f)
	r.Forget(held.File)
}

// TestBatchRingsLackWhatTheKernelDoesNotKnow: Linux 6.1 to 6.5 have rings for batches, and lack one of the flags.
func TestBatchRingsLackWhatTheKernelDoesNotKnow(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if !uring.FeatureDeferTaskrun.Have() {
		t.Skip("lacks: Linux 6.1 (SetupDeferTaskrun)")
	}
	for _, flags := range []uint32{setupBatch, setupBatchBest | uring.SetupSqeMixed} { // which is of 6.19
		ring, err := openBatchRing(flags)
		if err != nil {
			t.Fatal(err)
		}
		ring.Close()
	}
}

// TestBatchOnTheThreadOfAnotherRing: a thread's number comes again when it has ended, and its ring does not know the new one.
func TestBatchOnTheThreadOfAnotherRing(t *testing.T) {
	r := newRing(t, Config{})
	f := makeFile(t, 8)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stale := make(chan *threadRing)
	go func() { // on another thread
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ring, err := r.batches.open()
		if err != nil {
			t.Error(err)
		}
		stale <- ring
	}()
	ring := <-stale
	if ring == nil {
		return
	}
	r.batches.threads[sys.Gettid()] = ring
	for range 2 {
		var ops []*fileio.Op
		for i := range 8 {
			ops = append(ops, &fileio.Op{Code: fileio.Read, File: f, Off: int64(i) * blockBytes, Data: make([]byte, 100)})
		}
		r.DoAll(ops)
		for _, op := range ops {
			if op.N != 100 || op.Data[0] != byte(op.Off/blockBytes) {
				t.Error(op.N, op.Err)
			}
		}
	}
	if r.batches.threads[sys.Gettid()] == ring {
		t.Error("the other thread's ring is still there")
	}
	r.Forget(f)
}
