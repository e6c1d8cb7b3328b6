package unio_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// BenchmarkReadFromFile sends files of several sizes to a peer that counts, beside package net, which
// has sendfile(2) do it: see docs/decisions/0011.
func BenchmarkReadFromFile(b *testing.B) {
	for _, size := range []int{16 << 10, 64 << 10, 256 << 10, 1 << 20, 16 << 20} {
		name := filepath.Join(b.TempDir(), "data")
		if err := os.WriteFile(name, bytes.Repeat([]byte("x"), size), 0o600); err != nil {
			b.Fatal(err)
		}
		for _, e := range append(uniotest.Engines(), "net") {
			b.Run(fmt.Sprintf("size=%d/engine=%s", size, e), func(b *testing.B) { benchFile(b, e, name, size) })
		}
	}
}

func benchFile(b *testing.B, e unio.Engine, name string, size int) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		p, err := ln.Accept()
		if err != nil {
			return
		}
		defer p.Close()
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{p}, make([]byte, 1<<20))
	}()
	var c net.Conn
	if e == "net" {
		c, err = net.Dial("tcp", ln.Addr().String())
	} else {
		c, err = uniotest.New(b, &unio.Options{Engine: e}).Dial(b.Context(), "tcp", ln.Addr().String(), nil)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.SetBytes(int64(size))
	before := cpuTime()
	for b.Loop() {
		f.Seek(0, io.SeekStart)
		if n, err := io.Copy(c, f); err != nil || n != int64(size) {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime is what the process has used, in nanoseconds.
func cpuTime() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}
