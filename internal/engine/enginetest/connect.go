package enginetest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

var errDeadline = os.ErrDeadlineExceeded

// dial makes a Connect.
func dial(addr net.Addr) *engine.Op {
	return &engine.Op{Code: engine.Connect, Dial: &engine.Dial{Network: addr.Network(), Addr: addr}}
}

func connectGivesADesc(r *rig) {
	l := r.listen()
	defer l.Close()
	op := r.do(dial(l.Addr()))
	if op.Err != nil {
		r.Fatal(op.Err)
	}
	c, err := l.Accept()
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	ended := beside(func() error { return echoPeer(c.(peer), 100_000, 3) })
	r.serveEcho(op.Desc)
	r.join("echo", ended)
	r.closeDesc(op.Desc)
}

func connectTellsWhyNot(r *rig) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} // the kernel gives it to nobody who does not ask for it
	if op := r.do(dial(addr)); !errors.Is(op.Err, syscall.ECONNREFUSED) || op.Desc != nil {
		r.Errorf("connect to a port without a listener: %v, %v", op.Err, op.Desc)
	}
	nowhere := &net.UnixAddr{Net: "unix", Name: filepath.Join(r.TempDir(), "nobody")}
	if op := r.do(dial(nowhere)); !errors.Is(op.Err, syscall.ENOENT) || op.Desc != nil {
		r.Errorf("connect to a path without a socket: %v, %v", op.Err, op.Desc)
	}
	if op := r.do(dial(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})); op.Err == nil {
		r.Error("connect over udp succeeded")
		r.closeDesc(op.Desc)
	}
}

func connectAsksControl(r *rig) {
	l := r.listen()
	defer l.Close()
	asked := 0
	refusal := errors.New("refused by control")
	op := dial(l.Addr())
	op.Dial.Control = func(uintptr) error {
		asked++
		return refusal
	}
	if r.do(op); !errors.Is(op.Err, refusal) || asked != 1 {
		r.Errorf("control was asked %d times, result %v", asked, op.Err)
	}
	op.Dial.Control = func(uintptr) error {
		asked++
		return nil
	}
	if r.do(op); op.Err != nil || asked != 2 {
		r.Fatalf("control was asked %d times, result %v", asked, op.Err)
	}
	r.closeDesc(op.Desc)
}

func connectBindsToLocal(r *rig) {
	l := r.listen()
	defer l.Close()
	op := dial(l.Addr())
	op.Dial.Local = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}
	if r.do(op); op.Err != nil {
		r.Skipf("this machine cannot bind to 127.0.0.9: %v", op.Err)
	}
	c, err := l.Accept()
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	if got := c.RemoteAddr().(*net.TCPAddr).IP; !got.Equal(net.IPv4(127, 0, 0, 9)) {
		r.Errorf("the peer sees %v", got)
	}
	r.closeDesc(op.Desc)
}

func cancelledConnectLeavesNothing(r *rig) {
	l := r.listen()
	accepted := beside(func() error {
		for {
			c, err := l.Accept()
			if err != nil {
				return nil
			}
			c.Close()
		}
	})
	for i := range 200 {
		op := dial(l.Addr())
		if !r.submit(op) {
			if i%2 == 0 {
				r.poll()
			}
			r.e.Cancel(op)
			r.finish(op)
		}
		switch {
		case op.Err == nil:
			r.closeDesc(op.Desc)
		case !errors.Is(op.Err, engine.ErrCanceled):
			r.Errorf("connect: %v", op.Err)
		case op.Desc != nil:
			r.Error("a cancelled connect has a descriptor")
		}
	}
	l.Close()
	<-accepted
}
