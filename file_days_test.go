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
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// A cancelled call on a buffer of the runtime returns, and the buffer comes back when the operation has completed. The leak
// check of the scene counts the buffers.
func TestFileCancelledCallsLeaveNothing(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", noise(1<<20, 1))
		f.Sync()
		var group unio.Group
		var cancelled, done int
		var mu sync.Mutex
		for i := range 200 {
			group.Go(func() error {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if i%4 == 0 {
					cancel()
				} else {
					time.AfterFunc(time.Duration(rand.IntN(100))*time.Microsecond, cancel)
				}
				var err error
				switch off := int64(rand.IntN(200)) * 4096; i % 3 {
				case 0:
					var b *mem.Buf
					if b, err = f.ReadBuf(ctx, off, 8192); err == nil {
						b.Release()
					}
				case 1:
					_, err = f.WriteBuf(ctx, off, alloc(t.T, t.rt, 4096), alloc(t.T, t.rt, 100))
				case 2:
					_, err = f.AppendBuf(ctx, unio.Durable, alloc(t.T, t.rt, 4096))
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case errors.Is(err, context.Canceled):
					cancelled++
				default:
					t.Errorf("%d: %v", i, err)
				}
				return nil
			})
		}
		group.Wait()
		if cancelled < 40 { // those that were cancelled before the call
			t.Errorf("%d cancelled, %d done", cancelled, done)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if n := t.rt.Pool().Stats().Buffers; n != 0 {
			t.Errorf("%d buffers are out after Close", n)
		}
	})
}

// What cannot be done is refused before anything depends on it: the buffers come back, and Close does not wait.
func TestFileCallsThatAreRefusedLeaveNothing(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", noise(8192, 1))
		var none context.Context
		ctx := t.Context()
		get := func() *mem.Buf { return alloc(t.T, t.rt, 4096) }
		write := func(ctx context.Context, bufs ...*mem.Buf) error {
			_, err := f.WriteBuf(ctx, 0, bufs...)
			return err
		}
		add := func(ctx context.Context, bufs ...*mem.Buf) error {
			_, err := f.AppendBuf(ctx, unio.Buffered, bufs...)
			return err
		}
		for name, call := range map[string]func(context.Context, ...*mem.Buf) error{"WriteBuf": write, "AppendBuf": add} {
			b := get()
			wantIs(t, name+" with no context", call(none, get(), get()), fs.ErrInvalid)
			wantIs(t, name+" of one buffer twice", call(ctx, b, get(), b), fs.ErrInvalid)
			wantIs(t, name+" of no buffer", call(ctx, get(), nil), fs.ErrInvalid)
			b = get()
			many := []*mem.Buf{b}
			for range 100 {
				many = append(many, b.Ref())
			}
			wantIs(t, name+" of many", call(ctx, append(many, b)...), fs.ErrInvalid)
		}
		_, err := f.ReadBuf(none, 0, 10)
		wantIs(t, "ReadBuf with no context", err, fs.ErrInvalid)
		_, err = f.Append(none, []byte("x"), unio.Buffered)
		wantIs(t, "Append with no context", err, fs.ErrInvalid)
		to := t.open("b", os.O_RDWR|os.O_CREATE, nil)
		for _, w := range []io.Writer{to, io.Discard} {
			_, err = f.CopyTo(none, w, 0, 0)
			wantIs(t, "CopyTo with no context", err, fs.ErrInvalid)
		}
		wantIs(t, "ReadBatch with no context", t.rt.ReadBatch(none, []unio.ReadOp{{File: f, P: make([]byte, 1)}}), fs.ErrInvalid)
		if n := t.rt.Pool().Stats().Buffers; n != 0 {
			t.Errorf("%d buffers are out", n)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFileAppendIsWithdrawnBeforeItsTurn(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", nil)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := f.Append(ctx, []byte("never"), unio.Durable); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if off, err := f.Append(context.Background(), []byte("first"), unio.Durable); off != 0 || err != nil {
			t.Error(off, err)
		}
		if got, _ := os.ReadFile(f.Name()); string(got) != "first" {
			t.Errorf("%q", got)
		}
	})
}

