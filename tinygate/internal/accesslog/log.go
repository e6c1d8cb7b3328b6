package accesslog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

const (
	flushEvery = time.Second
	// hangWait bounds Close and Reopen: a program has to be able to end, and to go on, while the reader of its log hangs.
	hangWait = 5 * time.Second
	// readerWait is how long a pipe may be without a reader when it is opened, so that both may be started at the same time.
	readerWait = 2 * time.Second
	readerPoll = 10 * time.Millisecond
	fileMode   = 0o640 // it has addresses and query strings
)

// Log is an access log. Its methods may be called from any goroutine, and block; tasks use a Writer. A nil Log is one
// that writes nothing.
type Log struct {
	format  *format
	path    string // "": out is not a file that can be opened again
	writers []*Writer
	closed  atomic.Bool
	wake    chan struct{}
	asked   chan request
	left    chan struct{} // closed: nobody waits for the end any more
	ended   chan struct{}
	closing sync.Once
	wait    time.Duration // of Close and Reopen
	failure atomic.Pointer[error]
	logger  atomic.Pointer[slog.Logger]

	// What follows is the goroutine's.
	out  io.Writer
	torn *Writer // whose line was written in part last; the rest has to come next
}

// request asks the goroutine to write all there is, and then perhaps to go on with another file or to end.
type request struct {
	out  io.Writer
	end  bool
	done chan error
}

// Open opens the log for so many loops and starts the goroutine that writes it. Without a path it returns nil, which is a
// Log that writes nothing. An error is about the format, or an *fs.PathError.
func Open(cfg config.AccessLog, loops int) (*Log, error) {
	if cfg.Path == "" {
		return nil, nil
	}
	f, err := compile(cfg.Format)
	if err != nil {
		return nil, err
	}
	switch cfg.Path {
	case "stdout":
		return start(keep{os.Stdout}, "", f, loops), nil
	case "stderr":
		return start(keep{os.Stderr}, "", f, loops), nil
	}
	out, err := openFile(cfg.Path)
	if err != nil {
		return nil, err
	}
	return start(out, cfg.Path, f, loops), nil
}

func openFile(path string) (*file, error) {
	if info, err := os.Stat(path); err == nil && info.Mode().Type() == fs.ModeNamedPipe {
		return openPipe(path)
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("access log: %w (its directory has to be there, and this process has to be allowed to write in it)", err)
	}
	return &file{File: out}, nil
}

// openPipe opens a named pipe without waiting in the kernel, which would let it wait for a reader for ever (fifo(7)). ENXIO says
// that there is none.
func openPipe(path string) (*file, error) {
	for end := time.Now().Add(readerWait); ; time.Sleep(readerPoll) {
		out, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0)
		switch {
		case err == nil:
			return &file{File: out}, nil
		case !errors.Is(err, syscall.ENXIO):
			return nil, fmt.Errorf("access log: %w (this process has to be allowed to write to it)", err)
		case time.Now().After(end):
			return nil, fmt.Errorf("access log: %w (it is a pipe that nobody reads; start its reader first)", err)
		}
	}
}

// keep is stdout or stderr, which the log does not close.
type keep struct{ io.Writer }

func start(out io.Writer, path string, f *format, loops int) *Log {
	l := &Log{
		format: f, path: path, out: out, wait: hangWait,
		wake: make(chan struct{}, 1), asked: make(chan request), left: make(chan struct{}),
		ended: make(chan struct{}),
	}
	for range loops {
		l.writers = append(l.writers, newWriter(l))
	}
	go l.run()
	return l
}

// SetLogger says where it is told that the log cannot be written, and that it can again. Without it, slog.Default() is
// used.
func (l *Log) SetLogger(to *slog.Logger) {
	if l != nil {
		l.logger.Store(to)
	}
}

// Writer returns the log of a loop, for the tasks of that loop alone.
func (l *Log) Writer(loop int) *Writer {
	if l == nil {
		return nil
	}
	return l.writers[loop]
}

// Dropped returns how many lines were lost because the file was slower than the traffic.
func (l *Log) Dropped() (n uint64) {
	if l == nil {
		return 0
	}
	for _, w := range l.writers {
		n += w.dropped.Load()
	}
	return n
}

