package enginetest

import (
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

func closeEndsPendingOperations(r *rig) {
	d, p := r.pair()
	in := r.recv(d)
	r.submit(in)
	out, release := r.fillSocket(d, 8)
	r.closeDesc(d)
	r.finish(in, out)
	if !errors.Is(in.Err, engine.ErrCanceled) || !errors.Is(out.Err, engine.ErrCanceled) {
		r.Errorf("recv: %v, send: %v, want canceled", in.Err, out.Err)
	}
	release()
	if err := readPattern(p, 8, out.N, 0); err != nil {
		r.Errorf("the peer: %v", err)
	}
}

func closeOfAListenerEndsAnAccept(r *rig) {
	l, addr := r.listener()
	op := &engine.Op{Code: engine.Accept, Desc: l, Sock: new(engine.Socket)}
	r.submit(op)
	r.poll()
	r.closeDesc(l)
	if r.finish(op); !errors.Is(op.Err, engine.ErrCanceled) {
		r.Errorf("accept: %v", op.Err)
	}
	if c, err := r.dial(addr); err == nil {
		c.Close()
		r.Error("the listener still answers")
	}
}

// sendLast sends a pattern behind which the end follows.
func (r *rig) sendLast(d engine.Desc, n int) {
	r.Helper()
	op, release := r.send(d, pattern(n, 5), min(n, 16<<10))
	op.How = engine.SendLast
	if r.do(op); op.Err != nil {
		r.Fatal(op.Err)
	}
	release()
}

// readLast reads what sendLast has sent.
func (r *rig) readLast(p io.Reader, n int) {
	r.Helper()
	got := make([]byte, n)
	if _, err := io.ReadFull(p, got); err != nil {
		r.Fatal(err)
	}
	if err := check(got, 5, 0); err != nil {
		r.Fatal(err)
	}
}

func lastBytesGoBeforeTheEnd(r *rig) {
	for _, n := range []int{1, 500, 70_000} {
		for _, end := range []engine.Op{
			{Code: engine.Close}, {Code: engine.Close, How: engine.NoLinger}, {Code: engine.Shutdown, How: engine.ShutWrite},
		} {
			d, p := r.pair()
			r.sendLast(d, n)
			end.Desc = d
			if op := r.do(&end); op.Err != nil {
				r.Fatal(op.Err)
			}
			if err := readPattern(p, 5, n, 0); err != nil {
				r.Errorf("%d bytes, %v %d: %v", n, end.Code, end.How, err)
			}
			if end.Code == engine.Shutdown {
				r.closeDesc(d)
			}
		}
	}
}

// lastBytesGoBeforeAReset: something unread makes a reset of the close, and that drops what the kernel has not sent.
func lastBytesGoBeforeAReset(r *rig) {
	d, p := r.pair()
	p.Write(pattern(500, 1))
	time.Sleep(20 * time.Millisecond) // until it is here for certain
	r.sendLast(d, 500)
	r.closeDesc(d)
	r.readLast(p, 500)
}

// lastBytesGoBeforeAnAbort: they come without an end, which would have the peer take them for all.
func lastBytesGoBeforeAnAbort(r *rig) {
	d, p := r.pair()
	if err := linger(d.Socket(), 0); err != nil {
		r.Fatal(err)
	}
	r.sendLast(d, 500)
	r.closeDesc(d)
	r.readLast(p, 500)
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		r.Errorf("behind the last bytes: %v, want a reset", err)
	}
}

func closeDropsUnreadData(r *rig) {
	d, p := r.pair()
	op := r.recv(d)
	r.submit(op) // arms what an engine may arm
	r.poll()
	p.Write(pattern(50_000, 1))
	r.finish(op)
	if op.Err == nil {
		op.Buf.Release()
	}
	p.Write(pattern(50_000, 1))
	r.turn(5 * time.Millisecond)
	r.closeDesc(d)
	p.SetReadDeadline(time.Now().Add(patience))
	if _, err := p.Read(make([]byte, 1)); err == nil || errors.Is(err, errDeadline) {
		r.Errorf("the peer is not told of the end: %v", err)
	}
}