// Close waits for those who are in a call, and Runtime.Close for files that nobody has closed.
func TestFileCloseWaitsForCalls(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		for range 20 {
			f := t.create("a", noise(100_000, 1))
			var group unio.Group
			for range 8 {
				group.Go(func() error {
					p := make([]byte, 5000)
					for {
						if _, err := f.ReadAt(p, int64(rand.IntN(90_000))); err != nil {
							if !errors.Is(err, os.ErrClosed) {
								return err
							}
							return nil
						}
						unio.Sleep(time.Microsecond)
					}
				})
			}
			unio.Sleep(time.Millisecond)
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
		}
		left, err := t.rt.OpenFile(filepath.Join(t.dir, "a"), os.O_RDONLY, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = left // for Runtime.Close
	})
}

// The Runtime ends after a File that somebody else is closing: what is in a call of it has the ring, and memory of the pool.
func TestFileThatIsBeingClosedHasTheRingUntilThen(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, make([]byte, 8192), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := rt.OpenFile(name, os.O_RDONLY, 0, &unio.FileOptions{Direct: true})
		if errors.Is(err, errors.ErrUnsupported) { // then a cached read has to do, which most often needs no ring
			f, err = rt.OpenFile(name, os.O_RDONLY, 0, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b, err := f.ReadBuf(ctx, 0, 4096) // makes the ring know the file
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
		release := unio.HoldThreads(rt)
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := f.Stat(); err != nil {
				t.Error(err)
			}
		})
		until(t, "the call to wait for a thread", f.InUse)
		all.Go(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		until(t, "the file to refuse calls", func() bool { _, err := f.ReadAt(nil, 0); return errors.Is(err, fs.ErrClosed) })
		time.AfterFunc(20*time.Millisecond, release)
		if err := unio.CloseFilesBy(t.Context(), rt); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
}

func TestFileAppendOfNoKnownDurability(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", nil)
		if _, err := f.Append(context.Background(), []byte("x"), unio.Durability(7)); !errors.Is(err, os.ErrInvalid) {
			t.Error(err)
		}
		if _, err := f.Append(context.Background(), nil, unio.Durable); err != nil {
			t.Error(err)
		}
	})
}

