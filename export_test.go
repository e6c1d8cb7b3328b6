package unio

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/filepool"
)

func (q *line[T]) waiting(mu *sync.Mutex) (n int) {
	mu.Lock()
	defer mu.Unlock()
	for w := q.first; w != nil; w = w.next {
		n++
	}
	return n
}

// Waiting is how many wait in Lock.
func (m *Mutex) Waiting() int { return m.line.waiting(&m.mu) }

// WaitingSenders is how many wait in Send.
func (c *Chan[T]) WaitingSenders() int { return c.senders.waiting(&c.mu) }

// WaitingReceivers is how many wait in Recv.
func (c *Chan[T]) WaitingReceivers() int { return c.receivers.waiting(&c.mu) }

// Waiting is how many wait in Go and in Wait.
func (g *Group) Waiting() int { return g.full.waiting(&g.mu) + g.done.waiting(&g.mu) }

// UseLease is a call under the connection's lease that takes until release. It has to be lent.
func (c *Conn) UseLease() (release func(), ok bool) {
	put, mail, ok := c.TakeLease()
	release = func() {
		if put() {
			mail()
		}
	}
	return release, ok
}

// TakeLease is UseLease for one who is held up between the two ends of the call: mail follows put where that says so.
func (c *Conn) TakeLease() (put func() bool, mail func(), ok bool) {
	return c.recvLease.put, func() { c.mail((*Conn).recvLeaseBack) }, c.recvLease.take()
}

// LeaseIsWanted reports whether somebody waits for the lease for receiving.
func (c *Conn) LeaseIsWanted() bool { return c.recvLease.state.Load() == leaseWanted }

// ReadUnderALease is a Read by a call of the caller's that begins with between, when the lease has been taken.
func (c *Conn) ReadUnderALease(p []byte, between func()) (err error, ok bool) {
	if !c.recvLease.take() {
		return nil, false
	}
	between()
	_, err = c.recvLent(p)
	return err, true
}

// BreakUnderALease has the engine fail while a goroutine asks for the write lock, under the lease for sending.
func (c *Conn) BreakUnderALease() (answered chan error, ok bool) {
	answered = make(chan error, 1)
	c.home.run(func() error {
		if ok = c.sendLease.take(); !ok {
			return nil
		}
		go func() {
			c.sendLease.tell()
			err := c.call(callKeepLock)
			c.sendLease.put()
			answered <- err
		}()
		for c.calls.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		return c.l.Engine().Close(time.Second)
	})
	return answered, ok
}

// UseSendLease is UseLease for the lease for sending.
func (c *Conn) UseSendLease() (release func(), ok bool) {
	release = func() {
		if c.sendLease.put() {
			c.mail((*Conn).sendLeaseBack)
		}
	}
	return release, c.sendLease.take()
}

// Turns counts the turns of the connection's loop.
func (c *Conn) Turns() uint64 { return c.l.Turns() }

// Queued is how many bytes are not with the kernel.
func (c *Conn) Queued() (n int) {
	c.home.run(func() error {
		c.takeOutside()
		n = c.queued
		return nil
	})
	return n
}

// ShortDrains has connections wait less for peers that do not read, for a test whose peers never do. It is called before
// there is a runtime.
func ShortDrains(t testing.TB) {
	atLeast, drain, abort := closeWaitLeast, closeDrainLimit, abortDrainLimit
	closeWaitLeast, closeDrainLimit, abortDrainLimit = 10*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond
	t.Cleanup(func() { closeWaitLeast, closeDrainLimit, abortDrainLimit = atLeast, drain, abort })
}

// ShortClose sets the time that Close of a runtime takes at most. It is called before there is a runtime.
func ShortClose(t testing.TB, limit time.Duration) {
	old := closeLimit
	closeLimit = limit
	t.Cleanup(func() { closeLimit = old })
}

// ShortShares sets the least time that an address gets. It is called before there is a runtime.
func ShortShares(t testing.TB, least time.Duration) {
	old := shareLeast
	shareLeast = least
	t.Cleanup(func() { shareLeast = old })
}

// KnowsOwners says whether Operation.Owner is set in this build.
var KnowsOwners = func() bool {
	var o owner
	o.note()
	return o.String() != ""
}()

// AppendsUnsynced reports whether a file has records that no sync has covered. Nobody may be in Append.
func AppendsUnsynced(f *File) bool { return f.log.dirty }

// HoldThreads has whatever needs a thread of a runtime wait until release is called.
func HoldThreads(rt *Runtime) (release func()) {
	held, free := make(chan struct{}), make(chan struct{})
	pool := rt.files.pool.(*filepool.Pool)
	for range pool.Turns() {
		go pool.Call(func() error {
			held <- struct{}{}
			<-free
			return nil
		})
		<-held
	}
	return func() { close(free) }
}

// InUse tells whether a call of a file is under way.
func (f *File) InUse() bool { return f.users.Load()&^closedBit != 0 }

// ReplaceThreads has another do what needs a thread of a runtime that has not been used yet.
func ReplaceThreads(rt *Runtime, wrap func(Threads) Threads) { rt.files.pool = wrap(rt.files.pool) }

// BeBlind makes a mapping as one of a file of which the kernel tells nothing.
func (m *Mapping) BeBlind() { m.how.sees = false }

// BeOld makes a mapping as one of a kernel without MADV_POPULATE_READ.
func (m *Mapping) BeOld() { m.how.thread = false }

// BreakLoop has the engine of a loop fail, and returns when the loop has ended: the first one of those for tasks, or of those
// for goroutines. The engine must be one that notices that it has been closed, as epoll does.
func BreakLoop(rt *Runtime, shared bool) {
	p := rt.loops[0]
	if shared {
		rt.mu.Lock()
		p = rt.shared[0]
		rt.mu.Unlock()
	}
	p.run(func() error { return p.Engine().Close(time.Second) })
	for p.run(func() error { return nil }) == nil {
	}
}

// CloseFilesBy is what Runtime.Close does with files; ctx is done when the time of the tasks is over.
func CloseFilesBy(ctx context.Context, rt *Runtime) error { return rt.files.closeBy(ctx) }
