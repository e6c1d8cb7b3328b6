package unio_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/unio-go/unio"
)

func TestEchoSmoke(t *testing.T) {
	for name, handler := range map[string]func(*unio.Conn){
		"recv": func(c *unio.Conn) {
			for {
				b, err := c.Recv()
				if err != nil {
					return
				}
				c.Send(b)
			}
		},
		"read": func(c *unio.Conn) {
			p := make([]byte, 4096)
			for {
				n, err := c.Read(p)
				if err != nil {
					return
				}
				c.Write(p[:n])
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rt, err := unio.New(&unio.Options{Engine: unio.Epoll})
			if err != nil {
				t.Fatal(err)
			}
			ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- ln.Serve(handler) }()
			exchange(t, ln.Addr().String())
			ln.Close()
			t.Log(<-served)
			if err := rt.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("goroutine", func(t *testing.T) {
		rt, err := unio.New(&unio.Options{Engine: unio.Epoll})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() { io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}); c.Close() }()
			}
		}()
		exchange(t, ln.Addr().String())
		if err := rt.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func exchange(t *testing.T, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go c.Write(want)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("the echo differs")
	}
}
