package unio_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// BenchmarkAcceptBesideBusyConnections accepts by one goroutine, while fifty connections of other goroutines keep the loops
// busy that goroutines share. With package net it is one system call; here each connection is mailed twice.
func BenchmarkAcceptBesideBusyConnections(b *testing.B) {
	b.Run("net", func(b *testing.B) {
		busy, err1 := net.Listen("tcp", "127.0.0.1:0")
		ln, err2 := net.Listen("tcp", "127.0.0.1:0")
		if err1 != nil || err2 != nil {
			b.Fatal(err1, err2)
		}
		benchAccept(b, busy, ln)
	})
	for _, e := range uniotest.Engines() {
		b.Run(string(e), func(b *testing.B) {
			if err := uniotest.Refused(e); err != nil {
				b.Skip(err)
			}
			rt := uniotest.New(b, &unio.Options{Engine: e})
			benchAccept(b, listen(b, rt, nil), listen(b, rt, nil))
		})
	}
}

func benchAccept(b *testing.B, busy, ln net.Listener) {
	const neighbours, batch = 50, 1000
	defer busy.Close()
	defer ln.Close()
	go func() {
		for {
			c, err := busy.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
			}()
		}
	}()
	for range neighbours {
		p := dialNet(b, busy)
		p.SetDeadline(time.Time{})
		go func() {
			for buf := make([]byte, 64); ; {
				if _, err := p.Write(buf); err != nil {
					return
				}
				if _, err := io.ReadFull(p, buf); err != nil {
					return
				}
			}
		}()
	}
	b.ResetTimer()
	for left := b.N; left > 0; left -= batch {
		b.StopTimer()
		n := min(left, batch)
		waiting := make([]net.Conn, n)
		for i := range waiting {
			waiting[i] = dialNet(b, ln)
		}
		b.StartTimer()
		for range waiting {
			c, err := ln.Accept()
			if err != nil {
				b.Fatal(err)
			}
			c.Close()
		}
		b.StopTimer()
		for _, p := range waiting {
			p.Close()
		}
	}
}
