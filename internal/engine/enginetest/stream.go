package enginetest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

func nopCompletes(r *rig) {
	op := &engine.Op{Code: engine.Nop}
	for range 3 {
		if r.do(op); op.Err != nil {
			r.Fatal(op.Err)
		}
	}
}

// serveEcho sends back what it receives until the end.
func (r *rig) serveEcho(d engine.Desc) {
	r.Helper()
	in, out := r.recv(d), &engine.Op{Code: engine.Send, Desc: d}
	for {
		if r.do(in); in.Err != nil {
			if in.Err != io.EOF {
				r.Fatalf("recv: %v", in.Err)
			}
			return
		}
		n := in.Buf.Len()
		out.Bufs = append(out.Bufs[:0], in.Buf)
		r.do(out)
		in.Buf.Release()
		if out.Err != nil || out.N != n {
			r.Fatalf("send: %d of %d: %v", out.N, n, out.Err)
		}
	}
}

// echoPeer sends total bytes in random pieces, and compares what comes back.
func echoPeer(p peer, total int, seed uint64) error {
	sent := beside(func() error {
		rnd := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 100_000)
		for off := 0; off < total; {
			n := 1 + rnd.IntN(100)
			if rnd.IntN(3) == 0 {
				n = 1 + rnd.IntN(len(b))
			}
			n = min(n, total-off)
			fill(b[:n], byte(seed), off)
			if _, err := p.Write(b[:n]); err != nil {
				return err
			}
			off += n
		}
		return p.CloseWrite()
	})
	off := 0
	b := make([]byte, 50_000)
	for {
		n, err := p.Read(b)
		if bad := check(b[:n], byte(seed), off); bad != nil {
			return bad
		}
		off += n
		if err == io.EOF || off == total {
			break
		}
		if err != nil {
			return err
		}
	}
	if off != total {
		return fmt.Errorf("%d of %d bytes came back", off, total)
	}
	return <-sent
}

func echoIsByteExact(r *rig) {
	d, p := r.pair()
	ended := beside(func() error { return echoPeer(p, 8<<20, 7) })
	r.serveEcho(d)
	r.join("echo", ended)
	r.closeDesc(d)
}

func sendTakesPiecesInOrder(r *rig) {
	d, p := r.pair()
	rnd := rand.New(rand.NewPCG(1, 2))
	const total = 300_000
	whole := pattern(total, 3)
	op := &engine.Op{Code: engine.Send, Desc: d}
	for off := 0; off < total; {
		// A buffer and its slices: neighbours in memory, gaps left out, empty ones between.
		n := min(1+rnd.IntN(8000), total-off)
		b, ok := r.pool.TryGet(n)
		if !ok {
			r.Fatal("no buffer")
		}
		copy(b.Bytes(), whole[off:])
		for at := 0; at < n; {
			step := min(rnd.IntN(700), n-at)
			op.Bufs = append(op.Bufs, b.Slice(at, at+step))
			at += step
		}
		b.Release()
		off += n
	}
	got := beside(func() error {
		b := make([]byte, total)
		if _, err := io.ReadFull(p, b); err != nil {
			return err
		}
		return check(b, 3, 0)
	})
	if r.do(op); op.Err != nil || op.N != total {
		r.Errorf("send of %d pieces: %d bytes, %v", len(op.Bufs), op.N, op.Err)
	}
	r.join("reader", got)
	for _, b := range op.Bufs {
		b.Release()
	}
	r.closeDesc(d)
}

func sendOfNothingCompletes(r *rig) {
	d, p := r.pair()
	empty, _ := r.pool.TryGet(1)
	defer empty.Release()
	empty.SetLen(0)
	for _, bufs := range [][]*mem.Buf{nil, {empty}, {empty, empty}} {
		op := &engine.Op{Code: engine.Send, Desc: d, Bufs: bufs}
		if r.do(op); op.Err != nil || op.N != 0 {
			r.Errorf("send of %d empty pieces: %d, %v", len(bufs), op.N, op.Err)
		}
	}
	r.closeDesc(d)
	if n, err := p.Read(make([]byte, 8)); n != 0 || err != io.EOF {
		r.Errorf("peer read %d, %v", n, err)
	}
}

func sendWaitsForASlowReader(r *rig) {
	d, p := r.pair()
	p.SetReadBuffer(16 << 10)
	const total = 12 << 20
	op, release := r.send(d, pattern(total, 9), 300_000)
	if r.submit(op) {
		r.Skip("the kernel took everything at once")
	}
	for range 20 {
		r.turn(time.Millisecond)
	}
	got := beside(func() error { return readPattern(p, 9, total, 100*time.Microsecond) })
	r.finish(op)
	if op.Err != nil || op.N != total {
		r.Errorf("send: %d of %d, %v", op.N, total, op.Err)
	}
	release()
	r.closeDesc(d)
	r.join("reader", got)
}

// readPattern reads to the end, which must come after n bytes of a stream, and rests between reads.
func readPattern(p io.Reader, seed byte, n int, rest time.Duration) error {
	b := make([]byte, 128<<10)
	off := 0
	for {
		m, err := p.Read(b)
		if bad := check(b[:m], seed, off); bad != nil {
			return bad
		}
		off += m
		if err != nil {
			if err == io.EOF && off == n {
				return nil
			}
			return fmt.Errorf("read %d of %d bytes, then %w", off, n, err)
		}
		if rest > 0 {
			time.Sleep(rest)
		}
	}
}

