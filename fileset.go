package unio

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/filepool"
	"github.com/unio-go/unio/internal/filering"
	"github.com/unio-go/unio/internal/loop"
)

// fileSet is what a runtime has for files: those that are open, and who performs operations on them for goroutines.
type fileSet struct {
	pool   threads
	inline bool // the caller does everything itself

	breathing atomic.Int32 // goroutines that let others run

	mu     sync.Mutex
	open   map[*File]struct{}
	trees  map[*FS]struct{}
	none   sync.Cond // open has become empty
	gone   FileStats // what files counted that are closed
	closed bool

	once  sync.Once
	async fileio.Executor // for what can be waited for without a thread; the pool where there is no ring
	err   error
	what  atomic.Pointer[string] // what async is, and why
}

// threads performs what blocks.
type threads interface {
	fileio.Executor
	Call(fn func() error) error
	// Datasync makes what was written to a file durable, without what only describes it.
	Datasync(*fileio.File) error
}

// init makes what performs operations that block. In a simulation that is the caller, so that no thread of the system takes
// part in what the seed decides.
func (s *fileSet) init(e Engine) {
	s.none.L = &s.mu
	if s.inline = e == Sim; s.inline {
		s.pool = &filepool.Inline{}
	} else {
		s.pool = filepool.New()
	}
}

// openRing makes the ring for goroutines at the first call, or finds out what serves them instead.
func (rt *Runtime) openRing() error {
	s := &rt.files
	s.once.Do(func() {
		s.async = s.pool
		what := "threads: the engine " + string(rt.choice.name) + " has no ring"
		defer func() { s.what.Store(&what) }()
		if rt.choice.name != Uring {
			return
		}
		ring, err := filering.New(filering.Config{Memory: rt.pool})
		switch {
		case err == nil:
			s.async, what = ring, "a ring that goroutines share"
		case rt.opts.Engine == Uring:
			s.err = err
		default:
			what = "threads: " + err.Error()
			rt.log.Warn("unio: files are served by threads", slog.Any("error", err))
		}
	})
	return s.err
}

// ring is the executor for what need not hold a thread. There is a File, so it has been made.
func (s *fileSet) ring() fileio.Executor { return s.async }

// add keeps a file, which it closes on an error.
func (s *fileSet) add(f *File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		f.io.OS.Close()
		return fs.ErrClosed
	}
	if s.open == nil {
		s.open = map[*File]struct{}{}
	}
	f.io.ID = fileIDs.take()
	s.open[f] = struct{}{}
	return nil
}

func (s *fileSet) remove(f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.open, f); len(s.open) == 0 {
		s.none.Broadcast()
	}
	s.gone.add(f)
	fileIDs.give(f.io.ID)
}

// addTree keeps a tree, which it closes on an error.
func (s *fileSet) addTree(t *FS) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		t.tree.Close()
		return fs.ErrClosed
	}
	if s.trees == nil {
		s.trees = map[*FS]struct{}{}
	}
	s.trees[t] = struct{}{}
	return nil
}

func (s *fileSet) removeTree(t *FS) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.trees, t)
}

// closeFilesGrace is what closing files gets when all the time is over: what nothing holds up is closed in it.
const closeFilesGrace = 250 * time.Millisecond

// closeBy is close, unless it takes longer than until ctx is done and a moment more. Then what the kernel has not finished
// stays as it is.
func (s *fileSet) closeBy(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.close() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(closeFilesGrace)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
		return errors.New("unio: operations on files had not ended when the runtime was closed")
	}
}

// close closes every file, waiting for its operations, and then what performs them.
func (s *fileSet) close() error {
	s.mu.Lock()
	s.closed = true
	var all []*File
	for f := range s.open {
		all = append(all, f)
	}
	trees := s.trees
	s.trees = nil
	s.mu.Unlock()
	var errs []error
	for t := range trees {
		if err := t.tree.Close(); err != fs.ErrClosed { // that one is being closed
			errs = append(errs, err)
		}
	}
	for _, f := range all {
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.mu.Lock()
	for len(s.open) > 0 { // somebody else closes them
		s.none.Wait()
	}
	s.mu.Unlock()
	s.once.Do(func() {}) // nobody makes a ring any more
	if s.async != nil && s.async != fileio.Executor(s.pool) {
		errs = append(errs, s.async.Close())
	}
	return errors.Join(append(errs, s.pool.Close())...)
}

// forgetFile takes the file out of every table that it may have been entered into.
func (rt *Runtime) forgetFile(f *fileio.File) {
	if rt.files.async != nil {
		rt.files.async.Forget(f)
	}
	for _, p := range rt.loops {
		if !f.Used(p.index) {
			continue
		}
		m := &forgetMail{file: f, done: make(chan struct{})}
		m.Mail = m
		if p.Post(&m.Node) {
			<-m.done
		}
	}
}

// describe is for Report.
func (s *fileSet) describe() string {
	what := s.what.Load()
	if what == nil {
		return ""
	}
	return *what
}

// limits is for Report.
func (s *fileSet) limits() []string {
	if s.what.Load() == nil {
		return nil
	}
	if r, ok := s.async.(*filering.Ring); ok {
		return r.Limits()
	}
	return nil
}

// add adds what a file has counted.
func (s *FileStats) add(f *File) {
	s.Hits += f.cache.hits.Load()
	s.Misses += f.cache.misses.Load()
	s.Appends += f.log.appends.Load()
	s.Syncs += f.log.syncs.Load()
}

func (s *FileStats) addExecutor(c *fileio.Counters) {
	s.Ops += c.Ops.Load()
	s.Enters += c.Enters.Load()
	s.Lone += c.Lone.Load()
	s.Fixed += c.Fixed.Load()
	s.Pending += c.Pending.Load()
}

func (s *fileSet) stats() FileStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.gone
	all.Open = len(s.open)
	for f := range s.open {
		all.add(f)
	}
	all.addExecutor(s.pool.Counters())
	if s.what.Load() != nil && s.async != fileio.Executor(s.pool) {
		all.addExecutor(s.async.Counters())
	}
	return all
}

// ids are small numbers, each given to one file at a time.
type ids struct {
	mu   sync.Mutex
	next uint32
	free []uint32
}

// fileIDs are of all runtimes, since a ring may see files of any.
var fileIDs ids

func (s *ids) take() (id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		id, s.free = s.free[n-1], s.free[:n-1]
		return id
	}
	s.next++
	return s.next - 1
}

func (s *ids) give(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, id)
}

// forgetMail takes a file out of a loop's engine.
type forgetMail struct {
	loop.Node
	file *fileio.File
	done chan struct{}
}

// Deliver does it, on the loop.
func (m *forgetMail) Deliver(l *loop.Loop) {
	if e, ok := l.Engine().(engine.FileForgetter); ok {
		e.ForgetFile(m.file)
	}
	close(m.done)
}
