package uniotls

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio"
)

// queueBytesMax bounds what one connection has sealed and its socket has not taken. A Write waits for an empty queue
// before it seals the next piece, so all but one piece of it is for what a peer makes the reader send: some 3,500 answers
// to key updates, of which a sane peer has one outstanding.
const queueBytesMax = 128 << 10

// pieceBytes is how much of a Write is sealed at once: two full records, which leave the connection below room for more.
const pieceBytes = 32 << 10

// errUnread is the end of a connection whose peer asks for answers and does not read them.
var errUnread = errors.New("uniotls: the peer goes on asking for answers (key updates) and does not read them: " +
	"more than 128 KiB wait to be sent; the connection is given up")

// wire is the net.Conn below crypto/tls, which writes while it holds a mutex that the reader may need. So Write never
// waits: what the connection does not take at once it queues, and who called crypto/tls has that sent afterwards, when
// the mutex is free.
type wire struct {
	conn     *unio.Conn
	flushing lock         // of who sends from the queue
	pending  atomic.Int64 // bytes in the queue and on their way from it to conn
	owed     atomic.Bool  // nobody but the reader will send what is pending
	early    atomic.Bool  // the handshake is not over: its party alone reads and writes
	sealing  atomic.Bool  // a Write is in crypto/tls, and will look at pending after it

	in   record  // belongs to the reader: the handshake's party, then the holder of Conn.reading
	none [1]byte // for a Read that gets nothing

	mu      sync.Mutex // held for moments
	queue   []byte
	err     error
	writeBy time.Time // the user's write deadline
	readBy  time.Time // the user's read deadline

	starved context.CancelFunc // of the reader, who waits for a buffer
}

var _ net.Conn = (*wire)(nil)

// queues recycles the memory of queues: an idle connection has none.
var queues = sync.Pool{New: func() any {
	p := make([]byte, 0, pieceBytes+2<<10)
	return &p
}}

// Write gives p to the connection where that takes it at once, and queues it where it would have to wait.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	if w.pending.Load() == 0 && w.conn.TryWrite(p) {
		return len(p), nil
	}
	if !w.early.Load() && w.pending.Load()+int64(len(p)) > queueBytesMax {
		w.fail(errUnread)
		w.conn.SetDeadline(aLongTimeAgo) // ends whoever waits; this does not wait itself
		return 0, w.err
	}
	if w.queue == nil {
		w.queue = *queues.Get().(*[]byte)
	}
	w.queue = append(w.queue, p...)
	w.pending.Add(int64(len(p)))
	if !w.sealing.Load() {
		w.owed.Store(true)
	}
	return len(p), nil
}

// aLongTimeAgo is a deadline that has passed.
var aLongTimeAgo = time.Unix(1, 0)

// fail ends sending for good. It is called with mu held.
func (w *wire) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.pending.Add(-int64(len(w.queue)))
	w.queue = nil
}

// passing is an error after which crypto/tls lets the next call try again.
type passing struct{ error }

func (e passing) Unwrap() error   { return e.error }
func (e passing) Temporary() bool { return true }
func (e passing) Timeout() bool   { return errors.Is(e.error, os.ErrDeadlineExceeded) }

// isRetryable reports whether the connection below is as good as before the error: the call had no effect but for the
// bytes that it counted.
func isRetryable(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, unio.ErrStalled) || errors.Is(err, unio.ErrCoroutine)
}

// flush waits until the connection has taken everything that is queued. It is called with no mutex of crypto/tls held
// that another task may want.
func (w *wire) flush() error {
	if w.pending.Load() == 0 {
		return w.writable()
	}
	return w.push()
}

// push is flush whatever the user's deadline: that of the connection below holds.
func (w *wire) push() error {
	if w.pending.Load() == 0 {
		return nil
	}
	w.flushing.wait()
	return w.drainAndUnlock()
}

// kick sees to it that what is owed will be sent, without waiting.
func (w *wire) kick() {
	if w.owed.Load() && w.flushing.TryLock() {
		go w.drainAndUnlock()
	}
}

