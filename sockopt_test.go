package unio_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/unio-go/unio"
)

var optionCalls = []struct {
	name    string
	tcpOnly bool
	call    func(c *unio.Conn) error
}{
	{"SetNoDelay", true, func(c *unio.Conn) error { return c.SetNoDelay(false) }},
	{"SetLinger", true, func(c *unio.Conn) error { return c.SetLinger(-1) }},
	{"SetKeepAlive", true, func(c *unio.Conn) error { return c.SetKeepAlive(false) }},
	{"SetKeepAlivePeriod", true, func(c *unio.Conn) error { return c.SetKeepAlivePeriod(77 * time.Second) }},
	{"SetKeepAliveConfig", true, func(c *unio.Conn) error {
		return c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute})
	}},
	{"SetReadBuffer", false, func(c *unio.Conn) error { return c.SetReadBuffer(1 << 15) }},
	{"SetWriteBuffer", false, func(c *unio.Conn) error { return c.SetWriteBuffer(1 << 15) }},
}

func TestSocketOptions(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		_, tcp := c.LocalAddr().(*net.TCPAddr)
		for _, o := range optionCalls {
			switch err := o.call(c); {
			case tcp || !o.tcpOnly:
				if err != nil {
					t.Errorf("%s: %v", o.name, err)
				}
			case !errors.Is(err, errors.ErrUnsupported):
				t.Errorf("%s on a Unix socket: %v", o.name, err)
			}
		}
		c.Close()
		for _, o := range optionCalls {
			wantIs(t, o.name+" after Close", o.call(c), net.ErrClosed)
		}
	}, func(t scene, p net.Conn) { p.Read(make([]byte, 1)) })
}

func TestLingerOfZeroResets(t *testing.T) {
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		c.Read(make([]byte, 1)) // the peer's Dial has ended
		if err := c.SetLinger(0); err != nil {
			t.Error(err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte("x"))
		_, err := p.Read(make([]byte, 1))
		if err == nil || err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the peer reads %v, want a reset", err)
		}
	})
}
