package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// fileScene is where a test of files runs: on an engine, in a directory, in a task or on a goroutine.
type fileScene struct {
	*testing.T
	rt  *unio.Runtime
	dir string
	do  func(fn func()) // calls fn as the scene's caller
}

// fileDirs are directories of different file systems: that of the temporary directory and, where there is one, memory.
func fileDirs(t *testing.T) map[string]string {
	dirs := map[string]string{"tmp": t.TempDir()}
	if d, err := os.MkdirTemp("/dev/shm", "unio-test-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(d) })
		dirs["memory"] = d
	}
	return dirs
}

// eachFileScene runs fn on each engine, in each kind of directory, from a goroutine and in a task.
func eachFileScene(t *testing.T, fn func(t fileScene)) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for fsName, dir := range fileDirs(t) {
			for caller, do := range map[string]func(func()){"goroutine": func(fn func()) { fn() }, "task": asTask(t, rt)} {
				t.Run(fsName+"/"+caller, func(t *testing.T) {
					dir := filepath.Join(dir, caller)
					if err := os.MkdirAll(dir, 0o755); err != nil {
						t.Fatal(err)
					}
					do := do
					if caller == "task" {
						do = asTask(t, rt)
					}
					do(func() { fn(fileScene{t, rt, dir, do}) })
				})
			}
		}
	})
}

// asTask calls functions as tasks and waits for them. A test that ends itself in one is ended here too.
func asTask(t *testing.T, rt *unio.Runtime) func(func()) {
	return func(fn func()) {
		t.Helper()
		ended := make(chan struct{})
		rt.Go(func() {
			defer close(ended)
			fn()
		})
		<-ended
	}
}

func (t fileScene) open(name string, flag int, o *unio.FileOptions) *unio.File {
	t.Helper()
	f, err := t.rt.OpenFile(filepath.Join(t.dir, name), flag, 0o644, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// create makes a file with content.
func (t fileScene) create(name string, content []byte) *unio.File {
	t.Helper()
	if err := os.WriteFile(filepath.Join(t.dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return t.open(name, os.O_RDWR, nil)
}

// noise is n bytes that differ from place to place.
func noise(n int, seed uint64) []byte {
	p := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 7))
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

func TestFileReadAtIsAReaderAt(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		content := noise(20_000, 1)
		f := t.create("a", content)
		if err := iotest.TestReader(io.NewSectionReader(f, 0, int64(len(content))), content); err != nil {
			t.Error(err)
		}
		if err := iotest.TestReader(f, content); err != nil {
			t.Error(err)
		}
		p := make([]byte, 1000)
		for _, c := range []struct {
			off  int64
			n    int
			want error
		}{{0, 1000, nil}, {19_000, 1000, nil}, {19_500, 500, io.EOF}, {20_000, 0, io.EOF}, {1 << 40, 0, io.EOF}} {
			n, err := f.ReadAt(p, c.off)
			if n != c.n || err != c.want || c.off < 1<<20 && !bytes.Equal(p[:n], content[c.off:int(c.off)+n]) {
				t.Errorf("at %d: %d, %v; want %d, %v", c.off, n, err, c.n, c.want)
			}
		}
		if n, err := f.ReadAt(nil, 5); n != 0 || err != nil {
			t.Errorf("nothing: %d, %v", n, err)
		}
		if n, err := f.ReadAt(p, -1); n != 0 || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("at -1: %d, %v", n, err)
		}
	})
}