// Err returns why lines cannot be written at present, and nil when they can.
func (l *Log) Err() error {
	if l != nil {
		if err := l.failure.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// Reopen goes on with a new file at the same path, after the old one was renamed. No line is lost: what was added before
// is in the old file or in the new one. It waits for the write that is under way, for five seconds at most; the error then
// says so, and matches os.ErrDeadlineExceeded. When the new file cannot be opened, or the old one hangs, that stays in use. That
// lines cannot be written to the new one is no error here: it is in use, and Err tells. It does nothing for stdout and stderr.
func (l *Log) Reopen() error {
	if l == nil || l.path == "" {
		return nil
	}
	out, err := openFile(l.path)
	if err != nil {
		return err
	}
	t := time.NewTimer(l.wait)
	defer t.Stop()
	taken, err := l.ask(request{out: out}, t.C)
	if !taken {
		out.Close()
	}
	if err == errLate {
		return errBusy
	}
	return err
}

// Flush waits until all lines that were added before are written, and returns why that was not possible.
func (l *Log) Flush() error {
	if l == nil {
		return nil
	}
	_, err := l.ask(request{}, nil)
	return err
}

// Close writes what there is and closes the file. Lines that are added later are dropped, and those that are added meanwhile
// may be lost: it comes after the loops have ended. It waits five seconds at most for a file that does not take the
// lines; the error then says so, and matches os.ErrDeadlineExceeded, and the file is closed when it does take them. A second
// Close does nothing.
func (l *Log) Close() (err error) {
	if l == nil {
		return nil
	}
	l.closing.Do(func() {
		l.closed.Store(true)
		t := time.NewTimer(l.wait)
		defer t.Stop()
		if _, err = l.ask(request{end: true}, t.C); err == errLate {
			err = errHangs
			close(l.left)
		}
	})
	return err
}

var (
	errClosed = fmt.Errorf("access log: %w", os.ErrClosed)
	errHangs  = fmt.Errorf("access log: lines were lost at the end, since nobody reads the file or its disk hangs: %w",
		os.ErrDeadlineExceeded)
	errBusy = fmt.Errorf("access log: it cannot be opened again, since nobody reads the file or its disk hangs: %w",
		os.ErrDeadlineExceeded)
	errLate = errors.New("access log: the time is over")
)

// ask hands the goroutine a request and waits until it is done or the time is over. A request that was taken is done all
// the same, if nobody waits for it any more.
func (l *Log) ask(r request, timeout <-chan time.Time) (taken bool, err error) {
	r.done = make(chan error, 1)
	select {
	case l.asked <- r:
	case <-l.ended:
		return false, errClosed
	case <-timeout:
		return false, errLate
	}
	select {
	case err := <-r.done:
		return true, err
	case <-timeout:
		return true, errLate
	}
}

// run is the goroutine that writes.
func (l *Log) run() {
	defer close(l.ended)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.report(l.write(true))
		case <-l.wake:
			l.report(l.write(false))
		case r := <-l.asked:
			err := l.write(true)
			if r.out != nil {
				err = l.change(r.out)
			}
			l.report(err)
			if r.out != nil {
				err = nil // the other file is in use, whether or not it can be written now
			}
			if r.end {
				err = errors.Join(err, l.closeOut())
			}
			r.done <- err
			if r.end {
				return
			}
		case <-l.left:
			l.report(errors.Join(l.write(true), l.closeOut()))
			return
		}
	}
}

// write writes the buffers that are full, or all that there is. It ends even if loops go on filling buffers, so that
// requests get their turn.
func (l *Log) write(all bool) error {
	if l.torn != nil {
		if _, err := l.writeBuffer(l.torn); err != nil {
			return err
		}
	}
	more := false
	for range buffersMax {
		more = false
		for _, w := range l.writers {
			if b, last := w.pending(); !last && (!all || len(b) == 0) {
				continue
			}
			last, err := l.writeBuffer(w)
			if err != nil {
				return err
			}
			more = more || last
		}
		if !more {
			return nil
		}
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// writeBuffer writes what there is of a buffer, and reports whether it was full.
func (l *Log) writeBuffer(w *Writer) (last bool, err error) {
	b, last := w.pending()
	n, err := l.out.Write(b)
	if n > 0 {
		l.torn = nil
		if b[n-1] != '\n' {
			l.torn = w
		}
	}
	w.wrote(n, last && n == len(b))
	if err != nil {
		return false, fmt.Errorf("access log: %w", err)
	}
	return last, nil
}

// change goes on with another file. What could not be written to the old one goes there.
func (l *Log) change(out io.Writer) error {
	if l.torn != nil {
		l.torn.rewind()
	}
	err := l.closeOut()
	l.out, l.torn = out, nil
	return errors.Join(err, l.write(true))
}

func (l *Log) closeOut() error {
	if c, ok := l.out.(io.Closer); ok {
		if err := c.Close(); err != nil {
			return fmt.Errorf("access log: %w", err)
		}
	}
	return nil
}

// report tells when writing begins to fail and when it works again.
func (l *Log) report(err error) {
	was := l.failure.Load()
	if (err == nil) == (was == nil) {
		return
	}
	log := l.logger.Load()
	if log == nil {
		log = slog.Default()
	}
	if err == nil {
		l.failure.Store(nil)
		log.Info("tinygate: the access log is written again", slog.Uint64("dropped", l.Dropped()))
		return
	}
	l.failure.Store(&err)
	log.Error("tinygate: the access log cannot be written; lines are kept while there is room, and then dropped", slog.Any("error", err))
}
