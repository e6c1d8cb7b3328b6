package enginetest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/mem"
)

// fileIDs are the numbers of the kit's files.
var fileIDs atomic.Uint32

// needFiles reports whether the engine performs operations on files. One that does not must say so.
func (r *rig) needFiles() bool {
	r.Helper()
	if r.e.Caps().Files {
		return true
	}
	for _, code := range []fileio.Code{fileio.Read, fileio.Nop, fileio.Write} {
		op := &engine.Op{Code: engine.File, IO: &fileio.Op{Code: code, Data: make([]byte, 1), N: 7}}
		r.do(op)
		if !errors.Is(op.Err, errors.ErrUnsupported) || op.IO.Err != op.Err || op.IO.N != 0 {
			r.Errorf("%v: %d bytes and %v, of the operation %v", code, op.IO.N, op.IO.Err, op.Err)
		}
	}
	return false
}

// file makes an open file with content.
func (r *rig) file(content []byte) *fileio.File {
	r.Helper()
	path := filepath.Join(r.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		r.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		r.Fatal(err)
	}
	return r.opened(f)
}

// opened makes a file for engines of one that is open. It is closed when the case ends.
func (r *rig) opened(f *os.File) *fileio.File {
	r.cleanup(func() { f.Close() })
	return &fileio.File{OS: f, FD: int(f.Fd()), ID: fileIDs.Add(1)}
}

// forget takes leave of a file.
func (r *rig) forget(f *fileio.File) {
	if e, ok := r.e.(engine.FileForgetter); ok {
		e.ForgetFile(f)
	}
}

// content is what stands in the file.
func (r *rig) content(f *fileio.File) []byte {
	r.Helper()
	p, err := os.ReadFile(f.OS.Name())
	if err != nil {
		r.Fatal(err)
	}
	return p
}

func readOp(f *fileio.File, p []byte, off int64) *engine.Op {
	return &engine.Op{Code: engine.File, IO: &fileio.Op{Code: fileio.Read, File: f, Data: p, Off: off}}
}

func writeOp(f *fileio.File, off int64, p []byte, more ...[]byte) *engine.Op {
	return &engine.Op{Code: engine.File, IO: &fileio.Op{Code: fileio.Write, File: f, Data: p, More: more, Off: off}}
}

// want performs an operation on a file and looks at its results.
func (r *rig) want(what string, op *engine.Op, n int, err error) {
	r.Helper()
	r.do(op)
	if op.IO.N != n || op.IO.Err != err || op.Err != err {
		r.Errorf("%s: %d bytes and %v, of the operation %v, want %d and %v", what, op.IO.N, op.IO.Err, op.Err, n, err)
	}
}

func fileReadsWhatWasWritten(r *rig) {
	if !r.needFiles() {
		return
	}
	f := r.file(nil)
	want := pattern(300_000, 1)
	out, ok := r.pool.TryGet(200_000)
	in, ok2 := r.pool.TryGet(len(want))
	if !ok || !ok2 {
		r.Fatal("the pool has no buffers")
	}
	defer out.Release()
	defer in.Release()
	copy(out.Bytes(), want)
	r.want("nop", &engine.Op{Code: engine.File, IO: &fileio.Op{}}, 0, nil)
	r.want("write from the pool", writeOp(f, 0, out.Bytes()), 200_000, nil)
	r.want("write from Go's memory", writeOp(f, 200_000, want[200_000:]), 100_000, nil)
	if !bytes.Equal(r.content(f), want) {
		r.Error("the file has not what was written")
	}
	got := make([]byte, len(want))
	r.want("read to Go's memory", readOp(f, got, 0), len(want), nil)
	r.want("read to the pool", readOp(f, in.Bytes(), 0), len(want), nil)
	if !bytes.Equal(got, want) || !bytes.Equal(in.Bytes(), want) {
		r.Error("read something else than was written")
	}
	r.want("read in the middle", readOp(f, got[:77], 123_456), 77, nil)
	if !bytes.Equal(got[:77], want[123_456:][:77]) {
		r.Error("read from another place")
	}
}