// recvAll receives until the end or an error, which must be want, and compares. It returns how much came.
func (r *rig) recvAll(d engine.Desc, seed byte, off int, want error) int {
	r.Helper()
	op := r.recv(d)
	for {
		if r.do(op); op.Err != nil {
			if !errors.Is(op.Err, want) {
				r.Fatalf("recv after %d bytes: %v, want %v", off, op.Err, want)
			}
			return off
		}
		if err := check(op.Buf.Bytes(), seed, off); err != nil {
			r.Fatal(err)
		}
		off += op.Buf.Len()
		op.Buf.Release()
	}
}

func theEndStays(r *rig) {
	d, p := r.pair()
	pending := r.recv(d)
	if r.submit(pending) {
		r.Fatal("recv completed with nothing there")
	}
	r.poll()
	p.Write(pattern(1000, 4))
	p.CloseWrite()
	r.finish(pending)
	if pending.Err != nil {
		r.Fatal(pending.Err)
	}
	n := pending.Buf.Len()
	if err := check(pending.Buf.Bytes(), 4, 0); err != nil {
		r.Error(err)
	}
	pending.Buf.Release()
	if n = r.recvAll(d, 4, n, io.EOF); n != 1000 {
		r.Errorf("%d bytes before the end", n)
	}
	for range 3 {
		if op := r.do(r.recv(d)); op.Err != io.EOF {
			r.Errorf("recv after the end: %v", op.Err)
		}
	}
	op, release := r.send(d, pattern(500, 5), 100)
	if r.do(op); op.Err != nil {
		r.Errorf("send after the peer's end: %v", op.Err)
	}
	release()
	r.closeDesc(d)
	if err := readPattern(p, 5, 500, 0); err != nil {
		r.Error(err)
	}
}

func shutdownEndsOneDirection(r *rig) {
	d, p := r.pair()
	op, release := r.send(d, pattern(500, 5), 500)
	r.do(op)
	release()
	if op := r.do(&engine.Op{Code: engine.Shutdown, Desc: d, How: engine.ShutWrite}); op.Err != nil {
		r.Fatal(op.Err)
	}
	if err := readPattern(p, 5, 500, 0); err != nil {
		r.Fatal(err)
	}
	op, release = r.send(d, pattern(500, 5), 500)
	if r.do(op); !errors.Is(op.Err, syscall.EPIPE) {
		r.Errorf("send after shutdown: %v, want EPIPE", op.Err)
	}
	release()
	p.Write(pattern(3000, 6))
	p.CloseWrite()
	if n := r.recvAll(d, 6, 0, io.EOF); n != 3000 {
		r.Errorf("%d bytes came after shutdown, want 3000", n)
	}
	r.closeDesc(d)
}

func shutdownOfReadingEndsARecv(r *rig) {
	d, _ := r.pair()
	in := r.recv(d)
	r.submit(in)
	r.poll()
	if op := r.do(&engine.Op{Code: engine.Shutdown, Desc: d, How: engine.ShutRead}); op.Err != nil {
		r.Fatal(op.Err)
	}
	if r.finish(in); in.Err != io.EOF {
		r.Errorf("recv: %v, want EOF", in.Err)
	}
	r.closeDesc(d)
}

func shutdownOfReadingLeavesWhatHasArrived(r *rig) {
	for _, before := range []int{0, 500} { // first, so that the engine may go on receiving
		d, p := r.pair()
		p.Write(pattern(before, 7))
		for n := 0; n < before; {
			op := r.do(r.recv(d))
			if op.Err != nil {
				r.Fatal(op.Err)
			}
			n += op.Buf.Len()
			op.Buf.Release()
		}
		p.Write(pattern(3000, 6))
		time.Sleep(20 * time.Millisecond) // until it is here for certain
		if op := r.do(&engine.Op{Code: engine.Shutdown, Desc: d, How: engine.ShutRead}); op.Err != nil {
			r.Fatal(op.Err)
		}
		if n := r.recvAll(d, 6, 0, io.EOF); n != 3000 {
			r.Errorf("%d bytes came after shutdown, want 3000", n)
		}
		if op := r.do(r.recv(d)); op.Err != io.EOF {
			r.Errorf("recv: %v, want EOF to stay", op.Err)
		}
		r.closeDesc(d)
	}
}

// resetBy makes the peer end the connection with a reset.
func resetBy(p peer) {
	p.(interface{ SetLinger(int) error }).SetLinger(0)
	p.Close()
}

func aResetIsTold(r *rig) {
	for _, late := range []bool{false, true} {
		d, p := r.pair()
		in := r.recv(d)
		if !late {
			r.submit(in)
			r.poll()
		}
		resetBy(p)
		if late {
			r.submit(in)
		}
		if r.finish(in); !errors.Is(in.Err, syscall.ECONNRESET) {
			r.Errorf("recv (late %v): %v, want ECONNRESET", late, in.Err)
		}
		op, release := r.send(d, pattern(10, 0), 10)
		if r.do(op); !errors.Is(op.Err, syscall.EPIPE) && !errors.Is(op.Err, syscall.ECONNRESET) {
			r.Errorf("send: %v, want EPIPE", op.Err)
		}
		release()
		r.closeDesc(d)
	}
}

// A socket tells its error once. When a Send has met it, the Recv after it would see an end like any other.
func aResetThatASendMeetsIsNoEnd(r *rig) {
	d, p := r.pair()
	resetBy(p)
	met := false
	r.until("send to meet the reset", func() bool {
		op, release := r.send(d, pattern(10, 0), 10)
		defer release()
		r.do(op)
		met = errors.Is(op.Err, syscall.ECONNRESET)
		return op.Err != nil
	})
	if op := r.do(r.recv(d)); met && !errors.Is(op.Err, syscall.ECONNRESET) {
		r.Errorf("recv: %v, want ECONNRESET", op.Err)
	}
	r.closeDesc(d)
}
