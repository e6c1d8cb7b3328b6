package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/filepool"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/vfs/memfs"
)

// appendCrashSeeds is how many crashes an ordinary run tries. UNIO_SEEDS=10000 tries so many, UNIO_SEED one, or the first.
const appendCrashSeeds = 1000

// TestAppendLosesNothingInACrash has goroutines append to a device that is full now and then, in the middle of a record or when
// it syncs, or fails to sync for another reason, loses power at a moment that the seed chooses, and looks for every record that was
// acknowledged as durable, and for every one before it.
func TestAppendLosesNothingInACrash(t *testing.T) {
	first, count := crashSeeds(t)
	var total appendCrash
	for seed := first; seed < first+count; seed++ {
		run := runAppendCrash(t, seed, appendDefect{})
		if run.err != nil {
			t.Fatalf("%v; again: UNIO_SEED=%d go test -run '^TestAppendLosesNothingInACrash$' . # goroutines run as they like, "+
				"so it may take a few runs", run.err, seed)
		}
		total.found += run.found
		total.syncs += run.syncs
		total.together += run.together
		total.torn += run.torn
		total.failed += run.failed
	}
	t.Logf("%d crashes: %d records found again, %d syncs, of which %d failed, %d writes of several records, of which %d ended in "+
		"the middle for want of room", count, total.found, total.syncs, total.failed, total.together, total.torn)
	if count >= appendCrashSeeds && (total.found < int(count) || total.together == 0 || total.torn == 0 || total.failed == 0) {
		t.Errorf("too little has happened to believe it")
	}
}

// TestAppendDefectsAreFound plants what a log gets wrong, below Append, and wants each to be found.
func TestAppendDefectsAreFound(t *testing.T) {
	for name, defect := range map[string]appendDefect{
		"sync left out":            {noSync: true},
		"sync of the write alone":  {narrowSync: true},
		"acknowledged before sync": {lateSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); ; seed++ {
				if run := runAppendCrash(t, seed, defect); run.err != nil {
					t.Logf("seed %d: %v", seed, run.err)
					return
				}
				if seed == 10000 {
					t.Fatalf("it was not found with %d seeds", seed)
				}
			}
		})
	}
}

// failingSync does nothing, and fails once where it is told to.
type failingSync struct {
	filepool.Inline
	err   error // of the next sync that is a call of its own
	write error // of the next write
}

func (d *failingSync) Do(op *fileio.Op) {
	if op.N, op.Err = op.Bytes(), d.write; op.Err != nil {
		op.N, d.write = 0, nil
	}
}

func (d *failingSync) Datasync(*fileio.File) (err error) {
	err, d.err = d.err, nil
	return err
}

func (d *failingSync) Call(func() error) error { return d.Datasync(nil) }

// TestAppendErrorOfASyncStays: what a sync has not made durable no later one does, also where the device was only full.
func TestAppendErrorOfASyncStays(t *testing.T) {
	for _, bad := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO} {
		d := &failingSync{err: bad}
		f := unio.NewFileOn(t, d)
		if _, err := f.Append(t.Context(), []byte("one"), unio.Buffered); err != nil {
			t.Fatal(err)
		}
		for i, durability := range []unio.Durability{unio.Durable, unio.Durable, unio.Buffered} {
			if _, err := f.Append(t.Context(), []byte("two"), durability); !errors.Is(err, bad) {
				t.Errorf("append %d from a sync on that failed with %v: %v", i, bad, err)
			}
		}
	}
}

