//go:build unix

package stdengine

import (
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// lateConn is a connection whose Write tells that it is done long after the peer has the bytes.
type lateConn struct {
	net.Conn
	returns chan struct{}
}

func (c *lateConn) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(*net.UnixConn).SyscallConn()
}

func (c *lateConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	<-c.returns
	return n, err
}

// A peer that answers by closing, before the Send that it answers is known to be done, has not reset anything: a Unix
// socket then takes no bytes, as after a reset.
func TestEndAfterASendThatIsNotKnownToBeDoneIsNoReset(t *testing.T) {
	pool, err := mem.NewPool(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	e, err := New(engine.Config{Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(time.Minute)
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	late := &lateConn{Conn: conn, returns: make(chan struct{})}
	d, err := e.Attach(engine.Socket{Conn: late}, engine.Stream)
	if err != nil {
		t.Fatal(err)
	}

	b, _ := pool.TryGet(5)
	defer b.Release()
	copy(b.Bytes(), "hello")
	send := &engine.Op{Code: engine.Send, Desc: d, Bufs: []*mem.Buf{b}}
	e.Submit(send)
	if _, err := io.ReadFull(peer, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	recv := &engine.Op{Code: engine.Recv, Desc: d}
	e.Submit(recv)
	time.AfterFunc(20*time.Millisecond, func() { close(late.returns) }) // until then the receive has met the end
	for left := 2; left > 0; {
		if err := e.Wait(-1); err != nil {
			t.Fatal(err)
		}
		for e.Next() != nil {
			left--
		}
	}
	if send.Err != nil || recv.Err != io.EOF {
		t.Errorf("send: %v, recv: %v, want EOF", send.Err, recv.Err)
	}
}
