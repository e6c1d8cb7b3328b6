package unio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// chanModel is what a Chan must be: a list of what it holds and two lists of who waits. Each step is played on both.
type chanModel struct {
	t      testing.TB
	rt     *unio.Runtime
	c      *unio.Chan[int]
	cap    int
	held   []int
	send   []*chanWait // those who wait, first come first
	recv   []*chanWait
	closed bool
	serial int
}

// chanWait is one call of Send or Recv.
type chanWait struct {
	v      int
	cancel context.CancelFunc
	got    chan chanResult
}

type chanResult struct {
	v   int
	err error
}

// call has the next caller call Send (of v) or Recv, which the model says will be done at once or not.
func (m *chanModel) call(send bool) *chanWait {
	m.serial++
	ctx, cancel := context.WithCancel(context.Background())
	w := &chanWait{v: m.serial, cancel: cancel, got: make(chan chanResult, 1)}
	spawn(m.rt, m.serial, func() {
		var r chanResult
		if send {
			r.err = m.c.Send(ctx, w.v)
		} else {
			r.v, r.err = m.c.Recv(ctx)
		}
		w.got <- r
	})
	return w
}

// ends wants a call to have ended in a certain way.
func (m *chanModel) ends(what string, w *chanWait, v int, err error) {
	m.t.Helper()
	r := await(m.t, w.got, what)
	w.cancel()
	if !errors.Is(r.err, err) || r.v != v {
		m.t.Fatalf("%s: %d, %v; want %d, %v", what, r.v, r.err, v, err)
	}
}

// put is the model's send: of the one who calls, or of one who waited.
func (m *chanModel) put(v int) bool {
	switch {
	case m.closed:
		return false
	case len(m.recv) > 0:
		r := m.recv[0]
		m.recv = m.recv[1:]
		m.ends("Recv that waited", r, v, nil)
	case len(m.held) < m.cap:
		m.held = append(m.held, v)
	default:
		return false
	}
	return true
}

// take is the model's receive.
func (m *chanModel) take() (v int, ok bool) {
	var s *chanWait
	if len(m.send) > 0 {
		s, m.send = m.send[0], m.send[1:]
		m.held = append(m.held, s.v)
	}
	if len(m.held) == 0 {
		return 0, false
	}
	v, m.held = m.held[0], m.held[1:]
	if s != nil {
		m.ends("Send that waited", s, 0, nil)
	}
	return v, true
}

// step plays one operation.
func (m *chanModel) step(op byte) {
	m.t.Helper()
	switch op % 8 {
	case 0, 1:
		w := m.call(true)
		if m.put(w.v) {
			m.ends("Send", w, 0, nil)
		} else if m.closed {
			m.ends("Send after Close", w, 0, net.ErrClosed)
		} else {
			m.send = append(m.send, w)
		}
	case 2, 3:
		w := m.call(false)
		if v, ok := m.take(); ok {
			m.ends("Recv", w, v, nil)
		} else if m.closed {
			m.ends("Recv after Close", w, 0, io.EOF)
		} else {
			m.recv = append(m.recv, w)
		}
	case 4:
		m.serial++
		if got, want := m.c.TrySend(m.serial), m.put(m.serial); got != want {
			m.t.Fatalf("TrySend: %v, want %v", got, want)
		}
	case 5:
		v, ok := m.c.TryRecv()
		if wantV, want := m.take(); ok != want || v != wantV {
			m.t.Fatalf("TryRecv: %d, %v, want %d, %v", v, ok, wantV, want)
		}
	case 6:
		m.cancel(&m.send, int(op)>>3)
	case 7:
		m.cancel(&m.recv, int(op)>>3)
	}
	m.check()
}

// cancel has one who waits give up.
func (m *chanModel) cancel(from *[]*chanWait, i int) {
	if len(*from) == 0 {
		return
	}
	i %= len(*from)
	w := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	w.cancel()
	m.ends("a call that was cancelled", w, 0, context.Canceled)
}