// TestAppendKnowsOfSyncsThatFailBesideIt: the kernel tells of what it has lost once, and who asked for that sync was not Append.
func TestAppendKnowsOfSyncsThatFailBesideIt(t *testing.T) {
	for name, sync := range map[string]func(*unio.File) error{"Sync": (*unio.File).Sync, "Datasync": (*unio.File).Datasync} {
		for _, bad := range []error{syscall.ENOSPC, syscall.EIO} {
			f := unio.NewFileOn(t, &failingSync{err: bad})
			if _, err := f.Append(t.Context(), []byte("one"), unio.Buffered); err != nil {
				t.Fatal(err)
			}
			if err := sync(f); !errors.Is(err, bad) {
				t.Errorf("%s: %v, want %v", name, err, bad)
			}
			for _, durability := range []unio.Durability{unio.Durable, unio.Buffered} {
				if _, err := f.Append(t.Context(), []byte("two"), durability); !errors.Is(err, bad) {
					t.Errorf("append after a %s that failed with %v: %v", name, bad, err)
				}
			}
		}
		f := unio.NewFileOn(t, &failingSync{err: syscall.EINVAL})
		if err := sync(f); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.Append(t.Context(), []byte("one"), unio.Buffered); err != nil {
			t.Errorf("append to a file that knows no %s: %v", name, err)
		}
	}
}

// TestSyncKnowsOfSyncsThatFailedBefore: the kernel has told whoever asked first, and what is lost may be somebody else's.
func TestSyncKnowsOfSyncsThatFailedBefore(t *testing.T) {
	durable := func(f *unio.File) error {
		_, err := f.Append(t.Context(), []byte("two"), unio.Durable)
		return err
	}
	for _, first := range []func(*unio.File) error{durable, (*unio.File).Sync, (*unio.File).Datasync} {
		f := unio.NewFileOn(t, &failingSync{err: syscall.EIO})
		if _, err := f.Append(t.Context(), []byte("one"), unio.Buffered); err != nil {
			t.Fatal(err)
		}
		if err := first(f); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		for _, err := range []error{f.Sync(), f.Datasync()} {
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("whoever has appended is told that it is durable: %v", err)
			}
		}
	}
}

// toldOnce are two syncs beside each other, of which the kernel tells the one that ends later.
type toldOnce struct {
	filepool.Inline
	calls atomic.Int32
	first chan struct{} // a sync is under way
	other chan struct{} // and one beside it has ended
}

func (d *toldOnce) Datasync(*fileio.File) error {
	if d.calls.Add(1) == 2 {
		close(d.other)
		return nil
	}
	close(d.first)
	<-d.other
	time.Sleep(20 * time.Millisecond)
	return syscall.EIO
}

func (d *toldOnce) Call(func() error) error { return d.Datasync(nil) }

// TestSyncKnowsOfSyncsThatFailBesideIt: the kernel tells one of two that sync the same file what it has lost.
func TestSyncKnowsOfSyncsThatFailBesideIt(t *testing.T) {
	for _, second := range []func(*unio.File) error{(*unio.File).Sync, (*unio.File).Datasync} {
		d := &toldOnce{first: make(chan struct{}), other: make(chan struct{})}
		f := unio.NewFileOn(t, d)
		first := make(chan error)
		go func() { first <- f.Sync() }()
		<-d.first
		for _, err := range []error{second(f), <-first} {
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("a sync beside one that failed: %v", err)
			}
		}
	}
}

// TestAppendGoesOnAfterAFullDevice: a write that found no room has nothing to lose but its record, whether it syncs or not.
func TestAppendGoesOnAfterAFullDevice(t *testing.T) {
	for _, full := range fullErrors {
		for _, durability := range []unio.Durability{unio.Buffered, unio.Durable} {
			d := &failingSync{write: full}
			f := unio.NewFileOn(t, d)
			if _, err := f.Append(t.Context(), []byte("one"), durability); !errors.Is(err, full) {
				t.Errorf("%v, want %v", err, full)
			}
			if off, err := f.Append(t.Context(), []byte("two"), durability); err != nil || off != 0 {
				t.Errorf("the next one after %v: at %d, %v", full, off, err)
			}
		}
	}
}