func TestFileWritesAreReadBack(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.open("a", os.O_RDWR|os.O_CREATE, nil)
		want := noise(300_000, 2)
		for off := 0; off < len(want); {
			n := min(1+rand.IntN(60_000), len(want)-off)
			if m, err := f.WriteAt(want[off:off+n], int64(off)); m != n || err != nil {
				t.Fatal(m, err)
			}
			off += n
		}
		for _, sync := range []func() error{f.Sync, f.Datasync} {
			if err := sync(); err != nil {
				t.Error(err)
			}
		}
		got, err := os.ReadFile(f.Name())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if n, err := f.WriteAt(nil, 5); n != 0 || err != nil {
			t.Errorf("nothing: %d, %v", n, err)
		}
		if _, err := f.WriteAt(want, -5); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("at -5: %v", err)
		}
		if err := f.Truncate(1000); err != nil {
			t.Error(err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != 1000 {
			t.Error(info, err)
		}
		if err := f.Allocate(0, 1<<20); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
		if info, _ := f.Stat(); info.Size() != 1000 {
			t.Errorf("Allocate has made it %d bytes long", info.Size())
		}
		if err := f.Advise(0, 0, unio.AdviceDontNeed); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
	})
}

func TestFileBuffersGoThere(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for name, ctx := range map[string]context.Context{"plain": context.Background(), "cancellable": ctx} {
			f := t.open(name, os.O_RDWR|os.O_CREATE, nil)
			var want []byte
			var bufs []*mem.Buf
			for i, n := range []int{1, 4096, 5000, 0, 65536, 3} {
				b := alloc(t.T, t.rt, max(n, 1))
				b.SetLen(n)
				copy(b.Bytes(), noise(n, uint64(i)))
				want = append(want, b.Bytes()...)
				bufs = append(bufs, b)
			}
			if n, err := f.WriteBuf(ctx, 77, bufs...); n != len(want) || err != nil {
				t.Fatalf("WriteBuf: %d, %v", n, err)
			}
			if n, err := f.WriteBuf(ctx, 0); n != 0 || err != nil {
				t.Errorf("WriteBuf of nothing: %d, %v", n, err)
			}
			b, err := f.ReadBuf(ctx, 77, len(want)+100)
			if err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Fatalf("ReadBuf: %v", err)
			}
			b.Release()
			if b, err := f.ReadBuf(ctx, 1<<30, 10); b != nil || err != io.EOF {
				t.Errorf("ReadBuf past the end: %v, %v", b, err)
			}
			for _, n := range []int{0, -1, t.rt.Pool().MaxLen() + 1} {
				if b, err := f.ReadBuf(ctx, 0, n); b != nil || !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("ReadBuf of %d: %v", n, err)
				}
			}
			if b, err := f.ReadBuf(ctx, -4, 10); b != nil || !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("ReadBuf at -4: %v", err)
			}
			if _, err := f.WriteBuf(ctx, -4, alloc(t.T, t.rt, 5)); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("WriteBuf at -4: %v", err)
			}
		}
	})
}

