package unio_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// A task of another loop writes while CloseWrite waits for what was written before: its bytes go before the end, or it
// gets an error.
func TestAWriteDuringCloseWriteIsNotLostWithoutAnError(t *testing.T) {
	o := &uniotest.SimOptions{Seeds: 300, Runtime: unio.Options{Loops: 2}}
	uniotest.SimulateWith(t, o, func(s *uniotest.Sim) {
		rt := s.Runtime()
		ln, err := rt.Listen("tcp", "10.0.0.1:80", nil)
		if err != nil {
			s.Fatalf("%v", err)
		}
		var c *unio.Conn
		wrote, over := 0, 0
		write := func(n int) {
			if m, err := c.Write(make([]byte, n)); err == nil {
				wrote += m
			}
		}
		rt.Go(func() {
			// The first connection is accepted for the other loop, where this task has its own.
			ln.Serve(func(served *unio.Conn) {
				defer func() { over++ }()
				if c == nil {
					c = served
					write(60_000)
					if served.CloseWrite() == nil {
						io.Copy(io.Discard, served)
					}
					return
				}
				for range 400 {
					write(1)
					unio.Sleep(time.Duration(s.Rand.IntN(100)) * time.Microsecond)
				}
			})
		})
		read, clean := 0, false
		var g unio.Group
		for i := range 2 {
			g.Go(func() error {
				p, err := rt.Dial(context.Background(), "tcp", "10.0.0.1:80", nil)
				if err != nil {
					return nil
				}
				defer p.Close()
				unio.Sleep(time.Duration(100+s.Rand.IntN(20)) * time.Millisecond)
				n, err := io.Copy(io.Discard, p)
				if i == 0 && err == nil && n > 0 {
					read, clean = int(n), true
				}
				return nil
			})
			unio.Sleep(100 * time.Millisecond)
		}
		g.Wait()
		for i := 0; over < 2 && i < 100; i++ {
			unio.Sleep(time.Second)
		}
		if clean && read != wrote {
			s.Errorf("the peer read %d bytes and the end; %d were written without an error", read, wrote)
		}
	})
}