func aReusedNumberGetsNoStaleEvent(r *rig) {
	for i := range 200 {
		d, p := r.pair()
		in := r.recv(d)
		r.submit(in)
		r.poll()
		next, q := r.ends()
		fd := d.FD()
		p.Write(pattern(10, 1))
		p.CloseWrite()
		if i%2 == 0 {
			r.e.Poll() // collected, and not looked at
		}
		r.closeDesc(d)
		n := r.attach(next, engine.Stream)
		nin := r.recv(n)
		r.submit(nin)
		r.finish(in)
		if in.Err == nil {
			in.Buf.Release()
		}
		r.poll()
		if !r.live[nin] {
			r.Fatalf("round %d: recv on a quiet connection gave %v, descriptor %d after %d",
				i, nin.Err, n.FD(), fd)
		}
		q.Write(pattern(20, 2))
		if r.finish(nin); nin.Err != nil || check(nin.Buf.Bytes(), 2, 0) != nil {
			r.Fatalf("round %d: %v", i, nin.Err)
		}
		nin.Buf.Release()
		r.closeDesc(n)
		p.Close()
		q.Close()
	}
}

// Whatever a descriptor leaves behind is given to one successor only.
func descsAreApart(r *rig) {
	var all []engine.Desc
	for range 4 {
		d, _ := r.pair()
		all = append(all, d)
	}
	for _, d := range all[1:3] {
		r.closeDesc(d)
	}
	type conn struct {
		p  peer
		in *engine.Op
	}
	var conns []conn
	for range 5 {
		d, p := r.pair()
		c := conn{p, r.recv(d)}
		r.submit(c.in)
		conns = append(conns, c)
	}
	r.poll()
	for i, c := range conns {
		c.p.Write(pattern(50, byte(i)))
		r.finish(c.in)
		if c.in.Err != nil || check(c.in.Buf.Bytes(), byte(i), 0) != nil {
			r.Fatalf("connection %d: %v", i, c.in.Err)
		}
		c.in.Buf.Release()
		for _, other := range conns[i+1:] {
			if !r.live[other.in] {
				r.Fatalf("connection %d ended a recv of another one: %v", i, other.in.Err)
			}
		}
		r.closeDesc(c.in.Desc)
	}
	r.closeDesc(all[0])
	r.closeDesc(all[3])
}

func engineCloseEndsEverything(r *rig) {
	var ops []*engine.Op
	var releases []func()
	var peers []peer
	for i := range 10 {
		d, p := r.pair()
		peers = append(peers, p)
		in := r.recv(d)
		r.submit(in)
		ops = append(ops, in)
		if i == 0 {
			out, release := r.fillSocket(d, 1)
			ops, releases = append(ops, out), append(releases, release)
		}
	}
	l, addr := r.listener()
	acc := &engine.Op{Code: engine.Accept, Desc: l, Sock: new(engine.Socket)}
	r.submit(acc)
	ops = append(ops, acc)
	r.poll()
	con := &engine.Op{Code: engine.Connect, Dial: &engine.Dial{Network: addr.Network(), Addr: addr}}
	r.submit(con)
	start := time.Now()
	r.closeEngine()
	if d := time.Since(start); d > closeLimit/2 {
		r.Errorf("close took %v", d)
	}
	for _, op := range ops {
		if r.live[op] {
			r.Errorf("%v is not complete", op.Code)
		} else if op != acc && !errors.Is(op.Err, engine.ErrCanceled) {
			r.Errorf("%v: %v", op.Code, op.Err)
		}
	}
	for _, release := range releases {
		release()
	}
	for i, p := range peers {
		p.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, p); errors.Is(err, errDeadline) {
			r.Errorf("peer %d was not told", i)
		}
	}
}

// The limit passes while the peer keeps close(2) waiting, or the close is cancelled before or after it has begun. An engine
// may report an error then, but not keep the operation, nor the descriptor once the peer has gone.
func engineCloseReturnsACloseThatLingers(r *rig) {
	for range 5 {
		r.start(engine.Config{}, nil)
		s, p := r.ends()
		if err := linger(s, 60); err != nil {
			closeSocket(s)
			r.Fatal(err)
		}
		d := r.attach(s, engine.Stream)
		out, release := r.fillSocket(d, 3)
		r.e.Cancel(out)
		r.finish(out)
		release()
		op := &engine.Op{Code: engine.Close, Desc: d}
		r.submit(op)
		start := time.Now()
		r.closed = true
		err := r.e.Close(50 * time.Millisecond)
		if d := time.Since(start); d > patience/2 {
			r.Errorf("close took %v", d)
		}
		for got := r.e.Next(); got != nil; got = r.e.Next() {
			r.complete(got)
		}
		if r.live[op] {
			r.Errorf("the Close was not returned; Engine.Close: %v", err)
		}
		if err != nil && !errors.Is(op.Err, engine.ErrCanceled) {
			r.Errorf("Engine.Close: %v; the Close that it did not wait for: %v", err, op.Err)
		}
		p.(interface{ SetLinger(int) error }).SetLinger(0)
		p.Close()
	}
}