func fileEndsAreTold(r *rig) {
	if !r.needFiles() {
		return
	}
	f := r.file(pattern(1000, 1))
	p := make([]byte, 600)
	r.want("at the end", readOp(f, p, 700), 300, nil)
	if !bytes.Equal(p[:300], pattern(1000, 1)[700:]) {
		r.Error("read something else")
	}
	r.want("behind the end", readOp(f, p, 1000), 0, nil)
	r.want("far behind the end", readOp(f, p, 1<<40), 0, nil)
	r.want("nothing", readOp(f, nil, 10), 0, nil)
	r.want("write of nothing", writeOp(f, 10, nil), 0, nil)
	r.want("write of empty pieces", writeOp(f, 10, nil, nil, []byte{}), 0, nil)
	r.want("write beyond the end", writeOp(f, 2000, []byte("x")), 1, nil)
	if got := r.content(f); len(got) != 2001 || got[2000] != 'x' || got[1999] != 0 {
		r.Errorf("the file has %d bytes", len(got))
	}
}

// fileWritesPiecesInOrder writes more pieces than one request takes, some of them empty, some next to each other.
func fileWritesPiecesInOrder(r *rig) {
	if !r.needFiles() {
		return
	}
	f := r.file(nil)
	want := pattern(64_000, 3)
	var pieces [][]byte
	for off := 0; off < len(want); off += 160 {
		pieces = append(pieces, want[off:off+60], nil, want[off+60:off+100], bytes.Clone(want[off+100:off+160]))
	}
	for off := 0; off < len(want); {
		op := r.do(writeOp(f, int64(off), pieces[0], pieces[1:]...))
		if op.Err != nil || op.IO.N == 0 {
			r.Fatalf("wrote %d bytes: %v", op.IO.N, op.Err)
		}
		off += op.IO.N
		for n := op.IO.N; n > 0 || len(pieces) > 0 && len(pieces[0]) == 0; {
			m := min(n, len(pieces[0]))
			if pieces[0] = pieces[0][m:]; len(pieces[0]) == 0 {
				pieces = pieces[1:]
			}
			n -= m
		}
	}
	if !bytes.Equal(r.content(f), want) {
		r.Error("the file has something else than the pieces")
	}
	r.want("a first piece that is empty", writeOp(f, 0, nil, []byte("one"), []byte("two")), 6, nil)
	if got := r.content(f)[:6]; string(got) != "onetwo" {
		r.Errorf("the file begins with %q", got)
	}
}

func fileWritesAreDurableOnDemand(r *rig) {
	if !r.needFiles() {
		return
	}
	f := r.file(nil)
	one := writeOp(f, 0, []byte("record"))
	two := writeOp(f, 6, []byte("rec"), []byte("ord"))
	one.IO.Dsync, two.IO.Dsync = true, true
	r.want("a durable write", one, 6, nil)
	r.want("a durable write of pieces", two, 6, nil)
	read := readOp(f, make([]byte, 12), 0)
	read.IO.Dsync = true // says nothing about a read
	r.want("read", read, 12, nil)
	if string(read.IO.Data) != "recordrecord" {
		r.Errorf("read %q", read.IO.Data)
	}
}

func fileErrorsAreBare(r *rig) {
	if !r.needFiles() {
		return
	}
	p := make([]byte, 10)
	f := r.file(p)
	r.want("a negative place", readOp(f, p, -1), 0, syscall.EINVAL)
	r.want("a negative place", writeOp(f, -5, p), 0, syscall.EINVAL)
	unknown := readOp(f, p, 0)
	unknown.IO.Code = 99
	r.want("an unknown code", unknown, 0, syscall.ENOSYS)
	only, err := os.Open(f.OS.Name())
	if err != nil {
		r.Fatal(err)
	}
	dir, err := os.Open(filepath.Dir(f.OS.Name()))
	if err != nil {
		r.Fatal(err)
	}
	reader, directory := r.opened(only), r.opened(dir)
	gone := r.opened(os.NewFile(^uintptr(0), "none"))
	gone.FD = 1 << 20
	for range 40 { // long enough for an engine to register them
		r.want("a write on a file that is open for reading", writeOp(reader, 0, p), 0, syscall.EBADF)
		r.want("a read of a directory", readOp(directory, p, 0), 0, syscall.EISDIR)
		r.want("no descriptor", readOp(gone, p, 0), 0, syscall.EBADF)
	}
	negative := &fileio.File{FD: -1, ID: fileIDs.Add(1)}
	for range 40 {
		r.want("a file without a descriptor", readOp(negative, p, 0), 0, syscall.EBADF)
	}
}