func (m *chanModel) close() {
	m.c.Close()
	m.closed = true
	for _, w := range m.send {
		m.ends("Send at Close", w, 0, net.ErrClosed)
	}
	for _, w := range m.recv {
		m.ends("Recv at Close", w, 0, io.EOF)
	}
	m.send, m.recv = nil, nil
	m.check()
}

// check compares, when those who shall wait do.
func (m *chanModel) check() {
	m.t.Helper()
	until(m.t, fmt.Sprintf("%d wait to send and %d to receive", len(m.send), len(m.recv)), func() bool {
		return m.c.WaitingSenders() == len(m.send) && m.c.WaitingReceivers() == len(m.recv)
	})
	if n := m.c.Len(); n != len(m.held) {
		m.t.Fatalf("it holds %d, want %d", n, len(m.held))
	}
}

// play plays a script, closes the Chan in the middle or at the end, and empties it.
func (m *chanModel) play(script []byte, closeAt int) {
	m.t.Helper()
	for i, op := range script {
		if i == closeAt {
			m.close()
		}
		m.step(op)
	}
	m.close()
	for range len(m.held) + 1 {
		m.step(2)
	}
}

func newChanModel(t testing.TB, rt *unio.Runtime, n int) *chanModel {
	c := unio.NewChan[int](n)
	if c.Cap() != max(n, 0) {
		t.Errorf("NewChan(%d) has room for %d", n, c.Cap())
	}
	return &chanModel{t: t, rt: rt, c: c, cap: c.Cap()}
}

func TestChanIsItsModel(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		r := rand.New(rand.NewPCG(3, 4))
		for round := range scale(60, 15) {
			script := make([]byte, 60)
			for i := range script {
				script[i] = byte(r.Uint32())
			}
			newChanModel(t, rt, round%5-1).play(script, r.IntN(90))
		}
	})
}

func FuzzChan(f *testing.F) {
	rt, err := unio.New(&unio.Options{Loops: 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { rt.Close() })
	f.Add(byte(0), byte(9), []byte{0, 2, 2, 0, 0, 14, 6, 4, 5})
	f.Add(byte(2), byte(3), []byte{0, 0, 0, 0, 30, 2, 2, 2, 2, 7, 2})
	f.Fuzz(func(t *testing.T, n, closeAt byte, script []byte) {
		newChanModel(t, rt, int(n%5)).play(script[:min(len(script), 200)], int(closeAt))
	})
}

// Many send and receive, with contexts that end at any moment. What Send says was sent arrives once, what it says was
// not does not, and one sender's values keep their order.
func TestChanUnderCancellation(t *testing.T) {
	for _, capacity := range []int{0, 1, 7} {
		t.Run(fmt.Sprintf("cap=%d", capacity), func(t *testing.T) {
			uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) { crowd(t, rt, capacity) })
		})
	}
}

func crowd(t *testing.T, rt *unio.Runtime, capacity int) {
	const senders, receivers = 6, 6
	rounds := scale(400, 100)
	c := unio.NewChan[[2]int](capacity)
	var mu sync.Mutex
	var want, got [][2]int
	var sent, received sync.WaitGroup
	var gaveUp atomic.Int32
	for i := range senders {
		sent.Add(1)
		spawn(rt, i, func() {
			defer sent.Done()
			r := rand.New(rand.NewPCG(5, uint64(i)))
			for k := range rounds {
				if sendMaybe(t, c, [2]int{i, k}, r) {
					mu.Lock()
					want = append(want, [2]int{i, k})
					mu.Unlock()
				} else {
					gaveUp.Add(1)
				}
			}
		})
	}
	for i := range receivers {
		received.Add(1)
		spawn(rt, i, func() {
			defer received.Done()
			mine := receiveAll(t, c, rand.New(rand.NewPCG(6, uint64(i))))
			last := [senders]int{}
			for _, v := range mine {
				if v[1] < last[v[0]] {
					t.Errorf("%v after %d", v, last[v[0]])
				}
				last[v[0]] = v[1]
			}
			mu.Lock()
			got = append(got, mine...)
			mu.Unlock()
		})
	}
	awaitAll(t, &sent, "the senders")
	c.Close()
	awaitAll(t, &received, "the receivers")
	order := func(a, b [2]int) int { return (a[0]-b[0])*rounds + a[1] - b[1] }
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if !slices.Equal(want, got) {
		t.Errorf("%d sent, %d received", len(want), len(got))
	}
	t.Logf("%d sent, %d gave up", len(want), gaveUp.Load())
}

