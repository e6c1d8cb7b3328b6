package uniotest_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

const simAddr = "10.0.0.1:80"

// simEcho is a scenario: some clients of an echo server.
func simEcho(s *uniotest.Sim) {
	rt := s.Runtime()
	ln, err := rt.Listen("tcp", simAddr, nil)
	if err != nil {
		s.Fatalf("%v", err)
	}
	rt.Go(func() { ln.Serve(echoHandler) })
	var g unio.Group
	for range 5 {
		g.Go(func() error { simClient(s); return nil })
	}
	g.Wait()
}

func simClient(s *uniotest.Sim) {
	c, err := s.Runtime().Dial(context.Background(), "tcp", simAddr, nil)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(s.Now().Add(time.Minute))
	line := make([]byte, 1+s.Rand.IntN(2000))
	for i := range line {
		line[i] = byte(s.Rand.Uint32())
	}
	if _, err := c.Write(line); err != nil {
		return
	}
	b := make([]byte, len(line))
	if _, err := io.ReadFull(c, b); err == nil && string(b) != string(line) {
		s.Errorf("got %q, want %q", b, line)
	}
}

func TestSimulateEcho(t *testing.T) {
	report := uniotest.Simulate(t, simEcho)
	t.Logf("%d seeds\n%s", report.Seeds, report.Faults)
}

// The scenario runs on one loop or on two, by the seed; each is deterministic.
func TestASeedRepeatsItself(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := 1; seed <= 40; seed++ {
		t.Setenv(uniotest.SeedVariable, strconv.Itoa(seed))
		var digests []uint64
		for range 3 {
			uniotest.Simulate(t, func(s *uniotest.Sim) {
				simEcho(s)
				digests = append(digests, s.Digest())
			})
		}
		if digests[0] != digests[1] || digests[0] != digests[2] {
			t.Fatalf("seed %d is different each time: %x", seed, digests)
		}
		seen[digests[0]] = true
	}
	if len(seen) < 40 {
		t.Errorf("40 seeds are only %d different runs", len(seen))
	}
}

// provoke simulates a scenario that fails, and returns the seed that it says.
func provoke(t *testing.T, scenario func(*uniotest.Sim), words ...string) {
	t.Helper()
	uniotest.ShortSettle(t)
	r := &recorder{TB: t}
	report := uniotest.SimulateOn(r, "TestX/sub", nil, scenario)
	r.end()
	r.wants(t, append(words, uniotest.SeedVariable+"="+strconv.Itoa(report.Seeds)+" go test -run '^TestX$/^sub$'")...)
}

func TestSimulatePrintsTheSeedThatFails(t *testing.T) {
	fail := func(s *uniotest.Sim) {
		if simEcho(s); s.Seed == 7 {
			s.Logf("before")
			s.Errorf("the seed is %d", s.Seed)
		}
	}
	provoke(t, fail, "seed 7 failed", "the seed is 7", "before")
	t.Setenv(uniotest.SeedVariable, "7")
	r := &recorder{TB: t}
	if report := uniotest.SimulateOn(r, "TestX", nil, fail); report.Seeds != 1 || len(r.errors) != 1 {
		t.Errorf("%s=7 ran %d seeds with the errors %q", uniotest.SeedVariable, report.Seeds, r.errors)
	}
	os.Unsetenv(uniotest.SeedVariable)
	t.Setenv(uniotest.SeedsVariable, "3")
	if report := uniotest.Simulate(t, fail); report.Seeds != 3 {
		t.Errorf("%s=3 ran %d seeds", uniotest.SeedsVariable, report.Seeds)
	}
}

// The line ran no test where a name has signs that mean something in a regular expression, or to a shell.
func TestSimulateRepeatsATestOfAnyName(t *testing.T) {
	t.Run("2+2 isn't [5]/a.b", func(t *testing.T) {
		r := &recorder{TB: t}
		uniotest.SimulateOn(r, t.Name(), nil, func(s *uniotest.Sim) { s.Errorf("on purpose") })
		r.wants(t, "on purpose", `-run '^TestSimulateRepeatsATestOfAnyName$/^2\+2_isn.t_\[5\]$/^a\.b$'`)
	})
}

func TestSimulateFindsAPanic(t *testing.T) {
	provoke(t, func(s *uniotest.Sim) { panic("on purpose") }, "1 tasks panicked", "on purpose")
}

func TestSimulateFindsWhoStandsStill(t *testing.T) {
	provoke(t, standStill, "stands still", "standStill")
}

func standStill(s *uniotest.Sim) {
	ln, err := s.Runtime().Listen("tcp", simAddr, nil)
	if err != nil {
		s.Fatalf("%v", err)
	}
	ln.Accept() // nobody dials
}

func TestSimulateFindsWhoTakesTooLong(t *testing.T) {
	provoke(t, func(s *uniotest.Sim) { unio.Sleep(2 * time.Hour) }, "has not ended after 1h0m0s")
}

