package netlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/process"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/examples/log/journal"
)

// prepare refuses a file system without a disk, on which a sync costs nothing.
func prepare(dir string) error { return host.NeedDisk(dir, "becomes durable", 1<<30) }

// loaded is a server in a process of its own, with its clients in this one.
type loaded struct {
	server *process.Process
	addr   string
	size   atomic.Int64 // of the journal, as far as it is known
}

const (
	// startLimit bounds the wait for a server to listen, stopLimit the wait for it to end.
	startLimit = 2 * time.Minute
	stopLimit  = 10 * time.Second
)

// start runs a server and waits until it listens.
func start(contender, dir string) (trial.Program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	server, err := process.Start(exec.Command(self, Verb, contender, dir), stopLimit)
	if err != nil {
		return nil, err
	}
	addr, err := server.Line(startLimit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", contender, server.Failure(err))
	}
	return &loaded{server: server, addr: addr}, nil
}

// sliceSlack is what requests may take beyond the time of a slice.
const sliceSlack = 30 * time.Second

func (l *loaded) Slice(cs string, d time.Duration, verify bool) (trial.Slice, error) {
	s, ok := shapes[cs]
	if !ok {
		return trial.Slice{}, fmt.Errorf("there is no case %q", cs)
	}
	clients := make([]*journal.Client, s.conns)
	for i := range clients {
		c, err := net.Dial("tcp", l.addr)
		if err != nil {
			return trial.Slice{}, err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(d + sliceSlack)); err != nil {
			return trial.Slice{}, err
		}
		clients[i] = journal.NewClient(c)
	}
	op := l.appends(clients, verify)
	if s.read {
		if err := l.fill(clients[0]); err != nil {
			return trial.Slice{}, err
		}
		op = l.reads(clients)
	}
	return l.account(func() (trial.Slice, error) { return trial.Load(s.conns, d, op) })
}

// account replaces the CPU and the threads of this process by the server's.
func (l *loaded) account(load func() (trial.Slice, error)) (trial.Slice, error) {
	pid := l.server.PID()
	before, err := host.SleepingCPU(pid)
	if err != nil {
		return trial.Slice{}, err
	}
	s, err := load()
	if err != nil {
		return s, err
	}
	after, err := host.SleepingCPU(pid)
	if err != nil {
		return s, err
	}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return s, err
	}
	s.Values[trial.UnitCPU] = float64(after-before) / float64(s.Ops)
	s.Values[trial.UnitThreads] = float64(len(tasks))
	return s, nil
}

// appends appends a record for each request. Verified ones are read at once, and compared.
func (l *loaded) appends(clients []*journal.Client, verify bool) func(int) error {
	var numbers atomic.Uint64
	records := make([][]byte, len(clients))
	for i := range records {
		records[i] = bytes.Repeat([]byte{byte(i)}, recordBytes)
	}
	return func(i int) error {
		record := records[i]
		binary.LittleEndian.PutUint64(record, numbers.Add(1))
		offs, err := clients[i].Append(record)
		if err != nil {
			return err
		}
		if !verify {
			return nil
		}
		got, _, err := clients[i].Record(offs[0])
		if err == nil && !bytes.Equal(got, record) {
			err = fmt.Errorf("the record at %d is another than was appended", offs[0])
		}
		return err
	}
}

// fill makes the journal large enough for reads.
func (l *loaded) fill(c *journal.Client) error {
	records := make([][]byte, 64)
	for i := range records {
		records[i] = bytes.Repeat([]byte{byte(i)}, 16<<10)
	}
	for l.size.Load() < journalBytes {
		offs, err := c.Append(records...)
		if err != nil {
			return err
		}
		l.size.Store(offs[len(offs)-1])
	}
	return nil
}

// reads reads parts, each client from another place on.
func (l *loaded) reads(clients []*journal.Client) func(int) error {
	parts := make([][]byte, len(clients))
	places := make([]int64, len(clients))
	for i := range parts {
		parts[i], places[i] = make([]byte, partBytes), int64(i)*partBytes
	}
	return func(i int) error {
		n, err := clients[i].Read(parts[i], places[i]%(journalBytes-partBytes))
		if err == nil && n != partBytes {
			err = fmt.Errorf("a read of %d bytes gave %d", partBytes, n)
		}
		places[i] += 7 * partBytes
		return err
	}
}

// Close ends the server.
func (l *loaded) Close() error {
	if err := l.server.Stop(); err != nil {
		return fmt.Errorf("the server: %w", err)
	}
	return nil
}
