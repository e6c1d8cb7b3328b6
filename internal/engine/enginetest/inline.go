package enginetest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// inPlace receives as a reader does who has memory of his own: into it where he can, else by a Recv.
type inPlace struct {
	*rig
	in     engine.Inline
	d      engine.Desc
	op     *engine.Op
	direct int // bytes that needed no buffer
}

// inPlace gives nil for an engine that cannot.
func (r *rig) inPlace(d engine.Desc) *inPlace {
	in, ok := r.e.(engine.Inline)
	if !ok {
		return nil
	}
	return &inPlace{rig: r, in: in, d: d, op: &engine.Op{Code: engine.Recv, How: engine.RecvReady, Desc: d}}
}

// receive receives something into p, which has room for what a buffer may hold.
func (s *inPlace) receive(p []byte) (n int, err error) {
	s.Helper()
	for {
		if n, err = s.in.RecvInto(s.d, p); n > 0 || err != nil {
			s.direct += n
			return n, err
		}
		if s.do(s.op); s.op.Err != nil {
			return 0, s.op.Err
		}
		if s.op.Buf != nil {
			return s.taken(p), nil
		}
	}
}

// taken copies the operation's buffer.
func (s *inPlace) taken(p []byte) int {
	n := copy(p, s.op.Buf.Bytes())
	s.op.Buf.Release()
	s.op.Buf = nil
	return n
}

// receiveAll receives to the end and returns how much that was, and the end.
func (s *inPlace) receiveAll(seed byte, off int) (int, error) {
	s.Helper()
	p := make([]byte, engine.RecvBytes)
	for {
		n, err := s.receive(p)
		if err != nil {
			return off, err
		}
		if err := check(p[:n], seed, off); err != nil {
			s.Fatal(err)
		}
		off += n
	}
}

// What is much needs no buffer; what is little comes in one again.
func muchIsReceivedInPlace(r *rig) {
	const total, messages = 8 << 20, 20
	d, p := r.pair()
	s := r.inPlace(d)
	if s == nil {
		return
	}
	done := make(chan struct{}, messages)
	written := beside(func() error {
		for off := 0; off < total; off += 256 << 10 {
			b := make([]byte, 256<<10)
			fill(b, 3, off)
			if _, err := p.Write(b); err != nil {
				return err
			}
		}
		for i := range messages {
			<-done
			b := make([]byte, 100)
			fill(b, 3, total+i*len(b))
			if _, err := p.Write(b); err != nil {
				return err
			}
		}
		return p.CloseWrite()
	})
	b := make([]byte, engine.RecvBytes)
	off := 0
	for off < total+100*messages {
		if off >= total && off%100 == total%100 {
			s.direct = 0
			done <- struct{}{}
		}
		n, err := s.receive(b)
		if err == nil {
			err = check(b[:n], 3, off)
		}
		if err != nil {
			r.Fatal(err)
		}
		if off += n; off == total && s.direct < total/2 {
			r.Errorf("%d of %d bytes were received in place", s.direct, total)
		}
	}
	if s.direct > 0 {
		r.Error("the last of many small messages was received in place")
	}
	r.join("writer", written)
	r.closeDesc(d)
}

// SendFrom takes what the socket has room for, and a Send takes the rest.
func muchIsSentFromItsPlace(r *rig) {
	const total = 12 << 20
	d, p := r.pair()
	s := r.inPlace(d)
	if s == nil {
		return
	}
	all := pattern(total, 9)
	off := 0
	for {
		n, err := s.in.SendFrom(d, all[off:min(off+256<<10, total)])
		if err != nil {
			r.Fatal(err)
		}
		if off += n; n == 0 {
			break
		}
		r.poll()
	}
	if off == 0 || off == total {
		r.Fatalf("a socket that nobody reads took %d bytes", off)
	}
	got := beside(func() error { return readPattern(p, 9, total, 0) })
	for off < total {
		op, release := r.send(d, all[off:min(off+100_000, total)], 64<<10)
		r.do(op)
		if off += op.N; op.Err != nil {
			r.Fatal(op.Err)
		}
		release()
		if off == total {
			break
		}
		n, err := s.in.SendFrom(d, all[off:min(off+100_000, total)])
		if off += n; err != nil {
			r.Fatal(err)
		}
	}
	r.closeDesc(d)
	r.join("reader", got)
}

func inPlaceTheEndIsTold(r *rig) {
	const total = 1 << 20
	d, p := r.pair()
	s := r.inPlace(d)
	if s == nil {
		return
	}
	written := floods(p, 3, total)
	if n, err := s.receiveAll(3, 0); n != total || err != io.EOF {
		r.Errorf("%d of %d bytes and %v", n, total, err)
	}
	for range 3 {
		if n, err := s.receive(make([]byte, engine.RecvBytes)); n > 0 || err != io.EOF {
			r.Errorf("after the end: %d bytes and %v", n, err)
		}
	}
	r.join("writer", written)
	r.closeDesc(d)
}

// large has a stream that is read in place.
func (s *inPlace) large(p peer) {
	s.Helper()
	written := beside(func() error {
		_, err := p.Write(pattern(1<<20, 3))
		return err
	})
	b := make([]byte, engine.RecvBytes)
	for off := 0; off < 1<<20; {
		n, err := s.receive(b)
		if err != nil {
			s.Fatal(err)
		}
		off += n
	}
	s.join("writer", written)
}

