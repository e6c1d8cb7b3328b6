//go:build unix

package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

func (t fileScene) mapped(f *unio.File) *unio.Mapping {
	t.Helper()
	m, err := t.rt.Map(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

var background = context.Background()

// All ways to read a mapping agree with the file, at every length and also where pages have to be brought in in pieces. The
// File may be gone.
func TestMapReadsTheFile(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		for _, size := range []int{0, 1, 4096, 20_000, 1<<20 + 300_001} {
			content := noise(size, uint64(size))
			f := t.create("a", content)
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			m := t.mapped(f)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			dropMapping(t, m)
			if err := m.Populate(background, 0, m.Size()); err != nil {
				t.Fatal(err)
			}
			p, err := m.Bytes(0, m.Size())
			if err != nil || !bytes.Equal(p, content) {
				t.Errorf("%d bytes: Bytes: %v, or others than the file has", size, err)
			}
			dropMapping(t, m)
			if size == 20_000 {
				if err := iotest.TestReader(io.NewSectionReader(m, 0, m.Size()), content); err != nil {
					t.Error(err)
				}
			}
			p = make([]byte, size+10)
			if n, err := m.ReadAt(p, 0); n != size || err != io.EOF || !bytes.Equal(p[:n], content) {
				t.Errorf("%d bytes: ReadAt: %d, %v", size, n, err)
			}
			err = m.View(background, int64(size/2), int64(size-size/2), func(p []byte) error {
				if !bytes.Equal(p, content[size/2:]) {
					t.Errorf("%d bytes: View: others than the file has", size)
				}
				return io.ErrNoProgress
			})
			if err != io.ErrNoProgress {
				t.Errorf("View: %v, want what the function returned", err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// dropMapping takes out of memory what the system takes.
func dropMapping(t testing.TB, m *unio.Mapping) {
	t.Helper()
	if err := m.Advise(0, 0, unio.AdviceDontNeed); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
}

// What is printed is the name, and not fields that others change nor all bytes of a mapping.
func TestFileAndMappingArePrintedByName(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", []byte("text"))
		if got := fmt.Sprint(f, " ", t.mapped(f)); got != f.Name()+" "+f.Name() {
			t.Error(got)
		}
	})
}

func TestMapRefusesWhatLiesOutside(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		m := t.mapped(t.create("a", noise(5000, 1)))
		for _, c := range [][2]int64{{-1, 1}, {0, -1}, {0, 5001}, {5000, 1}, {5001, 0}, {1, 1<<63 - 1}} {
			_, bytesErr := m.Bytes(c[0], c[1])
			_, residentErr := m.Resident(c[0], c[1])
			viewErr := m.View(background, c[0], c[1], func([]byte) error { return nil })
			for _, err := range []error{bytesErr, residentErr, viewErr, m.Populate(background, c[0], c[1])} {
				if !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("%d bytes at %d: %v", c[1], c[0], err)
				}
			}
		}
		var none context.Context
		for _, n := range []int64{0, 5000} {
			wantIs(t.T, "Populate with no context", m.Populate(none, 0, n), fs.ErrInvalid)
			wantIs(t.T, "View with no context", m.View(none, 0, n, func([]byte) error { return nil }), fs.ErrInvalid)
		}
		if p, err := m.Bytes(5000, 0); len(p) != 0 || err != nil {
			t.Errorf("nothing at the end: %d bytes, %v", len(p), err)
		}
		if p, err := m.Bytes(10, 10); cap(p) != 10 || err != nil {
			t.Errorf("a slice that could be extended to %d: %v", cap(p), err)
		}
		if _, err := m.ReadAt(make([]byte, 1), -1); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("ReadAt: %v", err)
		}
		if err := m.Advise(-1, 0, unio.AdviceNormal); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Advise: %v", err)
		}
		if err := m.Advise(0, 0, 99); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Advise: %v", err)
		}
		for _, c := range [][2]int64{{4096, 1<<63 - 1}, {1<<63 - 1, 1<<63 - 1}, {5000, 1}, {0, 1<<63 - 1}} { // advice may reach further
			if err := m.Advise(c[0], c[1], unio.AdviceDontNeed); err != nil && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("Advise about %d bytes at %d: %v", c[1], c[0], err)
			}
		}
	})
}

func TestMapOfWhatCannotBeMapped(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		t.create("a", noise(100, 1))
		if _, err := t.rt.Map(t.open("a", os.O_WRONLY, nil)); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("open for writing only: %v", err)
		}
		if _, err := t.rt.Map(t.open(".", os.O_RDONLY, nil)); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a directory: %v", err)
		}
		f := t.open("a", os.O_RDONLY, nil)
		f.Close()
		if _, err := t.rt.Map(f); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("a closed file: %v", err)
		}
		if _, err := t.rt.Map(nil); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("no file: %v", err)
		}
	})
}

