package enginetest

import (
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// held is what the engine may keep of the pool for itself.
func (r *rig) held() int64 {
	if h, ok := r.e.(BufferHolder); ok {
		return h.HeldBytes()
	}
	return 0
}

func unreadIsBounded(r *rig) {
	const total = 64 << 20
	d, p := r.pair()
	neighbour, q := r.pair()
	written := floods(p, 6, total)
	// The first receive arms whatever an engine arms. Nothing is asked for afterwards.
	first := r.do(r.recv(d))
	if first.Err != nil {
		r.Fatal(first.Err)
	}
	n := first.Buf.Len()
	if err := check(first.Buf.Bytes(), 6, 0); err != nil {
		r.Fatal(err)
	}
	first.Buf.Release()
	echoed := beside(func() error { return echoPeer(q, 4<<20, 5) })
	r.serveEcho(neighbour)
	r.join("the neighbour", echoed)
	limit := int64(engine.UnreadBytesDefault) + 128<<10 + r.held()
	if use := r.pool.Stats().InUseBytes; use > limit {
		r.Errorf("a connection that nobody reads holds %d bytes, limit %d", use, limit)
	}
	if n = r.recvAll(d, 6, n, io.EOF); n != total {
		r.Errorf("%d of %d bytes came", n, total)
	}
	r.join("writer", written)
	r.closeDesc(d)
	r.closeDesc(neighbour)
}

// anyBoundOfUnreadReceives takes bounds at which the kernel's numbers of 32 bits end.
func anyBoundOfUnreadReceives(r *rig) {
	for _, bound := range []int64{1, 2, 3, 5, 1<<31 - 1, 1 << 31, 1<<31 + 7, 1 << 32, 1 << 33, 1<<33 + 100, 1 << 34, math.MaxInt64} {
		if int64(int(bound)) != bound {
			break // not on 32 bits
		}
		r.start(engine.Config{UnreadBytes: int(bound)}, nil)
		d, p := r.pair()
		message := pattern(1000, 7)
		for range 4 {
			if _, err := p.Write(message); err != nil {
				r.Fatal(err)
			}
			for n := 0; n < len(message); {
				op := r.do(r.recv(d))
				if op.Err != nil {
					r.Fatalf("a bound of %d: %v", bound, op.Err)
				}
				if err := check(op.Buf.Bytes(), 7, n); err != nil {
					r.Fatal(err)
				}
				n += op.Buf.Len()
				op.Buf.Release()
			}
		}
		r.closeDesc(d)
		p.Close()
	}
}

func keptPiecesDoNotStarveOthers(r *rig) {
	const descs = 1000
	r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: 32 << 20})
	neighbour, q := r.pair()
	var kept []*mem.Buf
	var all []engine.Desc
	for i := range descs {
		d, p := r.pair()
		all = append(all, d)
		p.Write(pattern(64, byte(i)))
		op := r.do(r.recv(d))
		if op.Err != nil {
			r.Fatal(op.Err)
		}
		kept = append(kept, op.Buf)
	}
	echoed := beside(func() error { return echoPeer(q, 2<<20, 5) })
	r.serveEcho(neighbour)
	r.join("the neighbour", echoed)
	for i, b := range kept {
		if err := check(b.Bytes(), byte(i), 0); err != nil {
			r.Errorf("piece %d: %v", i, err)
		}
		b.Release()
	}
	r.closeDesc(neighbour)
	for _, d := range all {
		r.closeDesc(d)
	}
}