func TestSimulatedTimeCostsNothing(t *testing.T) {
	start := time.Now()
	uniotest.Simulate(t, func(s *uniotest.Sim) {
		began := s.Now()
		unio.Sleep(30 * time.Minute)
		if slept := s.Now().Sub(began); slept < 30*time.Minute || slept > 31*time.Minute {
			s.Errorf("slept %v", slept)
		}
	})
	if took := time.Since(start); took > 10*time.Minute {
		t.Errorf("100 times half an hour took %v", took)
	}
}

func TestSimWorksWithGoroutines(t *testing.T) {
	rt := uniotest.New(t, &unio.Options{Engine: unio.Sim})
	if got := rt.Report().Engine; got != unio.Sim {
		t.Fatalf("the engine is %s", got)
	}
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ln.Serve(func(c *unio.Conn) { io.Copy(c, c) })
	c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const total = 1 << 20
	go func() {
		c.Write(make([]byte, total))
		c.CloseWrite()
	}()
	if n, err := io.Copy(io.Discard, c); n != total || err != nil {
		t.Errorf("%d of %d bytes, %v", n, total, err)
	}
}

// A scenario that waited for a goroutine was said to stand still, although it would have been woken.
func TestSimulateWaitsForGoroutines(t *testing.T) {
	uniotest.SimulateWith(t, &uniotest.SimOptions{Seeds: 4}, func(s *uniotest.Sim) {
		for range 3 {
			unio.Offload(func() { time.Sleep(time.Millisecond) })
			unio.Sleep(time.Minute)
		}
		ch := unio.NewChan[int](1)
		go func() {
			time.Sleep(time.Millisecond)
			ch.TrySend(1)
		}()
		if n, err := ch.Recv(context.Background()); n != 1 || err != nil {
			s.Errorf("from a goroutine came %d, %v", n, err)
		}
	})
}

// All servers of a simulation had to have ports of their own, and an address at which nobody listens was served by whoever had the port.
func TestSimulatedAddresses(t *testing.T) {
	uniotest.SimulateWith(t, &uniotest.SimOptions{Seeds: 20}, func(s *uniotest.Sim) {
		rt := s.Runtime()
		serve := func(addr string) {
			ln, err := rt.Listen("tcp", addr, nil)
			if err != nil {
				s.Fatalf("%v", err)
			}
			rt.Go(func() { ln.Serve(func(c *unio.Conn) { c.Write([]byte(addr)) }) })
		}
		at := func(addr, want string) {
			c, err := rt.Dial(context.Background(), "tcp", addr, nil)
			if err != nil {
				return // the network may fail
			}
			defer c.Close()
			if got, err := io.ReadAll(c); err == nil && string(got) != want {
				s.Errorf("%s is %q, want %q", addr, got, want)
			}
		}
		for _, addr := range []string{"10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80", ":81"} {
			serve(addr)
		}
		at("10.0.0.1:80", "10.0.0.1:80")
		at("10.0.0.2:80", "10.0.0.2:80")
		at("[::ffff:10.0.0.2]:80", "10.0.0.2:80")
		at("[fd00::1]:80", "[fd00::1]:80")
		at("10.0.0.2:81", ":81")
		at("[fd00::1]:81", ":81")
		at("0.0.0.0:81", ":81")
		if c, err := rt.Dial(context.Background(), "tcp", "10.0.0.3:80", nil); err == nil {
			s.Errorf("somebody listens at 10.0.0.3:80")
			c.Close()
		}
		for _, addr := range []string{"10.0.0.1:80", ":80", "0.0.0.0:80", "10.0.0.1:81", ":81"} {
			if ln, err := rt.Listen("tcp", addr, nil); !errors.Is(err, syscall.EADDRINUSE) {
				s.Errorf("Listen at %s, which is taken: %v, %v", addr, ln, err)
			}
		}
	})
}

// The time limits of Dial were those of the machine's clock.
func TestSimulatedDialTakesSimulatedTime(t *testing.T) {
	uniotest.SimulateWith(t, &uniotest.SimOptions{Seeds: 20}, func(s *uniotest.Sim) {
		ln, err := s.Runtime().Listen("tcp", "10.0.0.1:80", nil)
		if err != nil {
			s.Fatalf("%v", err)
		}
		dial := func(o *unio.DialOptions) error {
			c, err := s.Runtime().Dial(context.Background(), "tcp", ln.Addr().String(), o)
			if err == nil {
				c.Close()
			}
			return err
		}
		unio.Sleep(time.Hour / 2)
		if err := dial(&unio.DialOptions{Deadline: s.Now().Add(-time.Second)}); !errors.Is(err, os.ErrDeadlineExceeded) {
			s.Errorf("behind its deadline: %v", err)
		}
		const limit = 10 * time.Microsecond
		began := s.Now()
		err = dial(&unio.DialOptions{Timeout: limit, Deadline: began.Add(time.Hour)})
		if took := s.Now().Sub(began); errors.Is(err, os.ErrDeadlineExceeded) && took < limit {
			s.Errorf("given up after %v", took)
		}
		if err := dial(&unio.DialOptions{Timeout: time.Hour}); errors.Is(err, os.ErrDeadlineExceeded) {
			s.Errorf("with time enough: %v", err)
		}
	})
}
