package stdengine

import (
	"io"
	"os"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// blindBytes is the buffer of a receive from a connection that does not tell when it is readable.
const blindBytes = 4 << 10

// recv starts a Recv.
func (d *desc) recv(op *engine.Op) {
	d.claim(&d.in, op, d.conn.SetReadDeadline)
	stop := d.in.stop
	go func() {
		b, err := d.receive(op, stop)
		if err == io.EOF {
			err = d.endOrReset()
		}
		op.Buf = b
		d.release(&d.in, op, err)
	}()
}

// endOrReset tells a stream that has ended from one that a Send has found reset: the socket tells a reset once, and without
// this a broken stream would seem to be whole. A Send that may be about to say so is waited for; where the socket takes
// no bytes any more it does not last.
func (d *desc) endOrReset() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.out.op != nil && d.raw != nil && takesNothing(d.raw) {
		over := d.out.over
		d.mu.Unlock()
		<-over
		d.mu.Lock()
	}
	if d.reset != nil && !d.eof {
		return d.reset
	}
	d.eof = true
	return io.EOF
}

// receive waits for data, then for a buffer, and reads. Exactly one of the results is set.
func (d *desc) receive(op *engine.Op, stop <-chan struct{}) (*mem.Buf, error) {
	if d.raw == nil {
		return d.receiveBlind(stop)
	}
	if err := waitReadable(d.raw); err != nil {
		return nil, err
	}
	b, err := d.buffer(d.bulk.Offer(d.e.pool, op), stop)
	if err != nil {
		return nil, err
	}
	n, err := d.conn.Read(b.Bytes())
	d.e.counters.Enters.Add(2)
	if n == 0 {
		b.Release()
		return nil, nothingRead(err)
	}
	d.bulk.Got(n, false)
	b.SetLen(n) // an error beside data comes again
	small := d.e.pool.Compact(b)
	if small != b {
		d.e.counters.Copied.Add(1)
	}
	return small, nil
}

// receiveBlind reads first and takes a pool buffer when there is something. What was read and found no
// buffer before a cancel is kept for the next receive.
func (d *desc) receiveBlind(stop <-chan struct{}) (*mem.Buf, error) {
	if len(d.kept) == 0 {
		p := make([]byte, blindBytes)
		n, err := d.conn.Read(p)
		d.e.counters.Enters.Add(1)
		if n == 0 {
			return nil, nothingRead(err)
		}
		d.kept = p[:n]
	}
	b, err := d.buffer(len(d.kept), stop)
	if err != nil {
		return nil, err
	}
	b.SetLen(copy(b.Bytes(), d.kept))
	d.kept = d.kept[b.Len():]
	return b, nil
}

func nothingRead(err error) error {
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// buffer takes a buffer, a small one when large ones are scarce, and waits for one when there is none.
func (d *desc) buffer(n int, stop <-chan struct{}) (*mem.Buf, error) {
	pool := d.e.pool
	free := make(chan struct{}, 1)
	tell := func() {
		select {
		case free <- struct{}{}:
		default:
		}
	}
	for waited := false; ; waited = true {
		if b, ok := pool.TryGetUpTo(n); ok {
			return b, nil
		}
		if !waited {
			d.e.counters.NoBuffers.Add(1)
		}
		withdrawLarge, withdrawSmall := pool.Notify(n, tell), pool.Notify(min(n, mem.PageBytes), tell)
		var b *mem.Buf
		select {
		case <-free:
			b, _ = pool.TryGetUpTo(n) // before the turn goes to the next one
		case <-stop:
		}
		withdrawLarge()
		withdrawSmall()
		if b != nil {
			return b, nil
		}
		select {
		case <-stop:
			return nil, os.ErrDeadlineExceeded
		default:
		}
	}
}