// drainAndUnlock drains the queue by the holder of flushing, and again for those who have queued something and found it
// held.
func (w *wire) drainAndUnlock() error {
	for {
		err := w.drain()
		w.flushing.Unlock()
		if err != nil || w.pending.Load() == 0 || !w.flushing.TryLock() {
			return err
		}
	}
}

func (w *wire) drain() error {
	for {
		p, err := w.take()
		if err != nil || len(p) == 0 {
			return err
		}
		n, err := w.conn.Write(p)
		if err = w.taken(p, n, err); err != nil {
			return err
		}
	}
}

// take takes the queue.
func (w *wire) take() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.queue
	w.queue = nil
	w.owed.Store(false)
	return p, w.err
}

// taken notes that the connection has n bytes of p. After an error that passes the rest waits at the head of the queue,
// so that records are not torn.
func (w *wire) taken(p []byte, n int, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending.Add(-int64(n))
	switch {
	case err == nil:
		p = p[:0]
		queues.Put(&p)
		return nil
	case w.err == nil && isRetryable(err):
		w.queue = append(p[n:], w.queue...)
		w.owed.Store(len(w.queue) > 0)
		return err
	}
	w.pending.Add(-int64(len(p) - n))
	w.fail(err)
	return w.err
}

// unread reports whether the peer has been given up because it does not read.
func (w *wire) unread() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err == errUnread
}

// writable says why nothing may be written now. The error is made without mu: it may ask the loop for addresses, and a
// task of that loop may want mu.
func (w *wire) writable() error {
	w.mu.Lock()
	err, by := w.err, w.writeBy
	w.mu.Unlock()
	if err == nil && !by.IsZero() && !time.Now().Before(by) {
		return opError(w.conn, "write", os.ErrDeadlineExceeded)
	}
	return err
}

// setWriteBy notes the user's write deadline.
func (w *wire) setWriteBy(t time.Time) {
	w.mu.Lock()
	w.writeBy = t
	w.mu.Unlock()
}

// setReadBy notes the user's read deadline, also for a reader who waits for a buffer.
func (w *wire) setReadBy(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readBy = t
	w.wakeLocked()
}

// starve is for the reader, who waits for a buffer with this context: it ends at the read deadline and by wake.
func (w *wire) starve() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx := context.Background()
	if w.readBy.IsZero() {
		ctx, w.starved = context.WithCancel(ctx)
	} else {
		ctx, w.starved = context.WithDeadline(ctx, w.readBy)
	}
	return ctx
}

// wake ends the context of a reader who waits for a buffer.
func (w *wire) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakeLocked()
}

func (w *wire) wakeLocked() {
	if w.starved != nil {
		w.starved()
		w.starved = nil
	}
}

// The time that Close gives a peer to take what was written: as unio.Conn.Close, and as crypto/tls for the last record
// where the user's deadline has been over before.
const (
	closeLimit = 30 * time.Second
	alertLimit = 5 * time.Second
)

// closeBy is the time until which Close waits.
func (w *wire) closeBy() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch now := time.Now(); {
	case w.writeBy.IsZero():
		return now.Add(closeLimit)
	case w.writeBy.After(now) || len(w.queue) > 0:
		return w.writeBy
	default:
		return now.Add(alertLimit)
	}
}

// Close is called by crypto/tls when the context of a handshake is done. What is unsent is of no use.
func (w *wire) Close() error {
	w.conn.SetWriteDeadline(aLongTimeAgo)
	return w.conn.Close()
}

// LocalAddr and RemoteAddr are for the ClientHelloInfo that callbacks get.
func (w *wire) LocalAddr() net.Addr { return w.conn.LocalAddr() }

// RemoteAddr is the peer's address.
func (w *wire) RemoteAddr() net.Addr { return w.conn.RemoteAddr() }

// SetDeadline does nothing, as the two below: users set deadlines on the Conn, and what crypto/tls wants to bound by its
// own does not wait here.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// lock is a mutex that a task may wait for: it parks, and a goroutine waits in its place.
type lock struct{ sync.Mutex }

func (l *lock) wait() {
	if !l.TryLock() {
		unio.Offload(l.Lock)
	}
}