func alloc(t testing.TB, rt *unio.Runtime, n int) *mem.Buf {
	t.Helper()
	b, err := rt.Alloc(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFileBatches(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		const files, per, size = 5, 40, 3000
		var all []*unio.File
		var writes []unio.WriteOp
		for i := range files {
			f := t.open(fmt.Sprint(i), os.O_RDWR|os.O_CREATE, nil)
			all = append(all, f)
			for j := range per {
				writes = append(writes, unio.WriteOp{File: f, Off: int64(j * size), P: noise(size, uint64(i*per+j))})
			}
		}
		rand.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
		if err := t.rt.WriteBatch(context.Background(), writes); err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			var reads []unio.ReadOp
			for _, w := range writes {
				reads = append(reads, unio.ReadOp{File: w.File, Off: w.Off, P: make([]byte, size)})
			}
			if round == 1 {
				for _, f := range all {
					f.Sync()
					f.Advise(0, 0, unio.AdviceDontNeed)
				}
			}
			if err := t.rt.ReadBatch(context.Background(), reads); err != nil {
				t.Fatal(err)
			}
			for i, r := range reads {
				if r.N != size || r.Err != nil || !bytes.Equal(r.P, writes[i].P) {
					t.Fatalf("read %d: %d, %v", i, r.N, r.Err)
				}
			}
		}
		closed := t.create("closed", nil)
		closed.Close()
		f := all[0]
		reads := []unio.ReadOp{
			{File: f, Off: per*size - 10, P: make([]byte, 100)}, {File: f, Off: -1, P: make([]byte, 1)}, {File: f, Off: 1 << 40, P: make([]byte, 1)},
			{File: closed, P: make([]byte, 1)}, {File: nil, P: make([]byte, 1)}, {File: f, P: nil}, {File: f, P: make([]byte, 10)},
		}
		err := t.rt.ReadBatch(context.Background(), reads)
		for i, want := range []error{io.EOF, fs.ErrInvalid, io.EOF, fs.ErrClosed, fs.ErrInvalid, nil, nil} {
			if !errors.Is(reads[i].Err, want) {
				t.Errorf("read %d: %v, want %v", i, reads[i].Err, want)
			}
		}
		if reads[0].N != 10 || reads[6].N != 10 || err != io.EOF {
			t.Error(reads[0].N, reads[6].N, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := t.rt.ReadBatch(ctx, reads); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		for i, r := range reads {
			if r.N != 0 || !errors.Is(r.Err, context.Canceled) {
				t.Errorf("read %d of a batch that was not begun: %d, %v", i, r.N, r.Err)
			}
		}
		if err := t.rt.WriteBatch(ctx, writes); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		for i, w := range writes {
			if w.N != 0 || !errors.Is(w.Err, context.Canceled) {
				t.Fatalf("write %d of a batch that was not begun: %d, %v", i, w.N, w.Err)
			}
		}
		if err := t.rt.ReadBatch(context.Background(), nil); err != nil {
			t.Error(err)
		}
	})
}

// closeWithin has a File be closed while the threads do a batch on it, of which they do the first half.
type closeWithin struct {
	unio.Threads
	f      *unio.File
	closed chan error
}

func (c *closeWithin) DoAll(ops []*fileio.Op) {
	for _, op := range ops {
		op.Data = op.Data[:len(op.Data)/2]
	}
	c.Threads.DoAll(ops)
	go func() { c.closed <- c.f.Close() }()
	for !errors.Is(c.f.Sync(), fs.ErrClosed) {
		time.Sleep(time.Millisecond)
	}
}

// Close waits for a batch that is under way, and changes nothing about what comes of it.
func TestFileBatchMeetsClose(t *testing.T) {
	for _, what := range []string{"read", "write"} {
		uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
			c := &closeWithin{closed: make(chan error, 1)}
			unio.ReplaceThreads(rt, func(below unio.Threads) unio.Threads {
				c.Threads = below
				return c
			})
			name := filepath.Join(t.TempDir(), "a")
			f, err := rt.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600, nil)
			must(t, err)
			defer f.Close()
			content := noise(100, 1)
			_, err = f.WriteAt(content, 0)
			must(t, err)
			must(t, f.Sync())
			f.Advise(0, 0, unio.AdviceDontNeed) // so that a read has to wait, where memory can leave memory
			c.f = f
			if what == "read" {
				ops := []unio.ReadOp{{File: f, P: make([]byte, 200)}, {File: f, Off: 50, P: make([]byte, 200)}}
				if err := rt.ReadBatch(t.Context(), ops); err != io.EOF || ops[0].N != 100 || ops[1].N != 50 || ops[1].Err != io.EOF {
					t.Errorf("read: %v, of the first %d bytes, of the second %d, %v", err, ops[0].N, ops[1].N, ops[1].Err)
				}
				return
			}
			content = noise(300, 2)
			ops := []unio.WriteOp{{File: f, P: content[:100]}, {File: f, Off: 100, P: content[100:]}}
			if err := rt.WriteBatch(t.Context(), ops); err != nil || ops[0].N != 100 || ops[1].N != 200 {
				t.Errorf("write: %v, of the first %d bytes, of the second %d", err, ops[0].N, ops[1].N)
			}
			must(t, await(t, c.closed, "Close"))
			if p, err := os.ReadFile(name); err != nil || !bytes.Equal(p, content) {
				t.Errorf("%v, or other bytes than were written", err)
			}
		})
	}
}

