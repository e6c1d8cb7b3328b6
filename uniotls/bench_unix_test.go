//go:build unix

package uniotls_test

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// recordBytes is a full record of TLS.
const recordBytes = 16 << 10

// benchServers runs a benchmark against servers that run the same handler: crypto/tls on package net, and a task on each
// engine. The client is crypto/tls on package net for all, in this process, so that its cost is part of each figure.
func benchServers(b *testing.B, handler func(net.Conn), bench func(b *testing.B, addr net.Addr)) {
	b.Run("net", func(b *testing.B) {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", serverConfig())
		if err != nil {
			b.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					handler(c)
				}()
			}
		}()
		bench(b, ln.Addr())
	})
	for _, name := range uniotest.Engines() {
		b.Run(string(name), func(b *testing.B) {
			if err := uniotest.Refused(name); err != nil {
				b.Skip(err)
			}
			rt := uniotest.New(b, &unio.Options{Engine: name})
			bench(b, serve(b, rt, serverConfig(), func(c *uniotls.Conn) { handler(c) }))
		})
	}
}

// cpuTime is the time that this process has computed so far, in nanoseconds.
func cpuTime() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// spread divides b.N operations among clients and reports their cost.
func spread(b *testing.B, clients int, session func(n int) error) {
	var wg sync.WaitGroup
	b.ResetTimer()
	before := cpuTime()
	for k := range clients {
		wg.Go(func() {
			if err := session((b.N + k) / clients); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkHandshake makes whole connections: one handshake, a byte, and the end.
func BenchmarkHandshake(b *testing.B) {
	handler := func(c net.Conn) { c.Write([]byte{1}) }
	benchServers(b, handler, func(b *testing.B, addr net.Addr) {
		spread(b, 8, func(n int) error {
			for range n {
				c, err := tls.Dial("tcp", addr.String(), clientConfig())
				if err != nil {
					return err
				}
				_, err = io.ReadAll(c)
				c.Close()
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// BenchmarkRecordEcho sends full records and waits for each to come back, on 16 connections.
func BenchmarkRecordEcho(b *testing.B) {
	handler := func(c net.Conn) {
		io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, recordBytes))
	}
	benchServers(b, handler, func(b *testing.B, addr net.Addr) {
		spread(b, 16, func(n int) error {
			c, err := tls.Dial("tcp", addr.String(), clientConfig())
			if err != nil {
				return err
			}
			defer c.Close()
			p := make([]byte, recordBytes)
			for range n {
				if _, err := c.Write(p); err != nil {
					return err
				}
				if _, err := io.ReadFull(c, p); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// BenchmarkRecordDownload has the server write full records, on 4 connections that read what comes.
func BenchmarkRecordDownload(b *testing.B) {
	handler := func(c net.Conn) {
		p := make([]byte, 4*recordBytes)
		for {
			if _, err := c.Write(p); err != nil {
				return
			}
		}
	}
	benchServers(b, handler, func(b *testing.B, addr net.Addr) {
		spread(b, 4, func(n int) error {
			c, err := tls.Dial("tcp", addr.String(), clientConfig())
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = io.CopyN(io.Discard, struct{ io.Reader }{c}, int64(n)*recordBytes)
			return err
		})
	})
}