func TestMapOfAFileOfAnotherRuntime(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		f, err := rt.OpenFile(os.Args[0], os.O_RDONLY, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		other, err := unio.New(&unio.Options{Engine: unio.Std})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if _, err := other.Map(f); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Map: %v", err)
		}
	})
}

// After Close every call says so, whoever has closed.
func TestMapAfterClose(t *testing.T) {
	closed := func(t testing.TB, m *unio.Mapping) {
		t.Helper()
		_, bytesErr := m.Bytes(0, 1)
		_, readErr := m.ReadAt(make([]byte, 1), 0)
		_, residentErr := m.Resident(0, 1)
		for what, err := range map[string]error{
			"Bytes": bytesErr, "ReadAt": readErr, "Resident": residentErr, "Close": m.Close(), "Populate": m.Populate(background, 0, 1),
			"Advise": m.Advise(0, 0, unio.AdviceNormal),
			"View":   m.View(background, 0, 1, func([]byte) error { t.Error("View called its function"); return nil }),
		} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	eachFileScene(t, func(t fileScene) {
		before := t.rt.Stats().Files.Open
		f := t.create("a", noise(5000, 1))
		m := t.mapped(f)
		if n := t.rt.Stats().Files.Open - before; n != 2 {
			t.Errorf("%d open, want the file and its mapping", n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		closed(t, m)
		var path *fs.PathError
		if _, err := m.Bytes(0, 1); !errors.As(err, &path) || path.Path != f.Name() || m.Name() != f.Name() {
			t.Errorf("of a mapping of %q, which has the name %q: %v", f.Name(), m.Name(), err)
		}
		if n := t.rt.Stats().Files.Open - before; n != 1 {
			t.Errorf("%d open, want the file", n)
		}
	})
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(name, noise(5000, 1), 0o644); err != nil {
			t.Fatal(err)
		}
		own, err := unio.New(&unio.Options{Engine: rt.Report().Engine, Loops: 1})
		if err != nil {
			t.Skipf("lacks: a second runtime: %v", err)
		}
		f, err := own.OpenFile(name, os.O_RDONLY, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := own.Map(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := own.Close(); err != nil {
			t.Error(err)
		}
		closed(t, m)
		if _, err := own.Map(f); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Map: %v", err)
		}
	})
}

// Close waits for who is in View.
func TestMapCloseWaitsForView(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		m := t.mapped(t.create("a", noise(5000, 1)))
		var closing sync.WaitGroup
		err := m.View(background, 0, 5000, func(p []byte) error {
			begun := make(chan struct{})
			closing.Go(func() {
				close(begun)
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
			<-begun
			for !errors.Is(m.Populate(background, 0, 1), fs.ErrClosed) { // until Close is under way
			}
			if want := noise(5000, 1); !bytes.Equal(p, want) {
				t.Error("the memory has changed")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		closing.Wait()
	})
}

// A panic of the function is the caller's, also one by a fault of its own.
func TestMapViewPassesPanicsOn(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		m := t.mapped(t.create("a", noise(5000, 1)))
		var nothing *[10]byte
		for _, c := range []struct {
			fn func([]byte) error
			ok func(any) bool
		}{
			{func([]byte) error { panic("own") }, func(r any) bool { return r == "own" }},
			{func([]byte) error { nothing[3] = 1; return nil }, func(r any) bool { _, ok := r.(error); return ok }},
		} {
			func() {
				defer func() {
					if r := recover(); !c.ok(r) {
						t.Errorf("recovered %v", r)
					}
				}()
				t.Errorf("View returned %v", m.View(background, 0, 1, c.fn))
			}()
		}
		if debug.SetPanicOnFault(false) {
			t.Error("View left the goroutine with panics on faults")
		}
		if err := m.Close(); err != nil { // nobody is in View any more
			t.Error(err)
		}
	})
}

// A file that is truncated, at a page or within one, makes an error of every call that meets it, and touching it in View does.
func TestMapOfATruncatedFile(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		const size = 40_000
		for _, left := range []int64{0, 4096, 10_000} {
			f := t.create("a", noise(size, 1))
			m := t.mapped(f)
			populated, err := m.Bytes(0, 1)
			if err != nil || populated[0] != noise(1, 1)[0] { // it is mapped, too
				t.Fatalf("%v, or not what is in the file", err)
			}
			if err := f.Truncate(left); err != nil {
				t.Fatal(err)
			}
			p := make([]byte, size)
			for _, off := range []int64{left, left + 1, 12_300, size - 1} {
				_, readErr := m.ReadAt(p[:1], off)
				_, allErr := m.ReadAt(p, 0)
				for what, err := range map[string]error{
					"Populate": m.Populate(background, off, 1), "Populate of all": m.Populate(background, 0, size),
					"ReadAt": readErr, "ReadAt of all": allErr,
					"View": m.View(background, off, 1, func([]byte) error { t.Error("View called its function"); return nil }),
				} {
					if !errors.Is(err, unio.ErrTruncated) {
						t.Errorf("%s at %d of %d: %v", what, off, left, err)
					}
				}
			}
			if n, err := m.ReadAt(p[:left], 0); n != int(left) || err != nil || !bytes.Equal(p[:left], noise(size, 1)[:left]) {
				t.Errorf("the %d bytes that are left: %d, %v", left, n, err)
			}
			if n, err := m.ReadAt(p[:1], size); n != 0 || err != io.EOF {
				t.Errorf("at the end of the mapping: %d, %v", n, err)
			}
			m.Close()
		}
	})
}

// What is truncated between Populate and the touch is an error of View, as far as pages are gone.
func TestMapTruncatedInView(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		const size = 40_000
		f := t.create("a", noise(size, 1))
		m := t.mapped(f)
		deferred := false
		err := m.View(background, 0, size, func(p []byte) error {
			defer func() { deferred = true }()
			if err := f.Truncate(100); err != nil {
				t.Error(err)
			}
			_ = bytes.Clone(p)
			t.Error("no fault")
			return nil
		})
		if !errors.Is(err, unio.ErrTruncated) || !deferred {
			t.Errorf("%v; deferred calls made: %v", err, deferred)
		}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if err := m.Populate(background, 0, size); err != nil { // the mapping lives on
			t.Error(err)
		}
	})
}