func TestFileCopies(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		ctx := context.Background()
		want := noise(1_500_000, 3)
		f := t.create("from", want)
		to := t.open("to", os.O_RDWR|os.O_CREATE, nil)
		to.Seek(1000, io.SeekStart)
		if n, err := f.CopyTo(ctx, to, 10, -1); n != int64(len(want))-10 || err != nil {
			t.Errorf("to a file: %d, %v", n, err)
		}
		if got, _ := os.ReadFile(to.Name()); !bytes.Equal(got, append(make([]byte, 1000), want[10:]...)) {
			t.Error("to a file: the content differs")
		}
		if at, err := to.Seek(0, io.SeekCurrent); at != int64(len(want))+990 || err != nil {
			t.Errorf("position %d, %v", at, err)
		}
		var b bytes.Buffer
		if n, err := f.CopyTo(ctx, &b, 5, 700_000); n != 700_000 || err != nil || !bytes.Equal(b.Bytes(), want[5:700_005]) {
			t.Errorf("to a writer: %d, %v", n, err)
		}
		b.Reset()
		if n, err := f.CopyTo(ctx, &b, int64(len(want))-5, 10); n != 5 || err != io.EOF {
			t.Errorf("past the end: %d, %v", n, err)
		}
	})
}

// What lies behind the end is nothing, up to the largest offset.
func TestFileCopyOfWhatLiesFarBehindTheEnd(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("from", []byte("content"))
		for _, off := range []int64{7, math.MaxInt64 - 10, math.MaxInt64} {
			if n, err := f.CopyTo(context.Background(), io.Discard, off, -1); n != 0 || err != nil {
				t.Errorf("everything from %d on: %d bytes, %v", off, n, err)
			}
			if n, err := f.CopyTo(context.Background(), io.Discard, off, 5); n != 0 || err != io.EOF {
				t.Errorf("5 bytes at %d: %d bytes, %v", off, n, err)
			}
		}
	})
}

// A copy within a file is what a copy is, or it is refused: parts that overlap would be read as they were just written.
func TestFileCopyWithinAFile(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		const size = 1 << 20
		want := noise(size, 3)
		f := t.create("a", want)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { // a copy that follows its own end would fill the device
			for info, _ := os.Stat(f.Name()); ctx.Err() == nil; info, _ = os.Stat(f.Name()) {
				if info.Size() > 10*size {
					cancel()
				}
				time.Sleep(time.Millisecond)
			}
		}()
		for _, to := range []*unio.File{f, t.open("a", os.O_RDWR, nil)} {
			for _, c := range []struct{ at, off, n int64 }{
				{4096, 0, size / 2}, {0, 4096, size / 2}, {size - 1, 0, size}, {5, 5, 1}, {size / 2, 0, -1},
			} {
				to.Seek(c.at, io.SeekStart)
				n, err := f.CopyTo(ctx, to, c.off, c.n)
				if n != 0 || !errors.Is(err, fs.ErrInvalid) || !strings.Contains(fmt.Sprint(err), "overlap") {
					t.Errorf("%d bytes at %d to %d: %d, %v", c.n, c.off, c.at, n, err)
				}
			}
			if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v, or a copy that was refused has changed the file", err)
			}
		}
		f.Seek(size/2, io.SeekStart)
		if n, err := f.CopyTo(ctx, f, 0, size/4); n != size/4 || err != nil {
			t.Errorf("beside each other: %d, %v", n, err)
		}
		copy(want[size/2:], want[:size/4])
		f.Seek(0, io.SeekEnd)
		if n, err := f.CopyTo(ctx, f, 100, -1); n != size-100 || err != nil {
			t.Errorf("everything to the end: %d, %v", n, err)
		}
		want = append(want, want[100:]...)
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v, or other bytes", err)
		}
	})
}

