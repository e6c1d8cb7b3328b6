package fileiotest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/fileio"
)

// Run puts executors that open makes through all cases: once with nothing else in flight, and once beside an operation that
// stays in flight, where the executor can have one.
func Run(t *testing.T, open func() (fileio.Executor, error)) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, beside := range []bool{false, true} {
				name := "alone"
				if beside {
					name = "beside"
				}
				t.Run(name, func(t *testing.T) { run(t, open, beside, c.fn) })
			}
		})
	}
}

// patience is how long anything may take that is not expected to take any time.
const patience = 60 * time.Second

type testCase struct {
	name string
	fn   func(*rig)
}

var cases = append([]testCase{
	{"nop", nop},
	{"reads", reads},
	{"writes", writes},
	{"errors", mistakes},
	{"all at once", all},
	{"all over many files", allOverManyFiles},
	{"start from done", startFromDone},
	{"start all", startAll},
	{"done has its own turn", doneIsNotInsideStart},
	{"close waits", closeWaits},
	{"stack", stack},
	{"ten thousand goroutines", tenThousand},
}, systemCases...)

// rig is one case.
type rig struct {
	*testing.T
	x      fileio.Executor
	closed bool
	nextID uint32
	dir    string
}

func run(t *testing.T, open func() (fileio.Executor, error), beside bool, fn func(*rig)) {
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	x, err := open()
	if err != nil {
		t.Skipf("lacks: what this executor needs: %v", err)
	}
	r := &rig{T: t, x: x, dir: t.TempDir()}
	end := func() {}
	if beside {
		end = r.hold()
	}
	fn(r)
	end()
	r.close()
	c := x.Counters()
	if n := c.Pending.Load(); n != 0 {
		t.Errorf("%d operations are pending after Close", n)
	}
	t.Logf("%d operations, %d system calls, %d alone", c.Ops.Load(), c.Enters.Load(), c.Lone.Load())
	r.until("goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
	r.until("descriptors are closed", func() bool { return openDescriptors() <= descriptors })
}

// until waits for what happens by itself.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			r.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// wait waits for a channel.
func (r *rig) wait(what string, c <-chan struct{}) {
	r.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		r.Fatalf("not within %v: %s\n%s", patience, what, stacks[:runtime.Stack(stacks, true)])
	}
}

func (r *rig) close() {
	r.Helper()
	if r.closed {
		return
	}
	r.closed = true
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := r.x.Close(); err != nil {
			r.Error(err)
		}
	}()
	r.wait("Close", ended)
}

// hold keeps a read of an empty pipe in flight, as far as the executor waits for it, and gives what ends it.
func (r *rig) hold() (end func()) {
	in, out, err := os.Pipe()
	if err != nil {
		r.Fatal(err)
	}
	ended := make(chan struct{})
	f := r.file(in)
	r.x.Start(&fileio.Op{Code: fileio.Read, File: f, Data: make([]byte, 1), Done: func(*fileio.Op) { close(ended) }})
	return func() {
		if _, err := out.Write([]byte{1}); err != nil {
			r.Error(err)
		}
		r.wait("the read of a pipe", ended)
		r.x.Forget(f)
		in.Close()
		out.Close()
	}
}

// file makes an open file known under an ID of its own.
func (r *rig) file(f *os.File) *fileio.File {
	r.nextID++
	return &fileio.File{OS: f, FD: descriptor(f), ID: r.nextID}
}

// open opens a file, which the case's end closes.
func (r *rig) open(name string, flag int) *fileio.File {
	r.Helper()
	f, err := os.OpenFile(filepath.Join(r.dir, name), flag, 0o600)
	if err != nil {
		r.Fatal(err)
	}
	return r.file(f)
}

func (r *rig) done(f *fileio.File) {
	r.Helper()
	r.x.Forget(f)
	if err := f.OS.Close(); err != nil {
		r.Error(err)
	}
}

// pattern is what stands in a file from off on.
func pattern(n int, off int64) []byte {
	p := make([]byte, n)
	for i := range p {
		at := uint64(off) + uint64(i)
		p[i] = byte(at*7 + at>>9)
	}
	return p
}

// make makes a file of n bytes of the pattern.
func (r *rig) make(name string, n int) *fileio.File {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), pattern(n, 0), 0o600); err != nil {
		r.Fatal(err)
	}
	return r.open(name, os.O_RDWR)
}

// do performs an operation within the time that it may take.
func (r *rig) do(op *fileio.Op) {
	r.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.x.Do(op)
	}()
	r.wait("an operation", ended)
}

func (r *rig) want(what string, op *fileio.Op, n int, err error) {
	r.Helper()
	if op.N != n || op.Err != err {
		r.Errorf("%s: %d, %v; want %d, %v", what, op.N, op.Err, n, err)
	}
}

func (r *rig) wantBytes(what string, got []byte, off int64) {
	r.Helper()
	if string(got) != string(pattern(len(got), off)) {
		r.Errorf("%s: wrong bytes", what)
	}
}