func crashSeeds(t *testing.T) (first, count uint64) {
	t.Helper()
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	count = appendCrashSeeds
	if os.Getenv(uniotest.SeedVariable) != "" {
		count = 1
	}
	return number(uniotest.SeedVariable, 1), number(uniotest.SeedsVariable, count)
}

// appendCrash is what came of a crash.
type appendCrash struct {
	found, syncs, failed, together, torn int
	err                                  error
}

// runAppendCrash runs appenders until power is lost, and looks at what is there.
func runAppendCrash(t *testing.T, seed uint64, defect appendDefect) appendCrash {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	fsys := memfs.New()
	file, err := fsys.OpenFile("log", os.O_RDWR|os.O_CREATE, 0o666, nil)
	if err == nil {
		err = syncDirectory(fsys)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &crashingDisk{fsys: fsys, file: file.(*memfs.File), seed: seed, left: 1 + random.IntN(40), random: random, defect: defect}
	f := unio.NewFileOn(t, w)
	var group sync.WaitGroup
	for i := range 2 + random.IntN(5) {
		own := rand.New(rand.NewPCG(seed, uint64(i)+1))
		group.Go(func() { w.appendUntilCrash(f, own) })
	}
	group.Wait()
	w.late.Wait()
	if w.after.Load() == nil { // a sync has failed, and all have given up
		w.left = 1
		w.moment()
	}
	w.run.err = errors.Join(w.run.err, w.verify())
	return w.run
}

func syncDirectory(fsys *memfs.FS) error {
	d, err := fsys.OpenFile(".", os.O_RDONLY, 0, nil)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// appendDefect is what is wrong below Append.
type appendDefect struct {
	noSync     bool // syncs do nothing
	narrowSync bool // a sync is of the last write alone
	lateSync   bool // a sync is done after it was acknowledged
}

// crashingDisk performs the operations of one file in memory, and loses power before or after one of them, or within.
type crashingDisk struct {
	filepool.Inline // for what Append does not use
	fsys            *memfs.FS
	file            *memfs.File
	seed            uint64
	defect          appendDefect

	mu     sync.Mutex  // one operation at a time
	left   int         // moments until the crash
	full   error       // how the next write fails
	broken atomic.Bool // a sync has failed, for good
	random *rand.Rand
	after  atomic.Pointer[memfs.FS]
	found  []appended // what had been acknowledged when it came
	run    appendCrash
	off    int64 // of the last write
	n      int
	late   sync.WaitGroup

	told  sync.Mutex
	acked []appended
}

// appended is a record that Append has acknowledged.
type appended struct {
	off int64
	p   []byte
	d   unio.Durability
}

// appendUntilCrash appends records of its own.
func (w *crashingDisk) appendUntilCrash(f *unio.File, own *rand.Rand) {
	for refused := 0; w.after.Load() == nil && refused < 3; {
		p := make([]byte, own.IntN(1<<own.IntN(15))) // an empty one is a sync of those before it
		for i := range p {
			p[i] = byte(1 + own.IntN(255)) // no zeros, which a file has by itself
		}
		r := appended{p: p, d: unio.Durable}
		if own.IntN(3) == 0 {
			r.d = unio.Buffered
		}
		var err error
		r.off, err = f.Append(context.Background(), p, r.d)
		if err != nil && w.broken.Load() {
			refused++ // as each must be from now on
			continue
		}
		if slices.ContainsFunc(fullErrors, func(full error) bool { return errors.Is(err, full) }) {
			continue
		}
		if err != nil {
			w.mu.Lock()
			w.run.err = err
			w.mu.Unlock()
			return
		}
		w.told.Lock()
		w.acked = append(w.acked, r)
		w.told.Unlock()
	}
}

// moment is one in which power may be lost. The mutex is held.
func (w *crashingDisk) moment() {
	for range 8 {
		runtime.Gosched() // who has been told of a record may say so, and queue the next
	}
	if w.left--; w.left != 0 {
		return
	}
	w.told.Lock()
	w.found = slices.Clone(w.acked)
	w.told.Unlock()
	w.after.Store(w.fsys.Crash(w.seed))
}

// fullErrors are how a device fails that has no room, and takes writes again later.
var fullErrors = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// syncErrors are how a sync fails. The device may have been found full only then.
var syncErrors = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO}

// take is how much of a write the device takes, all or less. Where it has become full the error is that of the next
// write, as with write(2). The mutex is held.
func (w *crashingDisk) take(op *fileio.Op) (most int, err error) {
	if w.full != nil {
		err, w.full = w.full, nil
		return 0, err
	}
	most = op.Bytes()
	if w.left%5 == 0 {
		most = 1 + most/2
	}
	if w.random.IntN(6) == 0 {
		most = 1 + w.random.IntN(most)
		w.full = fullErrors[w.random.IntN(len(fullErrors))]
		if len(op.More) > 0 && most < op.Bytes() {
			w.run.torn++
		}
	}
	return most, nil
}

// Do performs a write, of which it leaves the end out now and then.
func (w *crashingDisk) Do(op *fileio.Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var most int
	op.N = 0
	if most, op.Err = w.take(op); op.Err != nil {
		return
	}
	for i := -1; i < len(op.More) && op.N < most && op.Err == nil; i++ {
		p := op.Data
		if i >= 0 {
			p = op.More[i]
		}
		w.moment()
		var n int
		n, op.Err = w.file.WriteAt(p[:min(len(p), most-op.N)], op.Off+int64(op.N))
		op.N += n
	}
	w.off, w.n = op.Off, op.N
	if len(op.More) > 0 {
		w.run.together++
	}
	if op.Dsync && op.Err == nil {
		off, n := w.off, int64(w.n)
		op.Err = w.sync(func() error { return w.file.DatasyncRange(off, n) }, false)
	}
}

// Datasync makes the file durable.
func (w *crashingDisk) Datasync(*fileio.File) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sync(func() error {
		if w.defect.narrowSync {
			return w.file.DatasyncRange(w.off, int64(w.n))
		}
		return w.file.Datasync()
	}, true)
}