// Large pieces that are kept by many would be all of the pool. Others get small ones then, and those who keep some too.
func keptLargePiecesDoNotStopOthers(r *rig) {
	const descs, bytes = 400, 100 << 10
	r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: 16 << 20})
	neighbour, q := r.pair()
	var kept []*mem.Buf
	var all []engine.Desc
	for range descs {
		d, p := r.pair()
		all = append(all, d)
		if _, err := p.Write(pattern(bytes, 3)); err != nil {
			r.Fatal(err)
		}
	}
	for range 2 {
		for _, d := range all {
			op := r.do(r.recv(d))
			if op.Err != nil {
				r.Fatal(op.Err)
			}
			kept = append(kept, op.Buf)
		}
	}
	echoed := beside(func() error { return echoPeer(q, 1<<20, 5) })
	r.serveEcho(neighbour)
	r.join("the neighbour", echoed)
	page, ok := r.pool.TryGet(1)
	if !ok {
		r.Fatal("there is not a page left for what is sent")
	}
	page.Release()
	if use := r.pool.Stats().InUseBytes; use < 10<<20 {
		r.Errorf("%d bytes are in use: buffers were not scarce", use)
	}
	for _, b := range kept {
		b.Release()
	}
	r.closeDesc(neighbour)
	for _, d := range all {
		r.closeDesc(d)
	}
}

func exhaustionMakesRecvWait(r *rig) {
	r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: 2 << 20})
	d, p := r.pair()
	// Two at once, so that one release has to serve both in turn.
	d2, p2 := r.pair()
	all := takeAll(r.pool, mem.MaxBytes)
	ops := []*engine.Op{r.recv(d), r.recv(d2)}
	p.Write(pattern(100, 1))
	p2.Write(pattern(100, 1))
	for _, op := range ops {
		r.submit(op)
	}
	for range 20 {
		r.turn(time.Millisecond)
	}
	waiting := r.live[ops[0]] && r.live[ops[1]]
	if !waiting && r.held() == 0 {
		r.Errorf("recv completed without a buffer: %v, %v", ops[0].Err, ops[1].Err)
	}
	freed := beside(func() error {
		time.Sleep(10 * time.Millisecond) // the loop is asleep by then
		for _, b := range all {
			b.Release()
		}
		return nil
	})
	r.join("releases", freed)
	r.finish(ops...)
	for _, op := range ops {
		if op.Err != nil || check(op.Buf.Bytes(), 1, 0) != nil {
			r.Fatalf("recv: %v", op.Err)
		}
		op.Buf.Release()
	}
	r.closeDesc(d)
	r.closeDesc(d2)
}

// takeAll takes every buffer that a pool has, none larger than most.
func takeAll(pool *mem.Pool, most int) (all []*mem.Buf) {
	for n := min(most, pool.MaxLen()); n >= mem.PageBytes; n /= 2 {
		for b, ok := pool.TryGet(n); ok; b, ok = pool.TryGet(n) {
			all = append(all, b)
		}
	}
	return all
}

// A buffer that comes free may serve one of many. The others must hear of the next one.
func exhaustionServesAllInTurn(r *rig) {
	const descs = 8
	r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: 2 << 20})
	var ops []*engine.Op
	var peers []peer
	for range descs {
		d, p := r.pair()
		ops, peers = append(ops, r.recv(d)), append(peers, p)
	}
	held := takeAll(r.pool, 64<<10) // so that one release serves one
	for i, op := range ops {
		peers[i].Write(pattern(100, byte(i)))
		r.submit(op)
	}
	r.e.Cancel(ops[0]) // who waits no more must not use up what others wait for
	done := make([]bool, descs)
	served := 0
	r.until("a buffer for each", func() bool {
		if len(held) > 0 {
			held[0].Release()
			held = held[1:]
		}
		for i, op := range ops {
			if done[i] || r.live[op] {
				continue
			}
			done[i] = true
			served++
			if op.Err == nil {
				if err := check(op.Buf.Bytes(), byte(i), 0); err != nil {
					r.Error(err)
				}
				held = append(held, op.Buf) // and kept until its turn to be released
			} else if i != 0 {
				r.Errorf("recv: %v", op.Err)
			}
		}
		return served == descs
	})
	for _, b := range held {
		b.Release()
	}
	for _, op := range ops {
		r.closeDesc(op.Desc)
	}
}

