package soak

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
)

// A server that alters, loses, doubles or withholds a byte is found. Between it and the clients stands what does that.
func TestLoadFindsWhatIsNotAsSent(t *testing.T) {
	spoil := map[string]func(p []byte) []byte{
		"nothing": func(p []byte) []byte { return p },
		"altered": func(p []byte) []byte { p[len(p)/2] ^= 1; return p },
		"lost":    func(p []byte) []byte { return append(p[:len(p)/2], p[len(p)/2+1:]...) },
		"doubled": func(p []byte) []byte { return append(p[:len(p)/2+1], p[len(p)/2:]...) },
		"cut off": func([]byte) []byte { return nil },
	}
	for name, fn := range spoil {
		t.Run(name, func(t *testing.T) {
			rt, err := unio.New(&unio.Options{Engine: unio.Std, Loops: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer rt.Close()
			s := &server{rt: rt}
			addrs, err := s.listen()
			if err != nil {
				t.Fatal(err)
			}
			l := &load{addrs: []string{front(t, addrs[0], fn)}, largeBytes: 1 << 10}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			l.start(ctx, 4, 1)
			if !l.wait(stallLimit + 20*time.Second) {
				t.Fatal("the load does not end")
			}
			_, violations, broken := l.snapshot()
			if name == "nothing" && (broken > 0 || l.messages.Load() == 0) {
				t.Errorf("%d answers, and %q", l.messages.Load(), violations)
			}
			if name != "nothing" && broken == 0 {
				t.Errorf("nothing was found in %d conversations", l.done.Load())
			}
			if name != "nothing" && name != "cut off" && !strings.Contains(strings.Join(violations, "\n"), "CORRUPT") {
				t.Errorf("%q", violations)
			}
		})
	}
}

// front passes connections on to addr, and changes the first piece of 100 bytes or more of each that comes back.
func front(t *testing.T, addr string, change func([]byte) []byte) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go pass(c, addr, change)
		}
	}()
	return ln.Addr().String()
}

func pass(c net.Conn, addr string, change func([]byte) []byte) {
	defer c.Close()
	o, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer o.Close()
	go func() {
		_, _ = io.Copy(o, c) // its end is the other direction's
		_ = o.(*net.TCPConn).CloseWrite()
	}()
	changed := false
	for buf := make([]byte, 64<<10); ; {
		n, err := o.Read(buf)
		p := buf[:n:n]
		if n >= 100 && !changed {
			changed = true
			if p = change(p); p == nil {
				return
			}
		}
		if _, werr := c.Write(p); werr != nil || err != nil {
			return
		}
	}
}
