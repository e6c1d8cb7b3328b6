package simengine

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// TestEveryFaultHappensToEveryOperation drives an engine by chance, as no loop would, and holds it to the contract: each
// operation completes once, what arrives is what was sent, and no entry of the table of faults is zero.
func TestEveryFaultHappensToEveryOperation(t *testing.T) {
	var total Counts
	seeds := uint64(400)
	for seed := range seeds {
		d := newDriver(t, seed)
		d.run()
		counts := d.w.Counts()
		total.Add(&counts)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d seeds\n%v", seeds, &total)
	if zeros := total.Zeros(); len(zeros) > 0 {
		t.Errorf("never happened: %q", zeros)
	}
}

// driver is a program that uses an engine in every way.
type driver struct {
	*testing.T
	w    *World
	e    *Engine
	pool *mem.Pool
	rnd  *rand.Rand
	l    engine.Desc
	addr net.Addr
	live map[*engine.Op]func() // submitted, and what is done with the result
	ends map[string]*end       // by their addresses
	all  []*end
	hog  []*mem.Buf
	done uint64 // completions
}

// end is one end of a connection.
type end struct {
	d              engine.Desc
	in, out        *engine.Op
	sent, received int
	shut, closed   bool
	broken, ended  bool
	peer           string
}

func newDriver(t *testing.T, seed uint64) *driver {
	w := NewWorld(&Options{Seed: seed, Virtual: true})
	pool, err := mem.NewPool(&mem.PoolOptions{LimitBytes: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	e, err := w.New(engine.Config{Pool: pool, UnreadBytes: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{
		T: t, w: w, e: e, pool: pool, rnd: rand.New(rand.NewPCG(seed, 1)),
		live: map[*engine.Op]func(){}, ends: map[string]*end{},
	}
	w.Start()
	l, err := w.Listen("tcp", "10.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = l.Addr()
	if d.l, err = e.Attach(engine.Socket{Listener: l}, engine.Listener); err != nil {
		t.Fatal(err)
	}
	return d
}

// submit starts an operation; then is called with its result.
func (d *driver) submit(op *engine.Op, then func()) {
	d.live[op] = then
	if d.e.Submit(op) {
		d.complete(op)
	}
}

func (d *driver) complete(op *engine.Op) {
	then := d.live[op]
	if then == nil {
		d.Fatalf("%v completed twice", op.Code)
	}
	delete(d.live, op)
	d.done++
	then()
}

func (d *driver) poll(wait time.Duration) {
	if ready, _ := d.e.Poll(); !ready && wait > 0 {
		d.e.Wait(wait)
	}
	for op := d.e.Next(); op != nil; op = d.e.Next() {
		d.complete(op)
	}
}

func (d *driver) run() {
	var accept, connect, nop *engine.Op
	for range 600 {
		switch d.rnd.IntN(10) {
		case 0:
			accept = d.accept(accept)
		case 1:
			connect = d.connect(connect)
		case 2:
			if nop == nil || d.live[nop] == nil {
				nop = &engine.Op{Code: engine.Nop}
				d.submit(nop, func() {})
			}
		case 3:
			d.cancelSome(accept, connect)
		case 4:
			d.exhaust()
		case 5:
			d.poll(time.Duration(d.rnd.IntN(1 << 20)))
		default:
			if len(d.all) > 0 {
				d.step(d.all[d.rnd.IntN(len(d.all))])
			}
		}
	}
	d.finish()
}

func (d *driver) accept(op *engine.Op) *engine.Op {
	if op != nil && d.live[op] != nil {
		return op
	}
	op = &engine.Op{Code: engine.Accept, Desc: d.l, Sock: new(engine.Socket)}
	d.submit(op, func() {
		if op.Err != nil {
			return
		}
		desc, err := d.e.Attach(*op.Sock, engine.Stream)
		if err != nil {
			d.Fatal(err)
		}
		d.join(desc)
	})
	return op
}

func (d *driver) connect(op *engine.Op) *engine.Op {
	if op != nil && d.live[op] != nil {
		return op
	}
	op = &engine.Op{Code: engine.Connect, Dial: &engine.Dial{Network: "tcp", Addr: d.addr}}
	d.submit(op, func() {
		if (op.Err == nil) != (op.Desc != nil) {
			d.Errorf("connect gave %v and %v", op.Desc, op.Err)
		} else if op.Err == nil {
			d.join(op.Desc)
		}
	})
	return op
}

func (d *driver) join(desc engine.Desc) {
	c := desc.Socket().Conn
	name := func(a, b net.Addr) string { return fmt.Sprintf("%v>%v", a, b) }
	x := &end{d: desc, peer: name(c.RemoteAddr(), c.LocalAddr())}
	d.ends[name(c.LocalAddr(), c.RemoteAddr())] = x
	d.all = append(d.all, x)
}

func (d *driver) cancelSome(more ...*engine.Op) {
	for _, x := range d.all {
		more = append(more, x.in, x.out)
	}
	for _, op := range more {
		if op != nil && d.rnd.IntN(3) == 0 {
			d.e.Cancel(op)
		}
	}
}

// exhaust takes all buffers, or gives them back.
func (d *driver) exhaust() {
	if len(d.hog) == 0 && d.rnd.IntN(4) == 0 {
		for n := mem.MaxBytes; n >= mem.PageBytes; n /= 2 {
			for b, ok := d.pool.TryGet(n); ok; b, ok = d.pool.TryGet(n) {
				d.hog = append(d.hog, b)
			}
		}
		return
	}
	d.free()
}

func (d *driver) free() {
	for _, b := range d.hog {
		b.Release()
	}
	d.hog = nil
}

// content is byte i of every stream.
func content(i int) byte { return byte(i*31) ^ byte(i>>8)*7 }

func (d *driver) step(x *end) {
	switch n := d.rnd.IntN(40); {
	case x.closed:
	case n == 0:
		d.close(x)
	case n == 1 && x.out == nil && !x.shut:
		op := &engine.Op{Code: engine.Shutdown, Desc: x.d, How: engine.ShutWrite}
		d.submit(op, func() { x.shut = op.Err == nil })
	case n < 20 && x.in == nil:
		d.receive(x)
	case x.out == nil && !x.shut && !x.broken:
		d.send(x, 1+d.rnd.IntN(6000))
	}
}

func (d *driver) receive(x *end) {
	op := &engine.Op{Code: engine.Recv, Desc: x.d}
	x.in = op
	d.submit(op, func() {
		x.in = nil
		switch {
		case op.Err == nil:
			for i, b := range op.Buf.Bytes() {
				if b != content(x.received+i) {
					d.Fatalf("byte %d of a stream is wrong", x.received+i)
				}
			}
			x.received += op.Buf.Len()
			op.Buf.Release()
		case op.Err == io.EOF:
			x.ended = true
		case !errors.Is(op.Err, engine.ErrCanceled):
			x.broken = true
		}
	})
}

func (d *driver) send(x *end, n int) {
	op := &engine.Op{Code: engine.Send, Desc: x.d}
	for left := n; left > 0; {
		b, ok := d.pool.TryGet(min(left, 3000))
		if !ok {
			break
		}
		for i := range b.Bytes() {
			b.Bytes()[i] = content(x.sent + n - left + i)
		}
		left -= b.Len()
		op.Bufs = append(op.Bufs, b)
	}
	x.out = op
	d.submit(op, func() {
		x.out = nil
		x.sent += op.N
		for _, b := range op.Bufs {
			b.Release()
		}
		if op.Err != nil && !errors.Is(op.Err, engine.ErrCanceled) {
			x.broken = true
		}
	})
}

func (d *driver) close(x *end) {
	x.closed = true
	d.submit(&engine.Op{Code: engine.Close, Desc: x.d}, func() {})
}

// finish ends everything, and judges: who has seen the end has seen everything.
func (d *driver) finish() {
	d.free()
	for _, x := range d.all {
		if !x.closed && !x.shut && x.out == nil {
			d.submit(&engine.Op{Code: engine.Shutdown, Desc: x.d, How: engine.ShutWrite}, func() {})
		}
	}
	for range 3000 {
		for _, x := range d.all {
			if !x.closed && x.in == nil && !x.ended && !x.broken {
				d.receive(x)
			}
		}
		d.poll(time.Second)
	}
	for _, x := range d.all {
		if peer := d.ends[x.peer]; peer != nil && x.ended && x.received != peer.sent {
			d.Errorf("the end came after %d of %d bytes", x.received, peer.sent)
		}
	}
	if err := d.e.Close(time.Second); err != nil {
		d.Error(err)
	}
	for op := d.e.Next(); op != nil; op = d.e.Next() {
		d.complete(op)
		if op.Code == engine.Accept && op.Err == nil {
			op.Sock.Conn.Close() // it had its result
		}
	}
	if len(d.live) > 0 {
		d.Errorf("%d operations have not completed", len(d.live))
	}
	if err := d.pool.Close(); err != nil {
		d.Error(err)
	}
}

// quiet is a profile in which nothing happens but what a script says.
func quiet() *Profile { return &Profile{Inline: 1000, WindowBytes: 64 << 10} }

// A script has its faults happen to the next operations, as often as it says.
func TestAScriptDecides(t *testing.T) {
	w := NewWorld(&Options{Virtual: true, Profile: quiet()})
	pool, err := mem.NewPool(nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := w.New(engine.Config{Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	w.Start()
	a, b := w.connect(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2})
	d, err := e.Attach(engine.Socket{Conn: a}, engine.Stream)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(e.Close(time.Second), pool.Close()); err != nil {
			t.Error(err)
		}
	}()
	receive := func() (n int, late bool, err error) {
		op := &engine.Op{Code: engine.Recv, Desc: d}
		done := e.Submit(op)
		late = !done
		for !done {
			e.Wait(time.Second)
			done = e.Next() == op
		}
		if op.Err == nil {
			n = op.Buf.Len()
			op.Buf.Release()
		}
		return n, late, op.Err
	}
	put := func() {
		if _, err := b.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		e.Wait(0)
	}
	for range 3 {
		put()
		if n, late, err := receive(); n != 100 || late || err != nil {
			t.Fatalf("without a script: %d bytes, late %v, %v", n, late, err)
		}
	}
	w.Script(Short, engine.Recv, 1)
	put()
	if n, _, err := receive(); n <= 0 || n >= 100 || err != nil {
		t.Errorf("short: %d bytes, %v", n, err)
	} else if rest, _, err := receive(); n+rest != 100 || err != nil {
		t.Errorf("after it: %d bytes, %v", rest, err)
	}
	w.Script(NoBuffer, engine.Recv, 1)
	put()
	if n, late, err := receive(); n != 100 || !late || err != nil {
		t.Errorf("no buffer: %d bytes, late %v, %v", n, late, err)
	}
	w.Script(Late, engine.Recv, 1)
	put()
	if n, late, err := receive(); n != 100 || !late || err != nil {
		t.Errorf("late: %d bytes, late %v, %v", n, late, err)
	}
	w.Script(Failed, engine.Recv, 1)
	put()
	if _, _, err := receive(); err == nil {
		t.Error("failed: no error")
	}
	counts := w.Counts()
	for _, f := range []Fault{Late, Short, NoBuffer, Failed} {
		if counts[f][engine.Recv] != 1 {
			t.Errorf("%v happened %d times", f, counts[f][engine.Recv])
		}
	}
}

func TestAScriptResets(t *testing.T) {
	d := newDriver(t, 1)
	d.w.profile = *quiet()
	a, b := d.w.connect(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2})
	desc, err := d.e.Attach(engine.Socket{Conn: a}, engine.Stream)
	if err != nil {
		t.Fatal(err)
	}
	d.join(desc)
	x := d.all[0]
	d.w.Script(Reset, engine.Send, 1)
	d.send(x, 100)
	d.poll(time.Millisecond)
	d.receive(x)
	d.poll(time.Millisecond)
	if !x.broken || d.w.counts[Reset][engine.Recv] != 1 {
		t.Errorf("a receive after the reset: broken %v, counted %d times", x.broken, d.w.counts[Reset][engine.Recv])
	}
	if _, err := b.Read(make([]byte, 200)); err == nil {
		_, err = b.Read(make([]byte, 200))
		if err == nil {
			t.Error("the other end was not told")
		}
	}
	b.Close()
	d.finish()
}

// A port that the world chooses was one at which somebody listened already, and after so many connections one that there is not.
func TestChosenPortsAreFree(t *testing.T) {
	w := NewWorld(nil)
	if _, err := w.Listen("tcp", fmt.Sprintf("10.0.0.1:%d", portFirst+1)); err != nil {
		t.Fatal(err)
	}
	l, err := w.Listen("tcp", "10.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * (portLast - portFirst) {
		c, err := w.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if port := c.LocalAddr().(*net.TCPAddr).Port; port < portFirst || port > portLast || port == portFirst+1 {
			t.Fatalf("the world chose port %d", port)
		}
	}
}