// manyFileOperationsAtOnce begins more than any queue of the engine holds.
func manyFileOperationsAtOnce(r *rig) {
	if !r.needFiles() {
		return
	}
	const count, size = 6000, 512
	f := r.file(pattern(count*size, 9))
	ops := make([]*engine.Op, count)
	for i := range ops {
		ops[i] = readOp(f, make([]byte, size), int64(i)*size)
		r.submit(ops[i])
	}
	r.finish(ops...)
	want := pattern(count*size, 9)
	for i, op := range ops {
		if op.Err != nil || op.IO.N != size || !bytes.Equal(op.IO.Data, want[i*size:][:size]) {
			r.Fatalf("operation %d: %d bytes, %v", i, op.IO.N, op.Err)
		}
	}
	r.until("the count of them", func() bool { return r.e.Counters().Files.Load() == count })
}

// filesAndSocketsShareALoop writes each received buffer to a file, reads it from there, and sends that.
func filesAndSocketsShareALoop(r *rig) {
	if !r.needFiles() {
		return
	}
	d, p := r.pair()
	defer r.closeDesc(d)
	const total = 1 << 20
	ended := beside(func() error { return echoPeer(p, total, 5) })
	f := r.file(nil)
	in, out := r.recv(d), &engine.Op{Code: engine.Send, Desc: d}
	for off := int64(0); off < total; {
		if r.do(in); in.Err != nil {
			r.Fatal(in.Err)
		}
		n := in.Buf.Len()
		r.want("write", writeOp(f, off, in.Buf.Bytes()), n, nil)
		in.Buf.Release()
		buf := r.takeBuf(n)
		r.want("read", readOp(f, buf.Bytes(), off), n, nil)
		out.Bufs = append(out.Bufs[:0], buf)
		r.do(out)
		buf.Release()
		if out.Err != nil {
			r.Fatal(out.Err)
		}
		off += int64(n)
	}
	r.join("the peer", ended)
}

func (r *rig) takeBuf(n int) *mem.Buf {
	r.Helper()
	b, ok := r.pool.TryGet(n)
	if !ok {
		r.Fatal("the pool has no buffer")
	}
	return b
}

// engineCloseWaitsForFiles closes with operations that are with the device, that wait for their turn, and that no device
// would ever end.
func engineCloseWaitsForFiles(r *rig) {
	if !r.needFiles() {
		return
	}
	in, out, err := blockingPipe()
	if err != nil {
		r.Fatal(err)
	}
	defer out.Close()
	const count, size = 5000, 512
	f, pipe := r.file(pattern(count*size, 2)), r.opened(in)
	never := readOp(pipe, make([]byte, 1), 0)
	if r.submit(never) {
		r.Fatalf("a read of an empty pipe is done: %v", never.Err)
	}
	ops := make([]*engine.Op, count)
	for i := range ops {
		ops[i] = readOp(f, make([]byte, size), int64(i)*size)
		r.submit(ops[i])
	}
	r.closeEngine()
	if !errors.Is(never.Err, engine.ErrCanceled) || never.IO.Err != never.Err {
		r.Errorf("a read of an empty pipe ended with %v", never.Err)
	}
	want, read := pattern(count*size, 2), 0
	for i, op := range ops {
		switch {
		case op.Err == nil && op.IO.N == size && bytes.Equal(op.IO.Data, want[i*size:][:size]):
			read++
		case op.Err != engine.ErrCanceled || op.IO.Err != op.Err || op.IO.N != 0:
			r.Fatalf("operation %d: %d bytes, %v", i, op.IO.N, op.Err)
		}
	}
	r.Logf("%d of %d were read", read, count)
	if op := readOp(f, make([]byte, 1), 0); !r.e.Submit(op) || op.Err == nil || op.IO.Err != op.Err {
		r.Errorf("a closed engine: %v and %v", op.Err, op.IO.Err)
	}
}

