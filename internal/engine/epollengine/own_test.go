//go:build linux && !unio_noepoll

package epollengine

import (
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
)

// loopback is an engine with one attached connection and its peer.
func loopback(t testing.TB, cfg engine.Config) (*Engine, engine.Desc, *net.TCPConn) {
	t.Helper()
	pool, err := mem.NewPool(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Pool = pool
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := sys.TakeConn(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Attach(engine.Socket{FD: fd}, engine.Stream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		peer.Close()
		if err := e.Close(10 * time.Second); err != nil {
			t.Error(err)
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, d, peer.(*net.TCPConn)
}

// finish turns until op is complete.
func finish(t testing.TB, e *Engine, op *engine.Op) {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		for got := e.Next(); got != nil; got = e.Next() {
			if got == op {
				return
			}
		}
		if err := e.Wait(time.Second); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("%v did not complete", op.Code)
}

// A close that lingers must not stop the loop: SO_LINGER blocks close(2) on non-blocking sockets too.
func TestLingeringCloseDoesNotBlockTheLoop(t *testing.T) {
	e, d, peer := loopback(t, engine.Config{})
	if err := sys.SetLinger(d.FD(), 60); err != nil {
		t.Fatal(err)
	}
	b, _ := e.pool.TryGet(1 << 20)
	out := &engine.Op{Code: engine.Send, Desc: d, Bufs: []*mem.Buf{b, b, b, b, b, b, b, b}}
	e.Submit(out)
	start := time.Now()
	op := &engine.Op{Code: engine.Close, Desc: d}
	if e.Submit(op) {
		t.Error("a close that has data to wait for completed at once")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("Submit took %v", took)
	}
	finish(t, e, out)
	b.Release()
	go func() {
		p := make([]byte, 64<<10)
		for {
			if _, err := peer.Read(p); err != nil {
				return
			}
		}
	}()
	if finish(t, e, op); op.Err != nil {
		t.Error(op.Err)
	}
}

// Go's poller refuses a descriptor for instance where fs.epoll.max_user_watches is used up; a plain file is what it never takes.
func TestARefusedDescriptorIsClosedOnce(t *testing.T) {
	open := func() int {
		fd, err := syscall.Open(os.Args[0], syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	fd := open()
	if _, err := newNetpoll(&Engine{ep: fd}); err == nil {
		t.Fatal("a plain file was taken")
	}
	other := open()
	defer sys.CloseFD(other)
	if other > fd {
		t.Errorf("descriptor %d is still open", fd)
	}
	for range 5 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(other, &st); err != nil {
		t.Errorf("somebody else's descriptor %d was closed: %v", other, err)
	}
}

// What the loop does for every message must not feed the garbage collector.
func TestEchoAllocatesNothing(t *testing.T) {
	if debugBuild() {
		t.Skip("a debug build records stacks")
	}
	e, d, peer := loopback(t, engine.Config{})
	fd, err := sys.TakeConn(peer)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFD(fd)
	in := &engine.Op{Code: engine.Recv, Desc: d}
	out := &engine.Op{Code: engine.Send, Desc: d, Bufs: make([]*mem.Buf, 1)}
	msg := make([]byte, 64)
	allocs := testing.AllocsPerRun(200, func() {
		submitted := e.Submit(in)
		syscall.Write(fd, msg)
		if !submitted {
			finish(t, e, in)
		}
		out.Bufs[0] = in.Buf
		if !e.Submit(out) {
			finish(t, e, out)
		}
		in.Buf.Release()
		sys.Recv(fd, &msg[0], len(msg))
	})
	if allocs != 0 {
		t.Errorf("%v allocations per echo", allocs)
	}
}

// A short receive says that the socket is empty: the system call that would only say so again is left out.
func TestEchoMakesThreeEntries(t *testing.T) {
	e, d, peer := loopback(t, engine.Config{})
	in, out := &engine.Op{Code: engine.Recv, Desc: d}, &engine.Op{Code: engine.Send, Desc: d}
	msg := make([]byte, 64)
	echo := func() {
		if e.Submit(in) {
			t.Fatal("recv completed with nothing there")
		}
		peer.Write(msg)
		finish(t, e, in)
		out.Bufs = append(out.Bufs[:0], in.Buf)
		if !e.Submit(out) {
			t.Fatal("64 bytes found no room")
		}
		in.Buf.Release()
		peer.Read(msg)
	}
	echo()
	before := e.stats.enters
	const rounds = 50
	for range rounds {
		echo()
	}
	// Waiting, receiving, sending. A Wait may end early now and then.
	if n := e.stats.enters - before; n > 3*rounds+5 {
		t.Errorf("%d entries for %d echoes", n, rounds)
	}
}

// The generation keeps an event of an open file that lives on in another descriptor away from the slot's
// next owner.
func TestAForeignDescriptorOfAClosedSocketIsHarmless(t *testing.T) {
	e, d, peer := loopback(t, engine.Config{})
	dup, err := sys.Dup(d.FD())
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFD(dup)
	e.Submit(&engine.Op{Code: engine.Close, Desc: d})
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[1])
	next, err := e.Attach(engine.Socket{FD: fds[0]}, engine.Stream)
	if err != nil {
		t.Fatal(err)
	}
	in := &engine.Op{Code: engine.Recv, Desc: next}
	e.Submit(in)
	peer.Write([]byte("for the old one"))
	for range 5 {
		if err := e.Wait(time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if op := e.Next(); op != nil {
			t.Fatalf("%v completed: %v", op.Code, op.Err)
		}
	}
}

// Whatever keeps an event of a closed descriptor alive, the slot's next owner does not get it.
func TestAStaleEventIsDropped(t *testing.T) {
	e, d, _ := loopback(t, engine.Config{})
	id, gen := d.(*desc).id, e.table[d.(*desc).id].gen
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[1])
	e.Submit(&engine.Op{Code: engine.Close, Desc: d})
	got, err := e.Attach(engine.Socket{FD: fds[0]}, engine.Stream)
	if err != nil {
		t.Fatal(err)
	}
	next := got.(*desc)
	if next.id != id || e.table[id].gen == gen {
		t.Fatalf("slot %d of generation %d follows slot %d of generation %d", next.id, e.table[id].gen, id, gen)
	}
	next.readable, next.writable = false, false
	e.events[0] = sys.EpollEvent{Events: sys.EpollIn | sys.EpollOut | sys.EpollHup, Fd: int32(id), Pad: int32(gen)}
	e.fresh, e.seen = 1, 0
	if e.noteAll(); next.readable || next.writable || next.hup {
		t.Error("an event of the slot's last owner reached the next one")
	}
}

// Several receives wait for a buffer, and each release serves one of them: the ones that got nothing
// must wait anew.
func TestEachReleaseServesOneOfTheStarved(t *testing.T) {
	pool, err := mem.NewPool(&mem.PoolOptions{LimitBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(engine.Config{Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	var held []*mem.Buf
	for b, ok := pool.TryGet(engine.RecvBytes); ok; b, ok = pool.TryGet(engine.RecvBytes) {
		held = append(held, b)
	}
	var ops [4]*engine.Op
	for i := range ops {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fds[1])
		d, err := e.Attach(engine.Socket{FD: fds[0]}, engine.Stream)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Write(fds[1], []byte("x"))
		ops[i] = &engine.Op{Code: engine.Recv, Desc: d}
		if e.Submit(ops[i]) {
			t.Fatalf("recv without a buffer: %v", ops[i].Err)
		}
	}
	var got []*mem.Buf
	for i := range ops {
		held[i].Release()
		finish(t, e, ops[i]) // and no other release
		got = append(got, ops[i].Buf)
		if op := e.Next(); op != nil {
			t.Errorf("one buffer served two: %v", op.Err)
		}
	}
	for _, b := range append(got, held[len(ops):]...) {
		b.Release()
	}
	if err := e.Close(time.Second); err != nil {
		t.Error(err)
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

// benchmarkWake measures how long a sleeping loop takes to hear of a wake and answer.
func benchmarkWake(b *testing.B, netpoll bool) {
	e, _, _ := loopback(b, engine.Config{Netpoll: netpoll})
	if !netpoll {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	ask := make(chan struct{})
	go func() {
		for range ask {
			e.Wake()
		}
	}()
	defer close(ask)
	for b.Loop() {
		ask <- struct{}{}
		e.Wait(-1)
	}
}

func BenchmarkWake(b *testing.B) {
	b.Run("locked", func(b *testing.B) { benchmarkWake(b, false) })
	b.Run("netpoll", func(b *testing.B) { benchmarkWake(b, true) })
}
