package unio

import (
	"context"
	"io"
	"net"
	"sync"
)

// Chan carries values between tasks, of one loop or of several, and goroutines, as a Go channel does between goroutines.
// Whoever waits parks when it is a task and blocks when it is a goroutine. Values arrive in the order in which they were
// sent, and those who wait are served in the order in which they came. All methods may be called from anywhere, at the
// same time. The zero Chan holds no value: Send waits for a Recv.
//
// There is no select. Who waits for the first of several things has each of them send to one Chan; who waits no longer
// than some time gives Recv a context with a deadline.
type Chan[T any] struct {
	mu        sync.Mutex
	ring      []T
	begin, n  int
	closed    bool
	senders   line[T] // none while the ring has room
	receivers line[T] // none while the ring has a value
}

// NewChan makes a Chan that holds up to n values, none if n is negative. Their memory is taken at once.
func NewChan[T any](n int) *Chan[T] { return &Chan[T]{ring: make([]T, max(n, 0))} }

// errChanClosed is the error of sending to a Chan that is closed.
var errChanClosed error = chanClosed{}

type chanClosed struct{}

// Error says what happened.
func (chanClosed) Error() string { return "the Chan is closed" }

// Is makes errors.Is(err, net.ErrClosed) true.
func (chanClosed) Is(target error) bool { return target == net.ErrClosed }

// Send sends v, and waits while the Chan is full. If err is not nil v was not sent: the Chan is or was closed before it
// had room (net.ErrClosed), ctx was done before (context.Canceled or DeadlineExceeded), the runtime of the calling task is
// closed (net.ErrClosed), or waiting would stop a loop (ErrCoroutine). Where it need not wait it does not matter what ctx says.
func (c *Chan[T]) Send(ctx context.Context, v T) error {
	ended := ctx.Err()
	c.mu.Lock()
	r, done, err := c.put(v)
	if done {
		c.mu.Unlock()
		if r != nil {
			r.wake()
		}
		return errWaiting("Chan.Send", err)
	}
	t, err := mayWait(ended)
	if err != nil {
		c.mu.Unlock()
		return errWaiting("Chan.Send", err)
	}
	w := c.senders.join(&c.mu, t)
	w.v = v
	c.mu.Unlock()
	err = errWaiting("Chan.Send", w.wait(ctx))
	c.mu.Lock()
	c.senders.free(w)
	c.mu.Unlock()
	return err
}

// TrySend sends v if that needs no wait. False: the Chan is full or closed.
func (c *Chan[T]) TrySend(v T) bool {
	c.mu.Lock()
	r, done, err := c.put(v)
	c.mu.Unlock()
	if r != nil {
		r.wake()
	}
	return done && err == nil
}

// put gives v to the first who waits, who is to be woken, or to the ring. Not done: there is no room.
func (c *Chan[T]) put(v T) (r *inLine[T], done bool, err error) {
	if c.closed {
		return nil, true, errChanClosed
	}
	if r = c.receivers.take(); r != nil {
		r.v = v
		return r, true, nil
	}
	if c.n == len(c.ring) {
		return nil, false, nil
	}
	c.push(v)
	return nil, true, nil
}

func (c *Chan[T]) push(v T) {
	i := c.begin + c.n
	if i >= len(c.ring) {
		i -= len(c.ring)
	}
	c.ring[i] = v
	c.n++
}

// Recv receives a value, and waits while there is none. After Close it gives what is left and then io.EOF, bare. The
// other errors are those of Send; if err is not nil no value was taken.
func (c *Chan[T]) Recv(ctx context.Context) (v T, err error) {
	ended := ctx.Err()
	c.mu.Lock()
	v, s, done := c.get()
	if done || c.closed {
		c.mu.Unlock()
		if s != nil {
			s.wake()
		}
		if !done {
			err = io.EOF
		}
		return v, err
	}
	t, err := mayWait(ended)
	if err != nil {
		c.mu.Unlock()
		return v, errWaiting("Chan.Recv", err)
	}
	w := c.receivers.join(&c.mu, t)
	c.mu.Unlock()
	if err = w.wait(ctx); err != io.EOF {
		err = errWaiting("Chan.Recv", err)
	}
	c.mu.Lock()
	v = w.v
	c.receivers.free(w)
	c.mu.Unlock()
	return v, err
}

// TryRecv receives a value if there is one.
func (c *Chan[T]) TryRecv() (v T, ok bool) {
	c.mu.Lock()
	v, s, ok := c.get()
	c.mu.Unlock()
	if s != nil {
		s.wake()
	}
	return v, ok
}

// get takes the oldest value, and lets the first who waits for room have it; that one is to be woken.
func (c *Chan[T]) get() (v T, s *inLine[T], ok bool) {
	s = c.senders.take()
	if c.n == 0 {
		if s == nil {
			return v, nil, false
		}
		return s.v, s, true
	}
	var none T
	v, c.ring[c.begin] = c.ring[c.begin], none
	if c.begin++; c.begin == len(c.ring) {
		c.begin = 0
	}
	c.n--
	if s != nil {
		c.push(s.v)
	}
	return v, s, true
}

// Close ends the Chan: whoever waits in Send fails with net.ErrClosed and his value is not sent, Recv gives what is left.
// It never waits. A second Close does nothing.
func (c *Chan[T]) Close() {
	c.mu.Lock()
	c.closed = true
	s, r := c.senders.takeAll(errChanClosed), c.receivers.takeAll(io.EOF)
	c.mu.Unlock()
	wakeAll(s)
	wakeAll(r)
}

// Len is how many values are held now.
func (c *Chan[T]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Cap is how many values the Chan can hold.
func (c *Chan[T]) Cap() int { return len(c.ring) }