func inPlaceAResetIsTold(r *rig) {
	for _, by := range []string{"a wait", "RecvInto", "SendFrom"} {
		d, p := r.pair()
		s := r.inPlace(d)
		if s == nil {
			return
		}
		s.large(p)
		if by == "a wait" {
			r.submit(s.op)
			r.poll()
		}
		resetBy(p)
		var err error
		switch by {
		case "a wait":
			if r.finish(s.op); s.op.Buf != nil {
				r.Fatal("bytes after the last one")
			}
			if err = s.op.Err; err == nil {
				_, err = s.receive(make([]byte, engine.RecvBytes))
			}
		case "RecvInto":
			_, err = s.receive(make([]byte, engine.RecvBytes))
		case "SendFrom":
			r.until("SendFrom to meet the reset", func() bool {
				_, err = s.in.SendFrom(d, []byte("x"))
				return err != nil
			})
			if errors.Is(err, syscall.EPIPE) {
				err = nil // a Recv of the engine's was first
			}
			if _, after := s.receive(make([]byte, engine.RecvBytes)); err == nil || !errors.Is(after, syscall.ECONNRESET) {
				err = after
			}
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			r.Errorf("by %s: %v, want ECONNRESET", by, err)
		}
		r.closeDesc(d)
	}
}

// Cancelled waits, receives into buffers and in place follow each other in any order.
func aCancelledWaitForMuchLosesNoByte(r *rig) {
	const total = 8 << 20
	d, p := r.pair()
	s := r.inPlace(d)
	if s == nil {
		return
	}
	written := beside(func() error {
		rnd := rand.New(rand.NewPCG(5, 6))
		for off := 0; off < total; {
			b := make([]byte, min(1+rnd.IntN(100_000), total-off))
			fill(b, 1, off)
			if _, err := p.Write(b); err != nil {
				return err
			}
			if off += len(b); rnd.IntN(4) == 0 {
				time.Sleep(50 * time.Microsecond)
			}
		}
		return p.CloseWrite()
	})
	rnd := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, engine.RecvBytes)
	off := 0
	for {
		n, err := s.in.RecvInto(d, b[:1+rnd.IntN(len(b))])
		if n == 0 && err == nil {
			s.op.How = []uint8{engine.RecvReady, engine.RecvReady, engine.RecvWhole, 0}[rnd.IntN(4)]
			if !r.submit(s.op) {
				for range rnd.IntN(3) {
					r.poll()
				}
				if rnd.IntN(2) == 0 {
					r.e.Cancel(s.op)
				}
				r.finish(s.op)
			}
			if err = s.op.Err; errors.Is(err, engine.ErrCanceled) {
				err = nil
			}
			if s.op.Buf != nil {
				big := make([]byte, engine.BulkBytes)
				n = s.taken(big)
				if bad := check(big[:n], 1, off); bad != nil {
					r.Fatal(bad)
				}
				off += n
				continue
			}
		}
		if bad := check(b[:n], 1, off); bad != nil {
			r.Fatal(bad)
		}
		if off += n; err == io.EOF {
			break
		} else if err != nil {
			r.Fatal(err)
		}
	}
	if off != total {
		r.Errorf("%d of %d bytes", off, total)
	}
	r.join("writer", written)
	r.closeDesc(d)
}

// A goroutine receives what a wait was for, and the engine, which has seen nothing of it, waits for the next.
func aWaitForMuchFollowsReceivesOfOthers(r *rig) {
	d, p := r.pair()
	s := r.inPlace(d)
	if s == nil {
		return
	}
	s.large(p)
	off := 1 << 20
	for range 3 {
		if r.submit(s.op) {
			r.Fatal("a receive completed with nothing there")
		}
		b := make([]byte, 100)
		fill(b, 3, off)
		off += len(b)
		if _, err := p.Write(b); err != nil {
			r.Fatal(err)
		}
		if r.finish(s.op); s.op.Err != nil || s.op.Buf != nil {
			r.Fatalf("a wait for much gave %v and %v", s.op.Buf, s.op.Err)
		}
		r.join("a goroutine", beside(func() error {
			got := make([]byte, 1000)
			n, err := s.in.RecvNow(d, got)
			if n != len(b) || err != nil {
				return fmt.Errorf("%d bytes and %w", n, err)
			}
			if n, err := s.in.RecvNow(d, got[:1]); n > 0 || err != nil {
				return fmt.Errorf("%d bytes of nothing and %w", n, err)
			}
			return check(got[:n], 3, off-n)
		}))
	}
	if !r.submit(s.op) {
		for range 20 {
			r.turn(time.Millisecond)
		}
		if r.live[s.op] {
			r.e.Cancel(s.op)
			r.finish(s.op)
		} else {
			r.Errorf("a wait for what others have received ended: %v", s.op.Err)
		}
	}
	p.CloseWrite()
	var err error
	r.until("the end", func() bool {
		_, err = s.in.RecvNow(d, make([]byte, 1))
		return err != nil
	})
	if err != io.EOF {
		r.Errorf("RecvNow at the end: %v", err)
	}
	r.closeDesc(d)
}

func closeEndsAWaitForMuch(r *rig) {
	d, p := r.pair()
	s := r.inPlace(d)
	if s == nil {
		return
	}
	s.large(p)
	if r.submit(s.op) {
		r.Fatal("a receive completed with nothing there")
	}
	r.poll()
	r.closeDesc(d)
	if r.finish(s.op); !errors.Is(s.op.Err, engine.ErrCanceled) {
		r.Errorf("recv: %v, want canceled", s.op.Err)
	}
}