func nop(r *rig) {
	op := &fileio.Op{}
	for range 100 {
		op.N, op.Err = 1, os.ErrInvalid
		r.do(op)
		r.want("nop", op, 0, nil)
	}
}

func reads(r *rig) {
	const size = 10000
	f := r.make("a", size)
	defer r.done(f)
	for _, c := range []struct {
		off     int64
		n, want int
	}{
		{0, 4096, 4096}, {1, 5000, 5000}, {0, size, size}, {size - 1, 1, 1}, {0, 0, 0}, {size, 0, 0},
		{9000, 4096, 1000}, {size, 10, 0}, {size + 1, 10, 0}, {1 << 40, 10, 0},
	} {
		op := &fileio.Op{Code: fileio.Read, File: f, Off: c.off, Data: make([]byte, c.n)}
		for range 2 { // an operation may be used again
			r.do(op)
			r.want("read", op, c.want, nil)
			r.wantBytes("read", op.Data[:op.N], op.Off)
		}
	}
}

func writes(r *rig) {
	f := r.open("a", os.O_RDWR|os.O_CREATE)
	defer r.done(f)
	off := int64(0)
	for _, dsync := range []bool{false, true} {
		for _, sizes := range [][]int{{100}, {4096}, {0}, {1, 2, 3}, {0, 10, 0, 20}, {3, 70000, 5}, {1 << 20}} {
			op := &fileio.Op{Code: fileio.Write, File: f, Off: off, Dsync: dsync}
			for i, n := range sizes {
				p := pattern(n, off)
				off += int64(n)
				if i == 0 {
					op.Data = p
				} else {
					op.More = append(op.More, p)
				}
			}
			r.do(op)
			r.want("write", op, op.Bytes(), nil)
		}
	}
	got, err := os.ReadFile(f.OS.Name())
	if err != nil || int64(len(got)) != off {
		r.Fatal(len(got), off, err)
	}
	r.wantBytes("the file", got, 0)
	// More pieces than a system call takes: some are written, in order.
	op := &fileio.Op{Code: fileio.Write, File: f, Data: []byte{byte(0)}}
	for i := range 3000 {
		op.More = append(op.More, []byte{byte(i + 1)})
	}
	r.do(op)
	if op.Err != nil || op.N == 0 || op.N > 3001 {
		r.Fatal(op.N, op.Err)
	}
	if got, err = os.ReadFile(f.OS.Name()); err != nil {
		r.Fatal(err)
	}
	for i := range op.N {
		if got[i] != byte(i) {
			r.Fatalf("piece %d of %d is wrong", i, op.N)
		}
	}
}

func all(r *rig) {
	const size = 1 << 20
	f := r.make("a", size)
	defer r.done(f)
	for _, n := range []int{0, 1, 2, 32, 33, 511, 512, 513, 3000} {
		ops := make([]*fileio.Op, n)
		for i := range ops {
			ops[i] = &fileio.Op{Code: fileio.Read, File: f, Off: rand.Int64N(size), Data: make([]byte, 600)}
		}
		for range 2 {
			r.doAll(ops)
			for _, op := range ops {
				r.want("read", op, min(600, size-int(op.Off)), nil)
				r.wantBytes("read", op.Data[:op.N], op.Off)
				op.Data = op.Data[:600]
			}
		}
	}
}

func (r *rig) doAll(ops []*fileio.Op) {
	r.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.x.DoAll(ops)
	}()
	r.wait("many operations", ended)
}

// allOverManyFiles reads and writes many files from several goroutines, with a few mistakes among the operations.
func allOverManyFiles(r *rig) {
	var files []*fileio.File
	for i := range 100 {
		files = append(files, r.make("f"+string(rune('A'+i)), 8192))
	}
	var callers sync.WaitGroup
	for k := range 20 {
		callers.Go(func() { r.overAll(files, k) })
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		callers.Wait()
	}()
	r.wait("many files", finished)
	for _, f := range files {
		r.done(f)
	}
}

// overAll is the part of the caller k.
func (r *rig) overAll(files []*fileio.File, k int) {
	var ops []*fileio.Op
	for i, f := range files {
		off := int64(i+k) % 8000
		ops = append(ops,
			&fileio.Op{Code: fileio.Read, File: f, Off: off, Data: make([]byte, 100)},
			&fileio.Op{Code: fileio.Write, File: f, Off: off, Data: pattern(50, off), More: [][]byte{pattern(50, off+50)}},
			&fileio.Op{Code: fileio.Read, File: f, Off: -1, Data: make([]byte, 100)})
	}
	r.x.DoAll(ops)
	for _, op := range ops {
		if op.Off < 0 {
			if op.Err == nil {
				r.Error("a negative offset is good")
			}
			continue
		}
		r.want("one of many", op, 100, nil)
		r.wantBytes("one of many", op.Data, op.Off)
	}
}