// takes is a writer that takes so many bytes of each Write.
type takes struct {
	n   int
	err error
}

func (w takes) Write(p []byte) (int, error) { return min(w.n, len(p)), w.err }

// What a writer has taken of the part with which it fails is counted.
func TestFileCopyCountsWhatAWriterTook(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", noise(1000, 1))
		for _, c := range []struct{ err, want error }{{errFailing, errFailing}, {nil, io.ErrShortWrite}} {
			if n, err := f.CopyTo(context.Background(), takes{300, c.err}, 0, -1); n != 300 || !errors.Is(err, c.want) {
				t.Errorf("%d, %v, want %v", n, err, c.want)
			}
		}
	})
}

// The pool's largest buffer bounds what is copied at once.
func TestFileCopiesWithALittlePool(t *testing.T) {
	o := &unio.Options{BufBytes: 64 << 10, Loops: 1}
	uniotest.EachEngineWith(t, o, func(t *testing.T, rt *unio.Runtime) {
		want := noise(300_000, 3)
		f := fileScene{t, rt, t.TempDir(), nil}.create("a", want)
		var b bytes.Buffer
		if n, err := f.CopyTo(context.Background(), &b, 0, -1); n != int64(len(want)) || err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestFileCloseAndErrors(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", []byte("hello"))
		readOnly := t.open("a", os.O_RDONLY, nil)
		_, err := readOnly.WriteAt([]byte("x"), 0)
		var pe *fs.PathError
		if !errors.As(err, &pe) || !errors.Is(err, syscall.EBADF) || pe.Path != f.Name() {
			t.Errorf("WriteAt of a file for reading: %v", err)
		}
		nothing := []unio.WriteOp{{File: readOnly}}
		if n, err := readOnly.WriteAt(nil, 0); n != 0 || err != nil || t.rt.WriteBatch(context.Background(), nothing) != nil {
			t.Errorf("nothing is written to a file for reading: %d, %v, and in a batch %v", n, err, nothing[0].Err)
		}
		if _, err := readOnly.Append(context.Background(), []byte("x"), unio.Durable); !errors.Is(err, syscall.EBADF) {
			t.Errorf("Append to a file for reading: %v", err)
		}
		if _, err := t.rt.OpenFile(filepath.Join(t.dir, "none"), os.O_RDONLY, 0, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no file: %v", err)
		}
		if _, err := t.rt.OpenFile(f.Name(), os.O_RDWR|os.O_APPEND, 0, nil); !errors.Is(err, fs.ErrInvalid) ||
			!strings.Contains(err.Error(), "Append") {
			t.Errorf("O_APPEND: %v", err)
		}
		_, err = t.rt.OpenFile("/dev/null", os.O_RDWR, 0, nil)
		wantIs(t, "a character device", err, fs.ErrInvalid)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		p := make([]byte, 1)
		_, err1 := f.ReadAt(p, 0)
		_, err2 := f.WriteAt(p, 0)
		_, err3 := f.ReadBuf(context.Background(), 0, 1)
		_, err4 := f.WriteBuf(context.Background(), 0, alloc(t.T, t.rt, 1))
		_, err5 := f.Append(context.Background(), p, unio.Buffered)
		_, err6 := f.Stat()
		for i, err := range []error{err1, err2, err3, err4, err5, err6, f.Close(), f.Sync(), f.Truncate(0)} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("call %d of a closed file: %v", i, err)
			}
		}
	})
}

