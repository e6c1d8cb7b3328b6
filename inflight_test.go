package unio_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"runtime/trace"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// find waits until an operation is listed.
func find(t testing.TB, rt *unio.Runtime, what string, is func(unio.Operation) bool) (found unio.Operation) {
	t.Helper()
	until(t, what+" is listed", func() bool {
		for _, o := range rt.Inflight() {
			if is(o) {
				found = o
				return true
			}
		}
		return false
	})
	return found
}

func is(op string) func(unio.Operation) bool {
	return func(o unio.Operation) bool { return o.Op == op }
}

// handlerThatWaits is what an operation's owner shows.
func handlerThatWaits(c *unio.Conn) {
	if b, err := c.Recv(); err == nil {
		b.Release()
	}
}

func TestInflightNamesWhatAConnectionWaitsFor(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		if all := rt.Inflight(); len(all) != 0 {
			t.Errorf("in the beginning: %+v", all)
		}
		kept := make(chan *unio.Conn, 1)
		ended := make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) {
			defer close(ended)
			c.RemoteAddr()
			kept <- c
			handlerThatWaits(c)
		})
		accept := find(t, rt, "accept", is("accept"))
		if accept.Addr.String() != ln.Addr().String() || accept.Loop != 0 {
			t.Errorf("%+v", accept)
		}
		p := dialNet(t, ln)
		c := await(t, kept, "the handler")
		// Who waits is noted when the operation is with the engine.
		recv := find(t, rt, "recv", func(o unio.Operation) bool { return o.Op == "recv" && (o.Owner != "" || !unio.KnowsOwners) })
		if recv.Addr.String() != p.LocalAddr().String() || recv.Loop != c.Loop() {
			t.Errorf("%+v", recv)
		}
		wantIdentity(t, rt, accept, recv)
		if unio.KnowsOwners != strings.Contains(recv.Owner, "handlerThatWaits") {
			t.Errorf("owner %q", recv.Owner)
		}
		first := recv.Age
		until(t, "it grows older", func() bool {
			return find(t, rt, "recv", is("recv")).Age > first+5*time.Millisecond
		})
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "o", recv)
		if !strings.Contains(log.String(), "o.op=recv o.id=0x") {
			t.Errorf("%s", log.String())
		}
		p.Write([]byte("x"))
		await(t, ended, "the handler")
		until(t, "it is gone", func() bool {
			for _, o := range rt.Inflight() {
				if o.Op == "recv" {
					return false
				}
			}
			return true
		})
	})
}

// wantIdentity wants operations to have what the engine can tell of them.
func wantIdentity(t testing.TB, rt *unio.Runtime, ops ...unio.Operation) {
	t.Helper()
	seen := map[uint64]bool{}
	for _, o := range ops {
		known := rt.Report().Engine == unio.Uring || rt.Report().Engine == unio.Epoll
		if known != (o.FD >= 0) || known != (o.ID != 0) {
			t.Errorf("%s has fd %d and id %x", o.Op, o.FD, o.ID)
		}
		if o.ID != 0 && seen[o.ID] {
			t.Errorf("%s has the id of another: %x", o.Op, o.ID)
		}
		seen[o.ID] = true
		if o.FD >= 0 {
			if link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", o.FD)); err == nil && !strings.HasPrefix(link, "socket:") {
				t.Errorf("%s: descriptor %d is %s", o.Op, o.FD, link)
			}
		}
	}
}

// It answers while a task holds the loop, and lists what the loop's other connections wait for.
func TestInflightNeedsNoHelpOfTheLoop(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) { handlerThatWaits(c) })
		dialNet(t, ln)
		find(t, rt, "recv", is("recv"))
		holding, release := make(chan struct{}), make(chan struct{})
		rt.Go(func() { close(holding); <-release })
		await(t, holding, "the task that holds the loop")
		listed := make(chan []unio.Operation)
		go func() { listed <- rt.Inflight() }()
		all := await(t, listed, "Inflight")
		close(release)
		var names []string
		for _, o := range all {
			names = append(names, o.Op)
		}
		if s := strings.Join(names, " "); !strings.Contains(s, "recv") || !strings.Contains(s, "accept") {
			t.Errorf("listed: %s", s)
		}
	})
}

func TestInflightSend(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) { c.Write(tooMuch[:]) })
		p := dialNet(t, ln) // and does not read
		send := find(t, rt, "send", is("send"))
		wantIdentity(t, rt, send)
		if unio.KnowsOwners != strings.Contains(send.Owner, "(*Conn).Write") {
			t.Errorf("owner %q", send.Owner)
		}
		p.Close()
	})
}

// An execution trace that is on shows tasks as regions.
func TestExecutionTraceHasTheRegionsOfTasks(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		exchange(t, dialNet(t, ln)) // a task that exists when tracing begins
		var out bytes.Buffer
		if err := trace.Start(&out); err != nil {
			t.Fatal(err)
		}
		exchange(t, dialNet(t, ln))
		trace.Stop()
		if !bytes.Contains(out.Bytes(), []byte("unio.task")) {
			t.Errorf("no unio.task in a trace of %d bytes", out.Len())
		}
	})
}
