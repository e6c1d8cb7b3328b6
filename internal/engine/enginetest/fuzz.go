package enginetest

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// Fuzz runs sequences of operations on an engine of the kernel's sockets beside a model of what the streams must have
// carried. Each step is two bytes: what to do and with how much.
func Fuzz(f *testing.F, name engine.Name, newEngine New) {
	FuzzOn(f, name, kernel{name}, newEngine)
}

// FuzzOn is Fuzz for an engine with sockets of its own.
func FuzzOn(f *testing.F, name engine.Name, sockets Sockets, newEngine New) {
	f.Add([]byte{0, 0, 4, 10, 5, 0, 2, 200, 3, 0, 13, 0, 9, 0})
	f.Add([]byte{2, 255, 5, 0, 3, 0, 2, 9, 13, 0, 6, 0, 7, 0, 2, 1})
	f.Add([]byte{14, 0, 4, 100, 0, 0, 5, 0, 1, 0, 0, 0, 15, 0, 6, 0, 8, 0, 0, 0})
	f.Add([]byte{0, 0, 4, 1, 1, 0, 0, 1, 0, 0, 5, 0, 9, 0, 0, 0, 4, 3, 6, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before := census()
		r := &rig{T: t, name: name, network: "tcp", newEngine: newEngine, sockets: sockets}
		if len(script)%2 == 1 {
			r.network = "unix"
		}
		r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: 8 << 20})
		defer r.settle(before)
		m := &model{rig: r}
		for range 2 {
			m.conns = append(m.conns, m.connect())
		}
		for len(script) >= 2 && m.steps < fuzzStepsMax {
			m.step(m.conns[int(script[0])>>7], int(script[0])%16, int(script[1]))
			script = script[2:]
			m.steps++
		}
		m.end()
	})
}

const (
	fuzzStepsMax = 200

	// fuzzUnreadBytes is what a peer may have written and nobody received: it must fit into any socket's
	// buffer, as the peer writes from the loop's goroutine.
	fuzzUnreadBytes = 24 << 10
)

// model is what is known about the streams.
type model struct {
	*rig
	conns []*modelConn
	hog   []*mem.Buf
	steps int
}

// modelConn is one connection: what went in, and what must come out.
type modelConn struct {
	d    engine.Desc
	p    peer
	seed byte

	in, out              *engine.Op
	want                 int // length of out
	inCancel, outCancel  bool
	received, peerWrote  int
	sent                 int
	shut, peerShut, gone bool

	unpause func()
	read    <-chan error
	seen    atomic.Int64 // by the peer
}

func (m *model) connect() *modelConn {
	d, p := m.pair()
	c := &modelConn{d: d, p: p, seed: byte(m.steps)}
	start := make(chan struct{})
	c.unpause = sync.OnceFunc(func() { close(start) })
	c.read = beside(func() error {
		<-start
		return c.readAll()
	})
	m.cleanup(c.unpause)
	return c
}

// readAll is the peer's reader.
func (c *modelConn) readAll() error {
	b := make([]byte, 32<<10)
	for {
		n, err := c.p.Read(b)
		if bad := check(b[:n], c.seed, int(c.seen.Load())); bad != nil {
			return bad
		}
		c.seen.Add(int64(n))
		if err != nil {
			return nil
		}
	}
}

func (m *model) step(c *modelConn, what, arg int) {
	switch what {
	case 0:
		m.startRecv(c)
	case 1:
		if c.in != nil {
			c.inCancel = true
			m.e.Cancel(c.in)
		}
	case 2:
		m.startSend(c, 1+arg*97, 50+arg)
	case 3:
		if c.out != nil {
			c.outCancel = true
			m.e.Cancel(c.out)
		}
	case 4:
		m.peerWrite(c, 1+arg*53)
	case 5:
		m.poll()
	case 6:
		m.turn(time.Millisecond)
	case 7:
		if !c.shut {
			c.shut = true
			m.do(&engine.Op{Code: engine.Shutdown, Desc: c.d, How: engine.ShutWrite})
		}
	case 8:
		c.peerShut = true
		c.p.CloseWrite()
	case 9:
		m.replace(c)
	case 10:
		m.e.Wake()
	case 11:
		m.startSend(c, 1+arg*8192, 64<<10)
	case 12:
		m.do(&engine.Op{Code: engine.Nop})
	case 13:
		c.unpause()
	case 14:
		m.exhaust()
	case 15:
		m.free()
	}
	m.look(c)
}

func (m *model) startRecv(c *modelConn) {
	if c.in == nil {
		c.in, c.inCancel = m.recv(c.d), false
		m.submit(c.in)
	}
}