// aForgottenFileIsClosed closes a pipe of which the engine has seen much: a reader learns of its end only when nobody has it
// any more.
func aForgottenFileIsClosed(r *rig) {
	if !r.needFiles() {
		return
	}
	in, out, err := blockingPipe()
	if err != nil {
		r.Fatal(err)
	}
	defer in.Close()
	f := r.opened(out)
	for range 100 {
		r.want("write", writeOp(f, 0, []byte("x")), 1, nil)
	}
	r.forget(f)
	out.Close()
	ended := beside(func() error {
		var all bytes.Buffer
		if _, err := all.ReadFrom(in); err != nil || all.Len() != 100 {
			return errors.Join(err, errors.New("not all was read"))
		}
		return nil
	})
	r.join("the end of the pipe", ended)
	r.forget(f) // does nothing
}

// aFileWithAUsedNumberIsItself gives two files one number, one after the other and without a word to the engine.
func aFileWithAUsedNumberIsItself(r *rig) {
	if !r.needFiles() {
		return
	}
	one, two := r.file([]byte("one")), r.file([]byte("two"))
	two.ID = one.ID
	p := make([]byte, 3)
	for i := range 200 {
		f, want := one, "one"
		if i/50%2 == 1 {
			f, want = two, "two"
		}
		if r.want("read", readOp(f, p, 0), 3, nil); string(p) != want {
			r.Fatalf("read %q of %s", p, want)
		}
	}
}

// fileMemoryLives has the collector run while only the engine knows the memory.
func fileMemoryLives(r *rig) {
	if !r.needFiles() {
		return
	}
	const count, size = 200, 4096
	f := r.file(pattern(count*size, 4))
	want := pattern(count*size, 4)
	for round := range 5 {
		ops := make([]*engine.Op, count)
		for i := range ops {
			ops[i] = readOp(f, make([]byte, size), int64(i)*size)
			r.submit(ops[i])
		}
		runtime.GC()
		garbage := pattern(count*size, 7) // which would lie where memory was freed
		r.finish(ops...)
		for i, op := range ops {
			if op.Err != nil || !bytes.Equal(op.IO.Data, want[i*size:][:size]) {
				r.Fatalf("round %d: operation %d: %d bytes, %v", round, i, op.IO.N, op.Err)
			}
		}
		if !bytes.Equal(garbage, pattern(count*size, 7)) {
			r.Fatalf("round %d: memory of somebody else was written to", round)
		}
	}
}

// directFilesFitThePool reads and writes past the page cache with buffers of the pool, and says what is wrong with others.
func directFilesFitThePool(r *rig) {
	if !r.needFiles() {
		return
	}
	cached := r.file(pattern(1<<20, 6))
	direct, err := openDirect(cached.OS.Name())
	if err != nil {
		r.Skipf("lacks: O_DIRECT in the temporary directory: %v", err)
	}
	f := r.opened(direct)
	f.Direct = true
	buf := r.takeBuf(64 << 10)
	defer buf.Release()
	for off := int64(0); off < 1<<20; off += 64 << 10 {
		r.want("read", readOp(f, buf.Bytes(), off), 64<<10, nil)
		if !bytes.Equal(buf.Bytes(), pattern(1<<20, 6)[off:][:64<<10]) {
			r.Fatalf("read something else at %d", off)
		}
	}
	fill(buf.Bytes(), 8, 0)
	op := writeOp(f, 128<<10, buf.Bytes())
	op.IO.Dsync = true
	r.want("write", op, 64<<10, nil)
	if !bytes.Equal(r.content(cached)[128<<10:][:64<<10], buf.Bytes()) {
		r.Error("the file has not what was written")
	}
	r.want("read behind the end", readOp(f, buf.Bytes(), 1<<20), 0, nil)
}