// direct opens a file for direct access, or skips where the directory has none.
func (t fileScene) direct(name string, flag int) *unio.File {
	t.Helper()
	f, err := t.rt.OpenFile(filepath.Join(t.dir, name), flag, 0o644, &unio.FileOptions{Direct: true})
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("lacks: direct access in %s: %v", t.dir, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFileDirect(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		ctx := context.Background()
		f := t.direct("a", os.O_RDWR|os.O_CREATE)
		opsBefore := t.rt.Stats().Files.Ops
		size := 16 * max(f.Alignment(), 4096)
		b := alloc(t.T, t.rt, size)
		defer b.Release()
		copy(b.Bytes(), noise(size, 9))
		for round := range 3 { // the first makes it longer, the others write in place
			if n, err := f.WriteAt(b.Bytes(), 0); n != size || err != nil {
				t.Fatalf("round %d: %d, %v", round, n, err)
			}
		}
		got := alloc(t.T, t.rt, size)
		defer got.Release()
		if n, err := f.ReadAt(got.Bytes(), 0); n != size || err != nil || !bytes.Equal(got.Bytes(), b.Bytes()) {
			t.Fatalf("%d, %v", n, err)
		}
		// Three writes and a read, whoever performs them; an engine tells what it has done at the end of a turn.
		unio.Offload(func() {
			until(t.T, "the operations are counted", func() bool { return t.rt.Stats().Files.Ops >= opsBefore+4 })
		})
		a := f.Alignment()
		for _, c := range []struct {
			p   []byte
			off int64
		}{{got.Bytes()[:a], 1}, {got.Bytes()[:a-1], 0}, {got.Bytes()[1 : a+1], 0}} {
			_, err := f.ReadAt(c.p, c.off)
			what := fmt.Sprintf("offset %d and length %d", c.off, len(c.p))
			if len(c.p) == a && c.off == 0 {
				what = "memory at"
			}
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), what) {
				t.Errorf("%d bytes at %d: %v, want %s", len(c.p), c.off, err, what)
			}
			if _, err := f.WriteAt(c.p, c.off); !errors.Is(err, syscall.EINVAL) {
				t.Errorf("write of %d bytes at %d: %v", len(c.p), c.off, err)
			}
		}
		if _, err := f.Append(ctx, []byte("x"), unio.Durable); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("append: %v", err)
		}
		if off, err := f.Append(ctx, b.Bytes()[:a], unio.Durable); off != int64(size) || err != nil {
			t.Errorf("append: %d, %v", off, err)
		}
		if err := f.Truncate(int64(size + 100)); err != nil { // an end between two blocks
			t.Fatal(err)
		}
		if n, err := f.ReadAt(got.Bytes()[:2*max(a, 4096)], int64(size)); n != 100 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		r, err := f.ReadBuf(ctx, 0, size)
		if err != nil || !bytes.Equal(r.Bytes(), b.Bytes()) {
			t.Fatal(err)
		}
		if n, err := f.WriteBuf(ctx, 0, r.Slice(a, 2*a), r.Slice(0, a)); n != 2*a || err != nil {
			t.Error(n, err)
		}
		r.Release()
		ops := make([]unio.ReadOp, 16)
		for i := range ops {
			ops[i] = unio.ReadOp{File: f, Off: int64(i * a), P: got.Bytes()[i*a : (i+1)*a]}
		}
		if err := t.rt.ReadBatch(ctx, ops); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got.Bytes()[:a], b.Bytes()[a:2*a]) || !bytes.Equal(got.Bytes()[2*a:16*a], b.Bytes()[2*a:16*a]) {
			t.Error("the batch has read something else")
		}
	})
}

// A message tells what was asked for, and not the 0 of what was not.
func TestFileDirectMessagesHaveTheNumbersOfTheCall(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		os.WriteFile(filepath.Join(t.dir, "a"), make([]byte, 100_001), 0o644)
		f := t.direct("a", os.O_RDWR)
		_, errCopy := f.CopyTo(t.Context(), io.Discard, 10, 20)
		_, errAppend := f.Append(t.Context(), make([]byte, 3), unio.Buffered)
		_, errAppendBuf := f.AppendBuf(t.Context(), unio.Buffered, alloc(t.T, t.rt, 3))
		for _, c := range []struct {
			err  error
			want string
		}{
			{errCopy, fmt.Sprint("copy ", f.Name(), ": offset 10 must be a multiple of ")},
			{errAppend, fmt.Sprint("append ", f.Name(), ": length 3 must be a multiple of ")},
			{errAppendBuf, fmt.Sprint("append ", f.Name(), ": length 3 must be a multiple of ")},
		} {
			if !errors.Is(c.err, fs.ErrInvalid) || !strings.HasPrefix(fmt.Sprint(c.err), c.want) {
				t.Errorf("%v; want %s", c.err, c.want)
			}
		}
	})
}

// Nothing is read or written without bytes, so it does not matter where they would be.
func TestFileDirectWithAnEmptySlice(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.direct("a", os.O_RDWR|os.O_CREATE)
		odd := make([]byte, 10)[3:3]
		n, err := f.ReadAt(odd, 0)
		m, err2 := f.WriteAt(odd, 0)
		_, err3 := f.Append(t.Context(), odd, unio.Durable)
		err4 := t.rt.ReadBatch(t.Context(), []unio.ReadOp{{File: f, P: odd}})
		err5 := t.rt.WriteBatch(t.Context(), []unio.WriteOp{{File: f, P: odd}})
		if err := errors.Join(err, err2, err3, err4, err5); n != 0 || m != 0 || err != nil {
			t.Error(n, m, err)
		}
	})
}