func TestFileAppendsLieBesideEachOther(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("log", []byte("head"))
		const writers, each = 16, 30
		type record struct {
			off  int64
			text string
		}
		var mu sync.Mutex
		var all []record
		var group unio.Group
		for w := range writers {
			group.Go(func() error {
				for i := range each {
					text := fmt.Sprintf("<%d:%d:%s>", w, i, strings.Repeat("x", rand.IntN(300)))
					d := unio.Durability(rand.IntN(2))
					var off int64
					var err error
					if i%3 == 0 {
						head, tail := alloc(t.T, t.rt, 3), alloc(t.T, t.rt, len(text))
						copy(head.Bytes(), text)
						tail.SetLen(copy(tail.Bytes(), text[3:]))
						off, err = f.AppendBuf(context.Background(), d, head, tail)
					} else {
						off, err = f.Append(context.Background(), []byte(text), d)
					}
					if err != nil {
						return err
					}
					mu.Lock()
					all = append(all, record{off, text})
					mu.Unlock()
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		sum := len("head")
		for _, r := range all {
			sum += len(r.text)
			if string(got[r.off:r.off+int64(len(r.text))]) != r.text {
				t.Fatalf("record at %d differs", r.off)
			}
		}
		if sum != len(got) {
			t.Errorf("%d bytes, want %d", len(got), sum)
		}
		if err := f.AppendFrom(2); err != nil {
			t.Error(err)
		}
		for want := int64(2); want < 4; want++ {
			if off, err := f.Append(context.Background(), []byte("y"), unio.Durable); off != want || err != nil {
				t.Errorf("%d, %v; want %d", off, err, want)
			}
		}
	})
}

// A write that has written nothing has made no file longer, so the next record does not lie behind a hole.
func TestAppendLiesAtTheEndAfterAWriteOfNothing(t *testing.T) {
	ctx := context.Background()
	eachFileScene(t, func(t fileScene) {
		f := t.create("log", []byte("head"))
		want := int64(4)
		for name, write := range map[string]func() error{
			"a WriteAt that failed": func() error { _, err := f.WriteAt([]byte("xx"), math.MaxInt64-1); return err },
			"a WriteBatch that failed": func() error {
				return t.rt.WriteBatch(ctx, []unio.WriteOp{{File: f, Off: math.MaxInt64 - 1, P: []byte("xx")}})
			},
			"a WriteBatch of no bytes": func() error { return t.rt.WriteBatch(ctx, []unio.WriteOp{{File: f, Off: 1000}}) },
		} {
			if err := write(); (err == nil) != strings.Contains(name, "of no bytes") {
				t.Errorf("%s: %v", name, err)
			}
			if off, err := f.Append(ctx, []byte("r"), unio.Buffered); off != want || err != nil {
				t.Fatalf("Append after %s: at %d, %v; want %d", name, off, err, want)
			}
			want++
		}
	})
}

// A record for which there are no offsets is refused, and nothing is wrong with the file: no sync has failed.
func TestAppendBehindTheLargestOffsetBreaksNothing(t *testing.T) {
	ctx := context.Background()
	eachFileScene(t, func(t fileScene) {
		f := t.create("log", []byte("head"))
		if err := f.AppendFrom(math.MaxInt64 - 4); err != nil {
			t.Fatal(err)
		}
		if _, err := f.AppendBuf(ctx, unio.Durable, alloc(t.T, t.rt, 3), alloc(t.T, t.rt, 3)); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%v, want %v", err, fs.ErrInvalid)
		}
		if err := f.AppendFrom(4); err != nil {
			t.Fatal(err)
		}
		if off, err := f.Append(ctx, []byte("r"), unio.Durable); off != 4 || err != nil {
			t.Errorf("the next one: at %d, %v", off, err)
		}
	})
}

// The waits for tasks may use up all the time of Close. What nothing holds up is closed all the same, and not blamed.
func TestFilesThatNothingHoldsUpAreClosedAfterTheTimeOfClose(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		f, err := rt.OpenFile(filepath.Join(t.TempDir(), "f"), os.O_RDWR|os.O_CREATE, 0o666, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("text"), 0); err != nil {
			t.Fatal(err)
		}
		if err := unio.CloseFilesBy(over, rt); err != nil {
			t.Error(err)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Close of a file that the runtime has closed: %v", err)
		}
	})
}