// maybeCanceled is a context that ends soon, perhaps.
func maybeCanceled(r *rand.Rand) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if r.IntN(3) == 0 {
		go cancel()
	}
	return ctx, cancel
}

func sendMaybe(t testing.TB, c *unio.Chan[[2]int], v [2]int, r *rand.Rand) bool {
	if r.IntN(4) == 0 {
		return c.TrySend(v)
	}
	ctx, cancel := maybeCanceled(r)
	defer cancel()
	err := c.Send(ctx, v)
	if err != nil && (!errors.Is(err, context.Canceled) || ctx.Err() == nil) {
		t.Errorf("%v; its context: %v", err, ctx.Err())
	}
	return err == nil
}

// receiveAll receives until the end.
func receiveAll(t testing.TB, c *unio.Chan[[2]int], r *rand.Rand) (all [][2]int) {
	for {
		if r.IntN(4) == 0 {
			if v, ok := c.TryRecv(); ok {
				all = append(all, v)
			}
			continue
		}
		ctx, cancel := maybeCanceled(r)
		v, err := c.Recv(ctx)
		own := ctx.Err()
		cancel()
		switch {
		case err == nil:
			all = append(all, v)
		case err == io.EOF:
			return all
		case !errors.Is(err, context.Canceled) || own == nil:
			t.Errorf("%v; its context: %v", err, own)
			return all
		}
	}
}

// awaitAll waits for a group of package sync.
func awaitAll(t testing.TB, wg *sync.WaitGroup, what string) {
	t.Helper()
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	await(t, done, what)
}

func TestChanErrors(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var c unio.Chan[string]
		eachCaller(t, rt, func(t testing.TB) {
			ctx, cancel := context.WithTimeout(context.Background(), pause)
			defer cancel()
			wantIs(t, "Send until a deadline", c.Send(ctx, ""), context.DeadlineExceeded)
			_, err := c.Recv(ctx)
			wantIs(t, "Recv with a context that has ended", err, context.DeadlineExceeded)
		})
		asCoroutine(t, rt, func() {
			wantIs(t, "Send in a coroutine", c.Send(context.Background(), ""), unio.ErrCoroutine)
			_, err := c.Recv(context.Background())
			wantIs(t, "Recv in a coroutine", err, unio.ErrCoroutine)
		})
		if c.TrySend("") {
			t.Error("TrySend to nobody")
		}
		got := make(chan string)
		go func() { v, _ := c.Recv(context.Background()); got <- v }()
		until(t, "one waits", func() bool { return c.WaitingReceivers() == 1 })
		asCoroutine(t, rt, func() {
			if !c.TrySend("from a coroutine") {
				t.Error("TrySend to one who waits")
			}
		})
		if v := await(t, got, "Recv"); v != "from a coroutine" {
			t.Errorf("got %q", v)
		}
		c.Close()
		c.Close()
		err := c.Send(context.Background(), "")
		wantIs(t, "Send after Close", err, net.ErrClosed)
		if want := "unio: Chan.Send: the Chan is closed"; err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		if _, err := c.Recv(context.Background()); err != io.EOF {
			t.Errorf("Recv after Close: %v, want a bare io.EOF", err)
		}
	})
}

// panics calls fn, which is to panic, and recovers.
func panics(t testing.TB, what string, fn func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	fn()
}