func idleDescsHoldNoBuffer(r *rig) {
	var all []engine.Desc
	for range 100 {
		d, p := r.pair()
		p.Write([]byte("x"))
		op := r.do(r.recv(d))
		if op.Err != nil {
			r.Fatal(op.Err)
		}
		op.Buf.Release()
		r.submit(r.recv(d))
		all = append(all, d)
	}
	r.turn(5 * time.Millisecond)
	if use := r.pool.Stats().InUseBytes; use > r.held() {
		r.Errorf("100 idle connections hold %d bytes", use)
	}
	for _, d := range all {
		r.closeDesc(d)
	}
}

// whoSleepsKeepsNothingThatOthersWaitFor has somebody else wait for all of the pool while a receive waits for data.
func whoSleepsKeepsNothingThatOthersWaitFor(r *rig) {
	othersGetAll(r, func() { r.turn(patience) })
}

// whoIsBusyKeepsNothingThatOthersWaitFor does so on a loop that never sleeps.
func whoIsBusyKeepsNothingThatOthersWaitFor(r *rig) { othersGetAll(r, r.poll) }

func othersGetAll(r *rig, turn func()) {
	r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: mem.MaxBytes})
	d, p := r.pair()
	op := r.recv(d)
	for i := range 5 {
		r.submit(op)
		p.Write(pattern(100, byte(i)))
		for n := 0; n < 100; r.submit(op) {
			r.finish(op)
			if op.Err != nil || check(op.Buf.Bytes(), byte(i), n) != nil {
				r.Fatalf("recv after %d bytes: %v", n, op.Err)
			}
			n += op.Buf.Len()
			op.Buf.Release()
		}
		var served atomic.Bool
		start, e := time.Now(), r.e
		got := beside(func() error {
			defer e.Wake()
			defer served.Store(true)
			return takeWhole(r.pool)
		})
		for !served.Load() {
			turn()
			if time.Since(start) > patience/2 {
				r.Fatal("somebody waits for memory of the pool that nobody needs")
			}
		}
		r.join("all of the pool", got)
		r.e.Cancel(op)
		r.finish(op)
	}
	r.closeDesc(d)
}

// takeWhole waits for all of a pool.
func takeWhole(pool *mem.Pool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := pool.Get(ctx, pool.MaxLen())
	if err == nil {
		b.Release()
	}
	return err
}

func buffersChangeHandsWhileDataComes(r *rig) {
	const total = 1 << 20
	r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: mem.MaxBytes})
	d, p := r.pair()
	idle, q := r.pair()
	r.submit(r.recv(idle))
	written := floods(p, 6, total)
	var ended atomic.Bool
	taken := beside(func() error {
		for ; !ended.Load(); time.Sleep(100 * time.Microsecond) {
			if err := takeWhole(r.pool); err != nil {
				return err
			}
		}
		return nil
	})
	if n := r.recvAll(d, 6, 0, io.EOF); n != total {
		r.Errorf("%d of %d bytes came", n, total)
	}
	ended.Store(true)
	r.join("who takes all of the pool", taken)
	r.join("writer", written)
	q.Close()
	r.closeDesc(d)
	r.closeDesc(idle)
}

func acceptRecovers(r *rig) {
	l, addr := r.listener()
	c, err := r.dial(addr)
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	restore, err := r.sockets.LackFiles()
	if err != nil {
		r.Skipf("this machine does not let the limit of descriptors be lowered: %v", err)
	}
	op := &engine.Op{Code: engine.Accept, Desc: l, Sock: new(engine.Socket)}
	for range 3 {
		if r.do(op); !errors.Is(op.Err, syscall.EMFILE) {
			restore()
			r.Fatalf("accept without a free descriptor: %v, want EMFILE", op.Err)
		}
	}
	// Nothing is asked for: the waiting connection must not keep the loop busy.
	before := r.e.Counters().Enters.Load()
	start := time.Now()
	for time.Since(start) < 20*time.Millisecond {
		r.turn(5 * time.Millisecond)
	}
	spins := r.e.Counters().Enters.Load() - before
	restore()
	if spins > 100 {
		r.Errorf("%d entries into the kernel in 20 ms with nothing to do", spins)
	}
	if r.do(op); op.Err != nil {
		r.Fatalf("accept: %v", op.Err)
	}
	closeSocket(*op.Sock)
	r.closeDesc(l)
}