// That the file is closed comes before whatever else is wrong with a call.
func TestFileThatIsClosedSaysSoOfEachCall(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		content := t.create("a", noise(8192, 1))
		files := []*unio.File{content, t.open(".", os.O_RDONLY, nil)}
		if d, err := t.rt.OpenFile(content.Name(), os.O_RDWR, 0, &unio.FileOptions{Direct: true}); err == nil {
			files = append(files, d)
		}
		for _, f := range files {
			f.Close()
			p, ctx := make([]byte, 8)[1:4], t.Context()
			ended, cancel := context.WithCancel(ctx)
			cancel()
			ops := []unio.ReadOp{{File: f, P: p, Off: 3}}
			t.rt.ReadBatch(ctx, ops)
			_, err1 := f.ReadAt(p, -1)
			_, err2 := f.WriteAt(p, 3)
			_, err3 := f.ReadBuf(ctx, 0, 0)
			_, err4 := f.ReadBuf(ended, 0, 1)
			_, err5 := f.WriteBuf(ctx, -1, alloc(t.T, t.rt, 1))
			_, err6 := f.WriteBuf(ctx, 0, nil)
			_, err7 := f.Append(ctx, p, unio.Durability(7))
			_, err8 := f.AppendBuf(ctx, unio.Durable, nil)
			_, err9 := f.CopyTo(ctx, io.Discard, 1, 0)
			_, err10 := f.Seek(0, 77)
			for i, err := range []error{ops[0].Err, err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, f.AppendFrom(0), f.AppendFrom(-1),
				f.Allocate(0, 0), f.Advise(-1, 0, 0), f.Prefetch(-1, 0)} {
				if !errors.Is(err, fs.ErrClosed) {
					t.Errorf("call %d of %s: %v", i, f.Name(), err)
				}
			}
		}
	})
}

// What a buffer would be read into for nothing is not waited for.
func TestFileRefusesBeforeItWaitsForMemory(t *testing.T) {
	o := &unio.Options{BufBytes: 256 << 10, Loops: 1}
	uniotest.EachEngineWith(t, o, func(t *testing.T, rt *unio.Runtime) {
		s := fileScene{t, rt, t.TempDir(), nil}
		f, closed, dir := s.create("a", noise(8192, 1)), s.create("b", noise(8192, 1)), s.open(".", os.O_RDONLY, nil)
		closed.Close()
		for b, ok := rt.Pool().TryGet(4096); ok; b, ok = rt.Pool().TryGet(4096) {
			defer b.Release()
		}
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		defer cancel()
		for _, do := range []func(func()){func(fn func()) { fn() }, asTask(t, rt)} {
			do(func() {
				_, err := closed.ReadBuf(ctx, 0, 4096)
				wantIs(t, "ReadBuf of what is closed", err, fs.ErrClosed)
				_, err = closed.CopyTo(ctx, io.Discard, 0, 4096)
				wantIs(t, "CopyTo of what is closed", err, fs.ErrClosed)
				_, err = f.ReadBuf(ctx, -1, 4096)
				wantIs(t, "ReadBuf at no offset", err, fs.ErrInvalid)
				_, err = dir.ReadBuf(ctx, 0, 4096)
				wantIs(t, "ReadBuf of a directory", err, fs.ErrInvalid)
			})
		}
	})
}

