package netlog

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/examples/log/journal"
	"github.com/unio-go/unio/uniotest"
)

// TestMain lets the test binary be the server that a contender starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Verb {
		if err := Serve(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var engines = map[string]unio.Engine{unioUring: unio.Uring, unioEpoll: unio.Epoll}

// Every server does every case, verified.
func TestContendersDoEveryCase(t *testing.T) {
	for _, contender := range Suite.Cases[0].Contenders {
		t.Run(contender, func(t *testing.T) {
			if err := uniotest.Refused(engines[contender]); err != nil {
				t.Skipf("lacks: the engine %s: %v", engines[contender], err)
			}
			p, err := start(contender, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, cs := range Suite.Cases {
				for _, verify := range []bool{true, false} {
					s, err := p.Slice(cs.Name, 20*time.Millisecond, verify)
					if err != nil || s.Ops == 0 || s.Values[trial.UnitCPU] <= 0 || s.Values[trial.UnitThreads] < 2 {
						t.Errorf("%s: %+v, %v", cs.Title, s, err)
					}
				}
			}
			if _, err := p.Slice("conns=none", time.Millisecond, false); err == nil {
				t.Error("a case that there is not: no error")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := start("pigeon", t.TempDir()); err == nil {
		t.Error("a server that there is not: no error")
	}
}

// The servers on package net speak the same protocol: what many clients append at once comes back, and the file is one that
// the example opens.
func TestPlainServersKeepTheProtocol(t *testing.T) {
	for _, group := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "journal")
		addr, stop, err := servePlain(name, group)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				c := dial(t, addr)
				records := [][]byte{{}, bytes.Repeat([]byte{byte(i)}, journal.RecordMax), []byte("small")}
				for range 5 {
					offs, err := c.Append(records...)
					if err != nil {
						t.Error(err)
						return
					}
					for k, off := range offs {
						if got, _, err := c.Record(off); err != nil || !bytes.Equal(got, records[k]) {
							t.Errorf("the record at %d came back with %d bytes, %v", off, len(got), err)
						}
					}
				}
			})
		}
		group.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		rt := uniotest.New(t, nil)
		j, err := journal.Open(rt, name)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || info.Size() != j.Durable() || j.Durable() == 0 {
			t.Errorf("the example finds %d bytes whole of %v, %v", j.Durable(), info, err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

func dial(t *testing.T, addr net.Addr) *journal.Client {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return journal.NewClient(c)
}

func TestServeOfNothing(t *testing.T) {
	for _, args := range [][]string{{}, {"pigeon", t.TempDir()}, {netEach, "/nowhere/at/all"}} {
		if err := Serve(args, bytes.NewReader(nil), io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if err := Serve([]string{netEach, t.TempDir()}, bytes.NewReader(nil), failing{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("nobody reads the address: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// In memory a sync costs nothing, and no record is durable.
func TestMemoryIsRefused(t *testing.T) {
	dir := "/dev/shm"
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Type != unix.TMPFS_MAGIC {
		dir = "/run" // one of the two is tmpfs wherever there is a test
	}
	if Suite.Prepare == nil || Suite.Prepare(dir) == nil {
		t.Fatalf("%s: no error", dir)
	}
	if err := Suite.Prepare(t.TempDir() + "/nowhere"); !os.IsNotExist(err) {
		t.Errorf("a directory that there is not: %v", err)
	}
}