// startFromDone begins an operation anew when it has completed.
func startFromDone(r *rig) {
	f := r.make("a", 4096)
	defer r.done(f)
	const rounds, chains = 500, 20
	finished := make(chan struct{})
	var ended atomic.Int32
	for range chains {
		n := 0
		op := &fileio.Op{Code: fileio.Read, File: f, Off: 96, Data: make([]byte, 4000)}
		op.Done = func(op *fileio.Op) {
			r.want("read", op, 4000, nil)
			if n++; n < rounds {
				r.x.Start(op)
			} else if ended.Add(1) == chains {
				close(finished)
			}
		}
		r.x.Start(op)
	}
	r.wait("chains of operations", finished)
}

func startAll(r *rig) {
	f := r.make("a", 1<<16)
	defer r.done(f)
	r.x.StartAll(nil)
	const n = 3000
	finished := make(chan struct{})
	var ended atomic.Int32
	var ops []*fileio.Op
	for i := range n {
		op := &fileio.Op{Code: fileio.Read, File: f, Off: int64(i), Data: make([]byte, 512)}
		if i%100 == 0 {
			op.Off = -1
		}
		op.Done = func(op *fileio.Op) {
			if op.Off < 0 && op.Err == nil {
				r.Error("a negative offset is good")
			} else if op.Off >= 0 {
				r.want("read", op, 512, nil)
				r.wantBytes("read", op.Data, op.Off)
			}
			if ended.Add(1) == n {
				close(finished)
			}
		}
		ops = append(ops, op)
	}
	r.x.StartAll(ops)
	r.wait("operations that were started", finished)
}

// doneIsNotInsideStart: whoever starts may hold what Done needs.
func doneIsNotInsideStart(r *rig) {
	f := r.make("a", 4096)
	defer r.done(f)
	for i := range 200 {
		mu := make(chan struct{}, 1)
		finished := make(chan struct{})
		op := &fileio.Op{Code: fileio.Code(i % 2), File: f, Data: make([]byte, 10), Off: int64(i%3) - 1}
		op.Done = func(*fileio.Op) {
			mu <- struct{}{}
			close(finished)
		}
		mu <- struct{}{}
		began := make(chan struct{})
		go func() {
			r.x.Start(op)
			close(began)
		}()
		r.wait("Start", began)
		<-mu
		r.wait("Done", finished)
	}
}

func closeWaits(r *rig) {
	if !strings.HasSuffix(r.Name(), "/alone") {
		return // Close would wait for the one that stays in flight
	}
	f := r.make("a", 1<<20)
	const n = 2000
	var ended atomic.Int32
	for i := range n {
		r.x.Start(&fileio.Op{Code: fileio.Read, File: f, Off: int64(i) * 512, Data: make([]byte, 512),
			Done: func(op *fileio.Op) {
				r.want("read", op, 512, nil)
				ended.Add(1)
			}})
	}
	r.close()
	if k := ended.Load(); k != n {
		r.Errorf("%d of %d operations had completed when Close returned", k, n)
	}
	if err := f.OS.Close(); err != nil {
		r.Error(err)
	}
}

// stack reads into an array that would be on the goroutine's stack, if the compiler did not see that it must not be, and
// has the stack moved meanwhile.
func stack(r *rig) {
	f := r.make("a", 1<<20)
	defer r.done(f)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for i := range 200 {
			growing := make(chan struct{})
			go func() {
				defer close(growing)
				var block [4096]byte
				ended := make(chan struct{})
				op := &fileio.Op{Code: fileio.Read, File: f, Off: int64(i) * 4096, Data: block[:],
					Done: func(*fileio.Op) { close(ended) }}
				r.x.Start(op)
				grow(200)
				<-ended
				r.want("read", op, 4096, nil)
				r.wantBytes("the array", block[:], op.Off)
			}()
			<-growing
		}
	}()
	r.wait("reads into arrays", finished)
}

// grow uses n KiB of stack.
//
//go:noinline
func grow(n int) byte {
	var room [1024]byte
	if n > 0 {
		room[n%1024] = grow(n - 1)
	}
	return room[n/2]
}

// threadsMax is how many threads a process may have whatever it does with an executor.
const threadsMax = 16

func tenThousand(r *rig) {
	const n, size = 10000, 1 << 20
	f := r.make("a", size)
	defer r.done(f)
	var ended atomic.Int32
	finished := make(chan struct{})
	before := threads()
	for i := range n {
		go func() {
			op := &fileio.Op{Code: fileio.Read, File: f, Off: int64(i%1000) * 1000, Data: make([]byte, 1000)}
			for range 3 {
				r.x.Do(op)
				r.want("read", op, 1000, nil)
				r.wantBytes("read", op.Data, op.Off)
			}
			if ended.Add(1) == n {
				close(finished)
			}
		}()
	}
	r.wait("10,000 goroutines", finished)
	if k := threads(); k > max(threadsMax, before) {
		r.Errorf("%d threads for 10,000 goroutines, %d before", k, before)
	}
}