// sync is a sync, with the defects that there are; all says that it is of more than one write.
func (w *crashingDisk) sync(do func() error, all bool) error {
	w.run.syncs++
	switch {
	case w.random.IntN(10) == 0:
		return w.failSync(all)
	case w.defect.noSync:
		w.moment()
		return nil
	case w.defect.lateSync:
		w.late.Go(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.moment()
			w.run.err = errors.Join(w.run.err, do())
		})
		return nil
	}
	w.moment()
	err := do()
	w.moment()
	return err
}

// failSync is a sync that fails, after which no other makes durable what this one should have. The mutex is held.
func (w *crashingDisk) failSync(all bool) error {
	w.run.failed++
	err := syncErrors[w.random.IntN(len(syncErrors))]
	if all || err == syscall.EIO {
		w.broken.Store(true)
	}
	w.moment()
	return errors.Join(err, w.file.FailSync())
}

// verify looks for what must be there after the crash: the records that were acknowledged as durable, and those before them.
func (w *crashingDisk) verify() error {
	p, err := fs.ReadFile(w.after.Load(), "log")
	if err != nil {
		return err
	}
	end := int64(0)
	for _, r := range w.found {
		if r.d == unio.Durable {
			end = max(end, r.off+int64(len(r.p)))
		}
	}
	for _, r := range w.found {
		if r.off >= end {
			continue
		}
		if r.off+int64(len(r.p)) > int64(len(p)) || !bytes.Equal(p[r.off:][:len(r.p)], r.p) {
			return fmt.Errorf("a record of %d bytes at %d, before %d, up to where all were acknowledged as durable, is not in the log "+
				"of %d bytes", len(r.p), r.off, end, len(p))
		}
		w.run.found++
	}
	return nil
}
