//go:build linux && !unio_nouring

package uringengine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uring"
)

// tempFile is an open file with random content.
func tempFile(t testing.TB, size, flags int) (*fileio.File, []byte) {
	t.Helper()
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0)
	if err != nil {
		t.Skipf("lacks: O_DIRECT in the temporary directory: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return &fileio.File{OS: f, FD: int(f.Fd()), ID: 7, Direct: flags&syscall.O_DIRECT != 0}, content
}

// pipeFile is the reading end of a pipe, and the writing end.
func pipeFile(t *testing.T) (*fileio.File, *os.File) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	in, out := os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe")
	t.Cleanup(func() { in.Close(); out.Close() })
	return &fileio.File{OS: in, FD: fds[0], ID: 8}, out
}

func TestFileOperationsAllocateNothing(t *testing.T) {
	if testing.CoverMode() != "" || checked {
		t.Skip("this build allocates to check")
	}
	r := newRig(t, sizes[0], nil)
	defer r.close()
	f, _ := tempFile(t, 1<<20, 0)
	b, _ := r.pool.TryGet(4096)
	defer b.Release()
	pieces := [][]byte{b.Bytes()[:1000], b.Bytes()[2000:3000]}
	for name, io := range map[string]*fileio.Op{
		"read":                 {Code: fileio.Read, File: f, Data: b.Bytes()},
		"read to Go's memory":  {Code: fileio.Read, File: f, Data: make([]byte, 4096)},
		"write":                {Code: fileio.Write, File: f, Data: b.Bytes()},
		"write of pieces":      {Code: fileio.Write, File: f, Data: b.Bytes()[:100], More: pieces},
		"read behind the end":  {Code: fileio.Read, File: f, Data: b.Bytes(), Off: 1 << 30},
		"read at no place":     {Code: fileio.Read, File: f, Data: b.Bytes(), Off: -1},
		"read of a closed one": {Code: fileio.Read, File: &fileio.File{FD: 1 << 20, ID: 9}, Data: b.Bytes()},
	} {
		op := &engine.Op{Code: engine.File, IO: io}
		once := func() {
			for done := r.e.Submit(op); !done; {
				if err := r.e.Wait(time.Second); err != nil {
					t.Fatal(err)
				}
				done = r.e.Next() != nil
			}
		}
		once()
		if n := testing.AllocsPerRun(500, once); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// TestFilesAreRegistered looks whether memory and files are, since all works without.
func TestFilesAreRegistered(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	defer r.close()
	f, content := tempFile(t, 1<<20, 0)
	b, _ := r.pool.TryGet(4096)
	defer b.Release()
	for i := range fixedFileUses {
		if r.e.fixed.files != nil && r.e.fixed.files[f.ID].registered {
			t.Fatalf("the file is registered after %d operations", i)
		}
		op := r.do(&engine.Op{Code: engine.File, IO: &fileio.Op{Code: fileio.Read, File: f, Data: b.Bytes(), Off: 5000}})
		if op.Err != nil || !bytes.Equal(b.Bytes(), content[5000:][:4096]) {
			t.Fatal(op.Err)
		}
	}
	if !r.e.fixed.files[f.ID].registered {
		t.Error("the file is not registered")
	}
	if n := r.e.Counters().Fixed.Load(); n != fixedFileUses {
		t.Errorf("%d of %d reads used registered memory", n, fixedFileUses)
	}
	if limits := r.e.Limits(); len(limits) > 0 {
		t.Errorf("limits: %q", limits)
	}
	r.e.ForgetFile(f)
	if r.e.fixed.files[f.ID] != (fixedFile{}) {
		t.Error("the file is not forgotten")
	}
}

// memlockEnv names the file for a child process whose limit of locked memory is too small.
const memlockEnv = "UNIO_TEST_MEMLOCK"

// TestMemlockTooSmallForBuffers: what cannot be registered is read all the same, and told once.
func TestMemlockTooSmallForBuffers(t *testing.T) {
	if path := os.Getenv(memlockEnv); path != "" {
		readWithLittleMemlock(t, path)
		return
	}
	if err := Available(); err != nil {
		t.Skipf("this machine has no io_uring: %v", err)
	}
	f, _ := tempFile(t, 1<<20, 0)
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemlockTooSmallForBuffers$", "-test.v")
	cmd.Env = append(os.Environ(), memlockEnv+"="+f.OS.Name())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "proved:") {
		t.Errorf("%v\n%s", err, out)
	}
}

func readWithLittleMemlock(t *testing.T, path string) {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 2*mem.MaxBytes + mem.MaxBytes/2
	if err := syscall.Setrlimit(unix.RLIMIT_MEMLOCK, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if os.Getuid() == 0 { // CAP_IPC_LOCK is free of the limit
		if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, sizes[0], nil)
	defer r.close()
	f := &fileio.File{OS: file, FD: int(file.Fd()), ID: 1}
	for range 3 {
		var bufs []*mem.Buf
		for range 5 {
			b, _ := r.pool.TryGet(mem.MaxBytes)
			bufs = append(bufs, b)
			op := r.do(&engine.Op{Code: engine.File, IO: &fileio.Op{Code: fileio.Read, File: f, Data: b.Bytes()}})
			if op.Err != nil || op.IO.N != mem.MaxBytes {
				t.Fatalf("read %d bytes: %v", op.IO.N, op.Err)
			}
		}
		for _, b := range bufs {
			b.Release()
		}
	}
	limits, fixed := r.e.Limits(), r.e.Counters().Fixed.Load()
	if len(limits) != 1 || !strings.Contains(limits[0], "memlock") && !strings.Contains(limits[0], "MEMLOCK") {
		t.Errorf("limits: %q", limits)
	}
	if fixed == 0 || fixed >= 15 {
		t.Errorf("%d of 15 reads used registered memory", fixed)
	}
	fmt.Printf("proved: %d of 15 reads on registered memory, and %q\n", fixed, limits)
}

// TestFileMemoryIsKeptWhenTheKernelDoesNotFinish closes while a device writes to the memory.
func TestFileMemoryIsKeptWhenTheKernelDoesNotFinish(t *testing.T) {
	const readBytes = 1 << 20
	f, content := tempFile(t, 32*readBytes, syscall.O_DIRECT)
	for range 50 {
		r := newRig(t, sizes[0], nil)
		ops := make([]*engine.Op, 32)
		for i := range ops {
			ops[i] = &engine.Op{Code: engine.File, IO: &fileio.Op{
				Code: fileio.Read, File: f, Data: aligned(readBytes), Off: int64(i) * readBytes,
			}}
			r.e.Submit(ops[i])
		}
		if err := r.e.Close(0); err == nil {
			continue // the device was faster
		}
		abandoned := 0
		for op := r.e.Next(); op != nil; op = r.e.Next() {
			if op.Err == engine.ErrAbandoned && op.IO.Err == op.Err && errors.Is(op.Err, engine.ErrCanceled) {
				abandoned++
			} else if op.Err != nil && op.Err != engine.ErrCanceled {
				t.Errorf("a read ended with %v", op.Err)
			}
		}
		kept := map[uint64][]byte{}
		for i := range r.e.files.slots {
			for _, p := range r.e.files.slots[i].kept {
				kept[uint64(i)] = p
			}
		}
		if abandoned == 0 || len(kept) != abandoned {
			t.Fatalf("%d operations were given up, the memory of %d is kept", abandoned, len(kept))
		}
		if r.endsLater(kept, content) > 0 {
			return
		}
	}
	t.Error("the device was always faster than Close: the test tests nothing")
}

// endsLater waits until the kernel has ended what the engine had given up, looks at the memory of the reads that it has not cancelled,
// and frees the engine. kept is memory by the place of its operation; the result is how many have been read.
func (r *rig) endsLater(kept map[uint64][]byte, content []byte) (read int) {
	r.Helper()
	quarantine.Lock()
	quarantine.engines = quarantine.engines[:len(quarantine.engines)-1]
	quarantine.Unlock()
	ended := func() map[uint64]int32 {
		results := map[uint64]int32{}
		for i := range r.e.ring.CQReady() {
			if c := r.e.ring.CQE(i); c.UserData>>kindShift == kindFile {
				results[c.UserData&(1<<genShift-1)] = c.Res
			}
		}
		return results
	}
	for deadline := time.Now().Add(patience); len(ended()) < len(kept); {
		if time.Now().After(deadline) {
			r.Fatalf("%d of %d requests have ended", len(ended()), len(kept))
		}
		if _, err := r.e.ring.SubmitAndWaitTimeout(uint32(len(kept)), 10*time.Millisecond, 0); !uring.Temporary(err) && err != nil {
			r.Fatal(err)
		}
	}
	for place, res := range ended() {
		p := kept[place]
		if int(res) != len(p) {
			continue
		}
		read++
		if at := bytes.Index(content, p[:4096]); at < 0 || !bytes.Equal(content[at:][:len(p)], p) {
			r.Error("the kernel wrote elsewhere")
		}
	}
	if err := errors.Join(r.e.free(), r.pool.Close()); err != nil {
		r.Error(err)
	}
	return read
}

// TestFileOperationsOutliveTheThreadThatSubmittedThem: the kernel cancels what a thread has submitted when that ends. The
// operation goes on.
func TestFileOperationsOutliveTheThreadThatSubmittedThem(t *testing.T) {
	r := newSharedRig(t)
	defer r.close()
	f, out := pipeFile(t)
	io := &fileio.Op{Code: fileio.Read, File: f, Data: make([]byte, 10)}
	op := &engine.Op{Code: engine.File, IO: io}
	for range 3 {
		onDyingThread(func() {
			if r.e.Submit(op) {
				t.Errorf("a read of nothing is done: %v", op.Err)
			}
			if _, err := r.e.Poll(); err != nil {
				t.Error(err)
			}
		})
		out.Write([]byte("hello"))
		done, tried := false, false
		r.until("the read", func() bool {
			tried = tried || r.e.files.slots[0].tries > 0
			return done
		}, func(got *engine.Op) { done = got == op })
		if !tried {
			t.Error("the thread's end has cancelled nothing: the test tests nothing")
		}
		if op.Err != nil || string(io.Data[:io.N]) != "hello" {
			t.Fatalf("read %q: %v", io.Data[:io.N], op.Err)
		}
	}
}

// TestWorkersAreFewAndOffThePinnedCPU has threads of the kernel read, and looks at how many there are and where they may run.
func TestWorkersAreFewAndOffThePinnedCPU(t *testing.T) {
	cpus := sys.ProcessCPUs()
	if len(cpus) < 2 {
		t.Skip("lacks: two CPUs")
	}
	f, _ := tempFile(t, 1<<20, 0)
	r := newRig(t, sizes[0], nil)
	defer r.close()
	if err := sys.PinThread(cpus[0]); err != nil {
		t.Fatal(err)
	}
	defer sys.PinThread(cpus...)
	const count = 200
	before := workersOf(t, sys.Gettid()) // those of an earlier ring of the thread, which run where that let them
	r.e.openFiles()
	for range count {
		i := r.e.files.take(&engine.Op{Code: engine.File, IO: &fileio.Op{Code: fileio.Read, File: f, Data: make([]byte, 1<<20)}})
		r.e.files.slots[i].async = true
		if errno := r.e.startFile(i); errno != 0 {
			t.Fatal(errno)
		}
	}
	done := 0
	r.until("all reads", func() bool { return done == count }, func(op *engine.Op) {
		if op.Err != nil {
			t.Fatal(op.Err)
		}
		done++
	})
	after := workersOf(t, sys.Gettid())
	if len(after) == 0 {
		t.Error("no thread of the kernel has been made")
	}
	made := 0
	for tid, may := range after {
		if before[tid] != nil {
			continue
		}
		made++
		if slices.Contains(may, cpus[0]) {
			t.Errorf("a thread of the kernel may run on the CPU %d of the loop: %v", cpus[0], may)
		}
	}
	if made > fileWorkersMax {
		t.Errorf("%d threads of the kernel, want at most %d", made, fileWorkersMax)
	}
}

// workersOf are the threads that the kernel has made for a thread's requests, each with the CPUs on which it may run. An idle
// one stays for seconds.
func workersOf(t *testing.T, tid int) map[int][]int {
	t.Helper()
	all := map[int][]int{}
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		comm, err := os.ReadFile(name)
		if err != nil || strings.TrimSpace(string(comm)) != fmt.Sprintf("iou-wrk-%d", tid) {
			continue
		}
		worker, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(worker, &set); err != nil {
			continue // it has just ended
		}
		var cpus []int
		for c := 0; len(cpus) < set.Count(); c++ {
			if set.IsSet(c) {
				cpus = append(cpus, c)
			}
		}
		all[worker] = cpus
	}
	return all
}

// TestDurableWritesCarryTheFlag looks at the entries: nothing but a loss of power shows the lack of it.
func TestDurableWritesCarryTheFlag(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	defer r.close()
	f, _ := tempFile(t, 1, 0)
	r.e.openFiles()
	b, _ := r.pool.TryGet(100)
	defer b.Release()
	p := make([]byte, 10)
	for _, c := range []struct {
		opcode uint8
		flags  uint32
		io     *fileio.Op
	}{
		{uring.OpWrite, unix.RWF_DSYNC, &fileio.Op{Code: fileio.Write, Dsync: true, Data: p}},
		{uring.OpWriteFixed, unix.RWF_DSYNC, &fileio.Op{Code: fileio.Write, Dsync: true, Data: b.Bytes()}},
		{uring.OpWritev, unix.RWF_DSYNC, &fileio.Op{Code: fileio.Write, Dsync: true, Data: p, More: [][]byte{b.Bytes()}}},
		{uring.OpWrite, 0, &fileio.Op{Code: fileio.Write, Data: p}},
		{uring.OpReadFixed, 0, &fileio.Op{Code: fileio.Read, Dsync: true, Data: b.Bytes()}},
	} {
		c.io.File = f
		slot := fileSlot{op: &engine.Op{Code: engine.File, IO: c.io}}
		if len(c.io.More) > 0 {
			rec, err := r.e.records.get()
			if err != nil {
				t.Fatal(err)
			}
			gather(rec, c.io)
			slot.rec = rec
		}
		var s uring.SQE
		if r.e.fillFile(&s, &slot); s.Opcode != c.opcode || s.OpFlags != c.flags {
			t.Errorf("%v, durable %v: operation %d with flags %#x, want %d with %#x",
				c.io.Code, c.io.Dsync, s.Opcode, s.OpFlags, c.opcode, c.flags)
		}
	}
}
