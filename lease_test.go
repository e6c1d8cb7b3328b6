package unio_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// loopHeld is how long a task keeps its loop for somebody who may need that loop to go on.
const loopHeld = 200 * time.Millisecond

// spinUntil keeps the caller's thread until ok, for limit at most.
func spinUntil(limit time.Duration, ok func() bool) {
	for end := time.Now().Add(limit); !ok() && time.Now().Before(end); runtime.Gosched() {
	}
}

// kept gives a connection that lives on a loop where tasks run, and its peer.
func kept(t testing.TB, rt *unio.Runtime) (*unio.Conn, net.Conn) {
	t.Helper()
	conns := make(chan *unio.Conn, 1)
	ln := serve(t, rt, func(c *unio.Conn) {
		c.Keep()
		conns <- c
	})
	peer := dialNet(t, ln)
	c := await(t, conns, "the handler")
	t.Cleanup(func() { c.Close() })
	return c, peer
}

// eachLender runs fn on each engine that lends goroutines anything.
func eachLender(t *testing.T, opts *unio.Options, fn func(t *testing.T, rt *unio.Runtime)) {
	opts.Logger = slog.New(slog.DiscardHandler)
	uniotest.EachEngineWith(t, opts, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine != unio.Std {
			fn(t, rt)
		}
	})
}

// TestATaskThatHasWaitedIsNotOvertaken: when a task that has waited for room goes on, nothing is queued, and the lease may have been lent.
// What a goroutine writes after the task's Send comes after it all the same.
func TestATaskThatHasWaitedIsNotOvertaken(t *testing.T) {
	eachLender(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := kept(t, rt)
		writeMuch(t, c, peer, 4<<20)
		send := func(b byte, n int) error {
			buf, ok := rt.Pool().TryGet(n)
			if !ok {
				t.Error("there is no buffer")
			}
			copy(buf.Bytes(), bytes.Repeat([]byte{b}, n))
			return c.Send(buf)
		}
		var full, sent, wrote atomic.Bool
		ended, drain := make(chan error, 3), make(chan bool)
		rt.Go(func() {
			var err error
			for err == nil && !full.Load() {
				err = send('a', 200<<10)
			}
			ended <- err
		})
		rt.Go(func() {
			for last, same := -1, 0; same < 20; unio.Sleep(5 * time.Millisecond) {
				if q := c.Queued(); q == last && q > 64<<10 {
					same++
				} else {
					last, same = q, 0
				}
			}
			full.Store(true)
			rt.Go(func() { unio.Offload(func() { close(drain) }) })
			err := send('t', 5000)
			sent.Store(true)
			spinUntil(loopHeld, wrote.Load)
			ended <- err
		})
		go func() {
			spinUntil(bound, sent.Load)
			err := errOf(c.Write(bytes.Repeat([]byte{'g'}, 64<<10)))
			wrote.Store(true)
			ended <- err
		}()
		await(t, drain, "the tasks to wait")
		all := make(chan []byte, 1)
		go func() {
			got, err := io.ReadAll(peer)
			if err != nil {
				t.Error(err)
			}
			all <- got
		}()
		for range cap(ended) {
			if err := await(t, ended, "the writers"); err != nil {
				t.Error(err)
			}
		}
		c.Close()
		got := await(t, all, "the peer")
		if task, other := bytes.IndexByte(got, 't'), bytes.IndexByte(got, 'g'); task < 0 || other < task {
			t.Errorf("of %d bytes the goroutine's begin at %d, those that the task had sent before at %d", len(got), other, task)
		}
	})
}

// TestCloseWriteLetsNothingOvertake: it takes what goroutines have written before, of which none may be behind what the same goroutine
// writes under the lease meanwhile.
func TestCloseWriteLetsNothingOvertake(t *testing.T) {
	eachLender(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := kept(t, rt)
		writeMuch(t, c, peer, 4<<20)
		var step atomic.Int32
		reaches := func(limit time.Duration, n int32) { spinUntil(limit, func() bool { return step.Load() >= n }) }
		go func() {
			reaches(bound, 1)
			if _, err := c.Write([]byte("first")); err != nil {
				t.Error(err)
			}
			step.Store(2)
			reaches(bound, 3)
			c.Write(bytes.Repeat([]byte{'g'}, 64<<10)) // before the end or too late for it
			step.Store(4)
		}()
		done := make(chan error, 1)
		rt.Go(func() {
			step.Store(1)
			reaches(loopHeld, 2)
			rt.Go(func() {
				step.Store(3)
				reaches(loopHeld, 4)
			})
			done <- c.CloseWrite()
		})
		got, err := io.ReadAll(peer)
		if err != nil {
			t.Error(err)
		}
		if err := await(t, done, "CloseWrite"); err != nil {
			t.Error(err)
		}
		if !bytes.HasPrefix(got, []byte("first")) {
			t.Errorf("what was written first stands at %d of %d bytes", bytes.Index(got, []byte("first")), len(got))
		}
	})
}