// A nil context panics, and whoever recovers can use the Chan or Mutex as before, as others can.
func TestNilContextLeavesNoLockHeld(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			var none context.Context
			c := unio.NewChan[int](1)
			panics(t, "Recv", func() { c.Recv(none) })
			c.TrySend(1)
			panics(t, "Send", func() { c.Send(none, 2) })
			if v, ok := c.TryRecv(); v != 1 || !ok || c.Len() != 0 {
				t.Errorf("%d, %t, and %d are left", v, ok, c.Len())
			}
			var m unio.Mutex
			m.TryLock()
			panics(t, "Lock", func() { m.Lock(none) })
			m.Unlock()
			if !m.TryLock() {
				t.Error("somebody has the Mutex")
			}
		})
	})
}

// A worker of a connection takes from a bounded queue while the handler receives; the handler waits when it is full.
func TestChanBetweenTasksOfAConnection(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		const total = 1 << 20
		ln := serve(t, rt, func(c *unio.Conn) {
			queue := unio.NewChan[[]byte](4)
			var g unio.Group
			g.Go(func() error {
				defer queue.Close()
				for {
					p, err := queue.Recv(context.Background())
					if err != nil {
						return nil
					}
					unio.Sleep(time.Microsecond)
					if _, err := c.Write(p); err != nil {
						return err
					}
				}
			})
			for {
				p := make([]byte, 8<<10)
				n, err := c.Read(p)
				if err != nil {
					break
				}
				if err := queue.Send(context.Background(), p[:n]); err != nil {
					t.Error(err)
					break
				}
			}
			queue.Close()
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
		p := dialNet(t, ln)
		go func() {
			p.Write(newStream(1).next(make([]byte, total)))
			halfClose(p)
		}()
		got, err := io.ReadAll(p)
		if err != nil || !slices.Equal(got, newStream(1).next(make([]byte, total))) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}

// A server that passes what each client says to all, and drops a client that does not listen.
func TestChanBroadcast(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		b := &broadcast{all: map[*unio.Chan[byte]]bool{}}
		ln := serve(t, rt, b.serve)
		const clients, each = 8, 40
		var peers []net.Conn
		for range clients {
			peers = append(peers, dialNet(t, ln))
		}
		until(t, "all are there", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.all) == clients })
		var all sync.WaitGroup
		for i, p := range peers {
			all.Go(func() {
				for range each {
					p.Write([]byte{byte('a' + i)})
				}
			})
			all.Go(func() {
				got := make([]byte, clients*each)
				if _, err := io.ReadFull(p, got); err != nil {
					t.Error(err)
				}
				for i := range clients {
					n := 0
					for _, c := range got {
						if c == byte('a'+i) {
							n++
						}
					}
					if n != each {
						t.Errorf("%d of client %d", n, i)
					}
				}
			})
		}
		awaitAll(t, &all, "the clients")
	})
}

type broadcast struct {
	mu  sync.Mutex // held for some instructions
	all map[*unio.Chan[byte]]bool
}

func (b *broadcast) serve(c *unio.Conn) {
	mine := unio.NewChan[byte](1000)
	b.mu.Lock()
	b.all[mine] = true
	b.mu.Unlock()
	var g unio.Group
	g.Go(func() error {
		for {
			v, err := mine.Recv(context.Background())
			if err != nil {
				return nil
			}
			if _, err := c.Write([]byte{v}); err != nil {
				return err
			}
		}
	})
	for p := make([]byte, 100); ; {
		n, err := c.Read(p)
		if err != nil {
			break
		}
		b.publish(p[:n])
	}
	b.mu.Lock()
	delete(b.all, mine)
	b.mu.Unlock()
	mine.Close()
	g.Wait()
}

func (b *broadcast) publish(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range p {
		for to := range b.all {
			if !to.TrySend(v) {
				to.Close()
				delete(b.all, to)
			}
		}
	}
}
