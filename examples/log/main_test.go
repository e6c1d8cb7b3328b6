package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/examples/log/journal"
	"github.com/unio-go/unio/uniotest"
)

// A server that is killed in the middle of appends has lost nothing that a client was told of, on every engine; when it
// starts again it finds the torn tail.
func TestKilledServerHasWhatItAcknowledged(t *testing.T) {
	prog := filepath.Join(t.TempDir(), "log")
	if runtime.GOOS == "windows" {
		prog += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", prog, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, engine := range uniotest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			if err := uniotest.Refused(engine); err != nil {
				t.Skip(err)
			}
			name := filepath.Join(t.TempDir(), "journal")
			acknowledged := map[int64]string{}
			size := int64(0)
			for range 3 {
				s := start(t, prog, name, engine)
				if s.size < size {
					t.Errorf("the journal has %d bytes, and clients knew of %d", s.size, size)
				}
				s.mustHave(t, acknowledged)
				size = appendAndKill(t, s, acknowledged)
				tear(t, name)
			}
			s := start(t, prog, name, engine)
			s.mustHave(t, acknowledged)
			if got, err := os.Stat(name); err != nil || got.Size() != s.size {
				t.Errorf("the file has %d bytes, %v; the journal %d", got.Size(), err, s.size)
			}
		})
	}
}

// server is the program, running.
type server struct {
	cmd  *exec.Cmd
	addr string
	size int64 // of the journal when it started
}

// start runs the program and reads what it logs.
func start(t *testing.T, prog, file string, engine unio.Engine) *server {
	t.Helper()
	s := &server{cmd: exec.Command(prog, "-addr", "127.0.0.1:0", "-file", file)}
	s.cmd.Env = append(os.Environ(), unio.EngineVariable+"="+string(engine))
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`log of (\d+) bytes on (\S+) with the engine (\S+)`).FindStringSubmatch(line)
	if m == nil || m[3] != string(engine) {
		t.Fatalf("the program said %q", line)
	}
	s.addr = m[2]
	if s.size, err = strconv.ParseInt(m[1], 10, 64); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) dial() (*journal.Client, error) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	return journal.NewClient(c), nil
}

// mustHave reads every record that was acknowledged.
func (s *server) mustHave(t *testing.T, acknowledged map[int64]string) {
	t.Helper()
	c, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for off, want := range acknowledged {
		got, _, err := c.Record(off)
		if err != nil || string(got) != want {
			t.Fatalf("the record at %d was acknowledged and is not there: %v", off, err)
		}
	}
}

// appendAndKill has clients append until enough is acknowledged, and kills the server meanwhile. It returns the least size
// that the journal then has.
func appendAndKill(t *testing.T, s *server, acknowledged map[int64]string) (size int64) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	var killed atomic.Bool
	enough := len(acknowledged) + 300 + rand.IntN(300)
	one := func(c *journal.Client) error {
		var records [][]byte
		for range 1 + rand.IntN(10) {
			records = append(records, []byte(strings.Repeat(fmt.Sprint(rand.IntN(1e9)), rand.IntN(200))))
		}
		offs, err := c.Append(records...)
		mu.Lock()
		defer mu.Unlock()
		for i, off := range offs {
			acknowledged[off] = string(records[i])
			size = max(size, off+int64(len(records[i])))
		}
		if len(acknowledged) >= enough && !killed.Swap(true) {
			err = errors.Join(err, s.cmd.Process.Kill())
		}
		return err
	}
	for range 8 {
		c, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			defer c.Close()
			for !killed.Load() {
				if err := one(c); err != nil && !killed.Load() {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	_ = s.cmd.Wait() // it was killed
	return size
}

// tear leaves a head without its record, as a crash of the machine may: the process alone leaves whole writes.
func tear(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("A\x00\x00\x00\x10\x00\x00\x00sum-of-it"); err != nil {
		t.Fatal(err)
	}
}