// TestAReturnThatComesLateEndsNoOther: one who has put the lease back is held up before he says so. Until he does, another has got the
// lease and a third waits for it.
func TestAReturnThatComesLateEndsNoOther(t *testing.T) {
	eachLender(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := goroutines(t, rt)
		readMuch(t, c, peer, 4<<20)
		put, mail, ok := c.TakeLease()
		if !ok {
			t.Fatal("nothing was lent to who reads much")
		}
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		rawRead := make(chan error, 1)
		go func() { rawRead <- raw.Read(func(uintptr) bool { return true }) }()
		until(t, "somebody to want the lease", c.LeaseIsWanted)
		if !put() {
			t.Fatal("it was not wanted")
		}
		if err := await(t, rawRead, "the raw Read"); err != nil {
			t.Fatal(err)
		}
		readMuch(t, c, peer, 4<<20)
		release, ok := c.UseLease()
		if !ok {
			t.Fatal("nothing was lent again")
		}
		third := make(chan error, 1)
		go func() { third <- errOf(c.Read(make([]byte, 64<<10))) }()
		until(t, "another to want the lease", c.LeaseIsWanted)
		peer.Write([]byte("x"))
		mail()
		select {
		case err := <-third:
			t.Errorf("another received while the lease was in use: %v", err)
		case <-time.After(pause):
		}
		closed := make(chan error, 1)
		go func() { closed <- c.Close() }()
		select {
		case err := <-closed:
			t.Errorf("Close did not wait for the lease: %v", err)
		case <-time.After(pause):
		}
		release()
		await(t, closed, "Close")
	})
}

// TestAllHearOfAResetUnderALease: who has met it, who waited for the lease meanwhile, and who comes later.
func TestAllHearOfAResetUnderALease(t *testing.T) {
	eachLender(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := goroutines(t, rt)
		readMuch(t, c, peer, 4<<20)
		other := make(chan error, 1)
		err, ok := c.ReadUnderALease(make([]byte, 64<<10), func() {
			go func() { other <- errOf(c.Read(make([]byte, 10))) }()
			until(t, "somebody to want the lease", c.LeaseIsWanted)
			resetNow(peer)
			time.Sleep(pause)
		})
		if !ok {
			t.Fatal("nothing was lent to who reads much")
		}
		for who, err := range map[string]error{
			"who has met it": err, "who has waited": await(t, other, "the other"), "who comes later": errOf(c.Read(make([]byte, 10))),
		} {
			if !isReset(err) {
				t.Errorf("%s: %v", who, err)
			}
		}
	})
}

// TestAResetIsRememberedWhereTheLoopIsHeld: a call under the lease has taken it from the socket, and the loop cannot hear of that before
// the watchdog sends those away who wait.
func TestAResetIsRememberedWhereTheLoopIsHeld(t *testing.T) {
	eachLender(t, &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := kept(t, rt)
		readMuch(t, c, peer, 4<<20)
		held, free := make(chan bool), make(chan bool)
		rt.Go(func() {
			close(held)
			<-free
		})
		await(t, held, "the loop to be held")
		resetNow(peer)
		time.Sleep(pause)
		if _, err := c.Read(make([]byte, 64<<10)); !isReset(err) {
			t.Errorf("Read while the loop is held: %v", err)
		}
		time.Sleep(2 * 50 * time.Millisecond)
		close(free)
		again := make(chan bool)
		rt.Go(func() { close(again) })
		await(t, again, "the loop to go on")
		if _, err := c.Read(make([]byte, 64<<10)); !isReset(err) {
			t.Errorf("Read afterwards: %v", err)
		}
	})
}

// TestReadersHearOfAResetThatAWriterHasMet: a Write under the lease takes it from the socket, which then seems to be at an end.
func TestReadersHearOfAResetThatAWriterHasMet(t *testing.T) {
	eachLender(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		for range 50 {
			c, peer := goroutines(t, rt)
			go io.Copy(io.Discard, peer)
			wrote, read := make(chan error, 1), make(chan error, 1)
			go func() {
				var err error
				for p := make([]byte, 64<<10); err == nil; {
					_, err = c.Write(p)
				}
				wrote <- err
			}()
			go func() { read <- errOf(c.Read(make([]byte, 100))) }()
			time.Sleep(2 * time.Millisecond)
			resetNow(peer)
			if err := await(t, read, "the reader"); !isReset(err) {
				t.Fatalf("the reader: %v", err)
			}
			wantBroken(t, "the writer", await(t, wrote, "the writer"))
			c.Close()
		}
	})
}

// TestAFailedLoopWaitsForNobodyWhoWaitsForIt: a goroutine asks under the lease for the write lock when the engine fails.
func TestAFailedLoopWaitsForNobodyWhoWaitsForIt(t *testing.T) {
	for _, name := range []unio.Engine{unio.Uring, unio.Epoll} {
		rt, err := unio.New(&unio.Options{Loops: 1, Engine: name, StallLimit: -1, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			continue // this binary is without it
		}
		c, peer := kept(t, rt)
		writeMuch(t, c, peer, 4<<20)
		answered, ok := c.BreakUnderALease()
		if !ok {
			t.Fatal("nothing was lent to who writes much")
		}
		if err := await(t, answered, "the answer"); err == nil {
			t.Errorf("%s: the lock was given by a loop that has failed", name)
		}
	}
}

// TestALeaseIsNotKeptByATaskOfAHeldLoop: what is lent to a reader is his until he runs.
func TestALeaseIsNotKeptByATaskOfAHeldLoop(t *testing.T) {
	eachLender(t, &unio.Options{Loops: 2, StallLimit: -1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := kept(t, rt)
		readMuch(t, c, peer, 4<<20)
		other := 1 - c.Loop()
		rt.GoOn(other, func() {
			for err := error(nil); err == nil; {
				_, err = c.Read(make([]byte, 64<<10))
			}
		})
		time.Sleep(pause)
		held, free := make(chan bool), make(chan bool)
		rt.GoOn(other, func() {
			close(held)
			<-free
		})
		await(t, held, "the other loop to be held")
		peer.Write(make([]byte, 1000))
		time.Sleep(pause)
		closed := make(chan error, 1)
		go func() { closed <- c.Close() }()
		if err := await(t, closed, "Close"); err != nil {
			t.Error(err)
		}
		close(free)
	})
}
