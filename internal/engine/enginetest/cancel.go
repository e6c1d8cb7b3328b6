package enginetest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

func cancelledRecvLosesNoByte(r *rig) {
	const total, rounds = 1 << 20, 4000
	d, p := r.pair()
	rnd := rand.New(rand.NewPCG(3, 4))
	sent := beside(func() error {
		rnd := rand.New(rand.NewPCG(5, 6))
		b := make([]byte, 2048)
		for off := 0; off < total; {
			n := min(1+rnd.IntN(len(b)), total-off)
			fill(b[:n], 1, off)
			if _, err := p.Write(b[:n]); err != nil {
				return err
			}
			off += n
			for range rnd.IntN(2000) { // some microseconds, so that data and cancels meet
			}
		}
		return p.CloseWrite()
	})
	off, cancelled := 0, 0
	op := r.recv(d)
	for i := 0; ; i++ {
		if !r.submit(op) {
			if i < rounds {
				for range rnd.IntN(3) {
					r.poll()
				}
				r.e.Cancel(op)
				if rnd.IntN(4) == 0 {
					r.e.Cancel(op)
				}
			}
			r.finish(op)
		}
		if errors.Is(op.Err, engine.ErrCanceled) {
			cancelled++
			continue
		}
		if op.Err == io.EOF {
			break
		}
		if op.Err != nil {
			r.Fatal(op.Err)
		}
		if err := check(op.Buf.Bytes(), 1, off); err != nil {
			r.Fatal(err)
		}
		off += op.Buf.Len()
		op.Buf.Release()
	}
	if off != total {
		r.Errorf("%d of %d bytes came, with %d receives cancelled", off, total, cancelled)
	}
	r.join("writer", sent)
	r.closeDesc(d)
}

func cancelledAcceptLosesNoConnection(r *rig) {
	const total = 300
	l, addr := r.listener()
	dialed := beside(func() error {
		for i := range total {
			c, err := r.dial(addr)
			if err != nil {
				return fmt.Errorf("dial %d: %w", i, err)
			}
			// The other side must own it: it ends it, and this end sees that.
			go func() {
				c.Read(make([]byte, 1))
				c.Close()
			}()
		}
		return nil
	})
	rnd := rand.New(rand.NewPCG(7, 8))
	op := &engine.Op{Code: engine.Accept, Desc: l, Sock: new(engine.Socket)}
	for accepted := 0; accepted < total; {
		if !r.submit(op) {
			if rnd.IntN(3) > 0 {
				for range rnd.IntN(3) {
					r.poll()
				}
				r.e.Cancel(op)
			}
			r.finish(op)
		}
		switch {
		case op.Err == nil:
			accepted++
			closeSocket(*op.Sock)
		case !errors.Is(op.Err, engine.ErrCanceled):
			r.Fatal(op.Err)
		}
	}
	r.join("dialer", dialed)
	r.closeDesc(l)
}

// fillSocket starts a Send that the peer does not read, and turns until the kernel takes no more.
func (r *rig) fillSocket(d engine.Desc, seed byte) (op *engine.Op, release func()) {
	r.Helper()
	op, release = r.send(d, pattern(16<<20, seed), 256<<10)
	if r.submit(op) {
		r.Fatalf("send of 16 MiB that nobody reads: complete with %v", op.Err)
	}
	for range 30 {
		r.turn(time.Millisecond)
	}
	if !r.live[op] {
		r.Fatalf("send of 16 MiB that nobody reads: complete with %v", op.Err)
	}
	return op, release
}

func cancelledSendTellsWhatWasTaken(r *rig) {
	d, p := r.pair()
	op, release := r.fillSocket(d, 2)
	r.e.Cancel(op)
	r.finish(op)
	release()
	if !errors.Is(op.Err, engine.ErrCanceled) || op.N <= 0 {
		r.Errorf("cancelled send: %d bytes, %v", op.N, op.Err)
	}
	n := op.N
	got := beside(func() error { return readPattern(p, 2, n+1000, 0) })
	rest := pattern(n+1000, 2)[n:]
	op, release = r.send(d, rest, 100)
	if r.do(op); op.Err != nil || op.N != len(rest) {
		r.Errorf("send after a cancelled one: %d, %v", op.N, op.Err)
	}
	release()
	r.closeDesc(d)
	r.join("reader", got)
}

func cancelOfNothingDoesNothing(r *rig) {
	d, p := r.pair()
	op := r.recv(d)
	r.e.Cancel(op)
	p.Write([]byte("x"))
	r.do(op)
	r.e.Cancel(op)
	r.poll()
	if op.Err != nil || op.Buf.Len() != 1 {
		r.Fatalf("recv: %v", op.Err)
	}
	op.Buf.Release()
	r.e.Cancel(&engine.Op{Code: engine.Connect})
	other := r.recv(d)
	r.submit(other)
	r.e.Cancel(op) // not the one that is pending
	r.poll()
	if !r.live[other] {
		r.Errorf("a cancel of another operation ended a recv: %v", other.Err)
	}
	r.closeDesc(d)
	if r.finish(other); !errors.Is(other.Err, engine.ErrCanceled) {
		r.Errorf("recv: %v", other.Err)
	}
}