// A copy of a file that ends between two blocks ends there, wherever it goes, and not with what the kernel says of such an
// offset.
func TestFileDirectCopiesUpToAnOddEnd(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.direct("a", os.O_RDWR|os.O_CREATE)
		a := f.Alignment()
		size := a + 100
		want := noise(size, 4)
		if err := os.WriteFile(f.Name(), want, 0o644); err != nil {
			t.Fatal(err)
		}
		to := t.open("to", os.O_RDWR|os.O_CREATE, nil)
		for _, c := range []struct {
			n      int64
			copied int
			err    error
		}{
			{-1, size, nil}, {int64(size), size, nil}, {int64(size) + 1, size, io.EOF}, {math.MaxInt64, size, io.EOF},
			{int64(a), a, nil}, {int64(a) + 1, a + 1, nil}, {1, 1, nil},
		} {
			var b bytes.Buffer
			n, err := f.CopyTo(context.Background(), &b, 0, c.n)
			if n != int64(c.copied) || err != c.err || !bytes.Equal(b.Bytes(), want[:c.copied]) {
				t.Errorf("%d bytes to a writer: %d, %v", c.n, n, err)
			}
			if err := to.Truncate(0); err != nil {
				t.Fatal(err)
			}
			to.Seek(0, io.SeekStart)
			n, err = f.CopyTo(context.Background(), to, 0, c.n)
			got, _ := os.ReadFile(to.Name())
			if n != int64(c.copied) || err != c.err || !bytes.Equal(got, want[:c.copied]) {
				t.Errorf("%d bytes to a file: %d, %v, and it has %d", c.n, n, err, len(got))
			}
		}
	})
}

// A file that ends between two blocks takes no direct append, which says so and breaks nothing: once the end is at a block the
// next one is written.
func TestFileDirectAppendAtAnOddEndBreaksNothing(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.direct("a", os.O_RDWR|os.O_CREATE)
		a := f.Alignment()
		odd := int64(a + 100)
		wantOdd := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), fmt.Sprint("offset ", odd)) ||
				!strings.Contains(err.Error(), "Truncate or AppendFrom") { // the cure
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := f.Truncate(odd); err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		for _, d := range []unio.Durability{unio.Buffered, unio.Durable} {
			_, err := f.AppendBuf(ctx, d, alloc(t.T, t.rt, a))
			wantOdd("at an odd end", err)
		}
		if _, err := f.Append(ctx, nil, unio.Durable); err != nil {
			t.Errorf("nothing at an odd end: %v", err)
		}
		if err := f.Truncate(int64(a)); err != nil {
			t.Fatal(err)
		}
		if off, err := f.AppendBuf(ctx, unio.Durable, alloc(t.T, t.rt, a)); off != int64(a) || err != nil {
			t.Errorf("at the end of a block: %d, %v", off, err)
		}
		if err := f.Truncate(odd); err != nil {
			t.Fatal(err)
		}
		if err := f.AppendFrom(int64(4 * a)); err != nil {
			t.Fatal(err)
		}
		if off, err := f.AppendBuf(ctx, unio.Buffered, alloc(t.T, t.rt, a)); off != int64(4*a) || err != nil {
			t.Errorf("where AppendFrom says: %d, %v", off, err)
		}
	})
}

// Many goroutines that read at once cost few threads.
func TestFileManyReadersFewThreads(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		const readers = 10_000
		f := t.create("a", noise(4<<20, 5))
		f.Sync()
		f.Advise(0, 0, unio.AdviceRandom)
		f.Advise(0, 0, unio.AdviceDontNeed)
		before := threadCount(t.T)
		want := noise(4<<20, 5)
		var group unio.Group
		for range readers {
			group.Go(func() error {
				p := make([]byte, 512)
				off := rand.IntN(4<<20 - 512)
				if _, err := f.ReadAt(p, int64(off)); err != nil {
					return err
				}
				if !bytes.Equal(p, want[off:off+512]) {
					return errors.New("other bytes")
				}
				return nil
			})
		}
		most := threadCount(t.T)
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if most = max(most, threadCount(t.T)); most > before+16 {
			t.Errorf("%d threads, %d before", most, before)
		}
	})
}