func (m *model) startSend(c *modelConn, n, piece int) {
	if c.out != nil || m.hog != nil || c.shut && n > 1<<16 {
		return
	}
	p := make([]byte, n)
	fill(p, c.seed, c.sent)
	c.out = &engine.Op{Code: engine.Send, Desc: c.d}
	for len(p) > 0 {
		// What a short pool cannot give is not sent.
		b, ok := m.pool.TryGet(min(len(p), 64<<10))
		if !ok {
			break
		}
		k := copy(b.Bytes(), p)
		for at := 0; at < k; at += piece {
			c.out.Bufs = append(c.out.Bufs, b.Slice(at, min(at+piece, k)))
		}
		b.Release()
		p = p[k:]
	}
	c.want, c.outCancel = n-len(p), false
	m.submit(c.out)
}

func (m *model) peerWrite(c *modelConn, n int) {
	if c.peerShut || c.peerWrote+n-c.received > fuzzUnreadBytes {
		return
	}
	p := make([]byte, n)
	fill(p, c.seed+1, c.peerWrote)
	c.p.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.p.Write(p); err != nil {
		m.Fatalf("peer: %v", err)
	}
	c.peerWrote += n
}

func (m *model) exhaust() { m.hog = append(m.hog, takeAll(m.pool, mem.MaxBytes)...) }

func (m *model) free() {
	for _, b := range m.hog {
		b.Release()
	}
	m.hog = nil
}

// look judges the operations of c that are complete.
func (m *model) look(c *modelConn) {
	m.Helper()
	if op := c.in; op != nil && !m.live[op] {
		c.in = nil
		m.judge("recv", m.judgeRecv(c, op))
	}
	if op := c.out; op != nil && !m.live[op] {
		c.out = nil
		m.judge("send", m.judgeSend(c, op))
	}
}

func (m *model) judge(what string, err error) {
	m.Helper()
	if err != nil {
		m.Fatalf("step %d: %s: %v", m.steps, what, err)
	}
}

func (m *model) judgeRecv(c *modelConn, op *engine.Op) error {
	switch {
	case op.Err == nil:
		err := check(op.Buf.Bytes(), c.seed+1, c.received)
		c.received += op.Buf.Len()
		op.Buf.Release()
		if c.received > c.peerWrote {
			return fmt.Errorf("%d bytes of %d", c.received, c.peerWrote)
		}
		return err
	case op.Err == io.EOF:
		if !c.peerShut || c.received != c.peerWrote {
			return fmt.Errorf("the end after %d of %d bytes", c.received, c.peerWrote)
		}
		return nil
	case errors.Is(op.Err, engine.ErrCanceled) && (c.inCancel || c.gone):
		return nil
	}
	return op.Err
}

func (m *model) judgeSend(c *modelConn, op *engine.Op) error {
	for _, b := range op.Bufs {
		b.Release()
	}
	c.sent += op.N
	switch {
	case op.Err == nil && op.N == c.want:
		return nil
	case errors.Is(op.Err, engine.ErrCanceled) && (c.outCancel || c.gone) && op.N <= c.want:
		return nil
	case errors.Is(op.Err, syscall.EPIPE) && c.shut && op.N < c.want:
		return nil
	}
	return fmt.Errorf("%d of %d: %w", op.N, c.want, op.Err)
}

// replace closes a connection with whatever is pending. Unread data make it a reset, so that only the
// order of what the peer sees is certain.
func (m *model) replace(c *modelConn) {
	c.gone = true
	m.closeDesc(c.d)
	m.finishConn(c)
	c.unpause()
	m.join("peer", c.read)
	if c.seen.Load() > int64(c.sent) {
		m.Fatalf("the peer saw %d bytes of %d", c.seen.Load(), c.sent)
	}
	for i := range m.conns {
		if m.conns[i] == c {
			m.conns[i] = m.connect()
		}
	}
}

func (m *model) finishConn(c *modelConn) {
	for _, op := range []*engine.Op{c.in, c.out} {
		if op != nil {
			m.finish(op)
		}
	}
	m.look(c)
}

// end lets everything arrive and compares the sums.
func (m *model) end() {
	m.free()
	for _, c := range m.conns {
		c.unpause()
		c.p.CloseWrite()
		c.peerShut = true
		m.finishConn(c)
		for end := false; !end; {
			m.startRecv(c)
			m.finish(c.in)
			end = c.in.Err == io.EOF
			m.look(c)
		}
		if c.received != c.peerWrote {
			m.Errorf("%d of %d bytes came", c.received, c.peerWrote)
		}
		m.closeDesc(c.d)
		m.join("peer", c.read)
		if c.seen.Load() != int64(c.sent) {
			m.Errorf("the peer saw %d of %d bytes", c.seen.Load(), c.sent)
		}
	}
}