// Readers beside somebody who truncates the file and extends it get the data, zeros, or an error that says so.
func TestMapTruncatedUnderReaders(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for fsName, dir := range fileDirs(t) {
			t.Run(fsName, func(t *testing.T) { truncatedUnderReaders(fileScene{t, rt, dir, func(fn func()) { fn() }}) })
		}
	})
}

func truncatedUnderReaders(t fileScene) {
	const size, rounds = 64 << 10, 200
	f := t.create("a", bytes.Repeat([]byte{7}, size))
	m := t.mapped(f)
	done := make(chan struct{})
	var readers sync.WaitGroup
	sawData := func(p []byte) {
		for _, b := range p {
			if b != 7 && b != 0 {
				t.Errorf("read %d", b)
				return
			}
		}
	}
	read := func() {
		p := make([]byte, size)
		for {
			select {
			case <-done:
				return
			default:
			}
			n, err := m.ReadAt(p, 0)
			sawData(p[:n])
			viewErr := m.View(background, 0, size, func(p []byte) error { sawData(p); return nil })
			for _, err := range []error{err, viewErr} {
				if err != nil && !errors.Is(err, unio.ErrTruncated) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Error(err)
				}
			}
		}
	}
	for range 2 {
		readers.Go(read)
		readers.Add(1)
		t.rt.Go(func() {
			defer readers.Done()
			read()
		})
	}
	for range rounds {
		err := errors.Join(f.Truncate(100), f.Truncate(size))
		if _, e := f.WriteAt(bytes.Repeat([]byte{7}, size), 0); err != nil || e != nil {
			t.Error(err, e)
		}
	}
	close(done)
	readers.Wait()
	p := make([]byte, size)
	if n, err := m.ReadAt(p, 0); n != size || err != nil || bytes.Count(p, []byte{7}) != size {
		t.Errorf("afterwards: %d, %v, %d bytes of %d", n, err, bytes.Count(p, []byte{7}), size)
	}
}

// A context that is done ends a Populate that has to wait.
func TestMapPopulateObeysItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	eachFileScene(t, func(t fileScene) {
		f := t.create("a", noise(1<<20, 1))
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		m := t.mapped(f)
		if all, err := m.Resident(0, m.Size()); err == nil && len(all) == 1 && all[0].Len == m.Size() {
			if err := m.Populate(ctx, 0, m.Size()); err != nil {
				t.Errorf("of what is there: %v", err)
			}
		}
		dropMapping(t, m)
		if all, err := m.Resident(0, m.Size()); err != nil || len(all) > 0 {
			return // nothing can be taken out here
		}
		if err := m.Populate(ctx, 0, m.Size()); !errors.Is(err, context.Canceled) {
			t.Errorf("of what is not: %v", err)
		}
	})
}

// In a debug build a slice that is kept past Close fails at once.
func TestMapSlicesKeptPastCloseFault(t *testing.T) {
	if !unio.KnowsOwners {
		t.Skip("lacks: a build with debug checks (-race or -tags uniodebug)")
	}
	eachFileScene(t, func(t fileScene) {
		m := t.mapped(t.create("a", noise(5000, 1)))
		p, err := m.Bytes(0, 5000)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		defer func(old bool) {
			debug.SetPanicOnFault(old)
			if recover() == nil {
				t.Error("the memory can still be touched")
			}
		}(debug.SetPanicOnFault(true))
		t.Log(p[0])
	})
}
