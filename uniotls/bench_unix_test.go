//go:build unix

package uniotls_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// recordBytes is a full record of TLS.
const recordBytes = 16 << 10

// benchServers runs a benchmark against servers that run the same handler: crypto/tls on package net, and a task on each
// engine. The clients are crypto/tls on package net in a process of their own, whose cost is no part of the figures.
func benchServers(b *testing.B, handler func(net.Conn), clients int, load string) {
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
		runLoad(b, ln.Addr(), clients, load)
	})
	for _, name := range uniotest.Engines() {
		b.Run(string(name), func(b *testing.B) {
			if err := uniotest.Refused(name); err != nil {
				b.Skip(err)
			}
			rt := uniotest.New(b, &unio.Options{Engine: name})
			addr := serve(b, rt, serverConfig(), func(c *uniotls.Conn) { handler(c) })
			runLoad(b, addr, clients, load)
		})
	}
}

// cpuTime is the time that this process has computed so far, in nanoseconds.
func cpuTime() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// loadVariable makes this program a client: "load address clients operations".
const loadVariable = "UNIOTLS_LOAD"

// TestMain is the client where the environment says so.
func TestMain(m *testing.M) {
	order := os.Getenv(loadVariable)
	if order == "" {
		os.Exit(m.Run())
	}
	if err := beClient(order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runLoad has a client process perform b.N operations and reports what they cost the server.
func runLoad(b *testing.B, addr net.Addr, clients int, load string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d", loadVariable, load, addr, clients, b.N))
	cmd.Stderr = os.Stderr
	b.ResetTimer()
	before := cpuTime()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "server-ns/op")
}

// beClient divides the operations among connections.
func beClient(order string) error {
	var load, addr string
	var clients, operations int
	if _, err := fmt.Sscan(order, &load, &addr, &clients, &operations); err != nil {
		return err
	}
	var g unio.Group
	for k := range clients {
		g.Go(func() error { return loads[load](addr, (operations+k)/clients) })
	}
	return g.Wait()
}

// The operations of clients: n of them, one after another.
var loads = map[string]func(addr string, n int) error{
	"handshake": loadHandshakes,
	"echo":      loadEcho,
	"small":     loadSmall,
	"plain":     loadPlain,
	"download":  loadDownload,
}

// untrusted is a client's configuration: the authority is another process's.
var untrusted = &tls.Config{InsecureSkipVerify: true}

func loadHandshakes(addr string, n int) error {
	for range n {
		c, err := tls.Dial("tcp", addr, untrusted)
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
}

func loadEcho(addr string, n int) error {
	c, err := tls.Dial("tcp", addr, untrusted)
	if err != nil {
		return err
	}
	return loadRounds(c, n, recordBytes)
}

// smallBytes is the size of a small message.
const smallBytes = 128

func loadSmall(addr string, n int) error {
	c, err := tls.Dial("tcp", addr, untrusted)
	if err != nil {
		return err
	}
	return loadRounds(c, n, smallBytes)
}

func loadPlain(addr string, n int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return loadRounds(c, n, smallBytes)
}

func loadRounds(c net.Conn, n, size int) error {
	defer c.Close()
	p := make([]byte, size)
	for range n {
		if _, err := c.Write(p); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, p); err != nil {
			return err
		}
	}
	return nil
}

func loadDownload(addr string, n int) error {
	c, err := tls.Dial("tcp", addr, untrusted)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.CopyN(io.Discard, struct{ io.Reader }{c}, int64(n)*recordBytes)
	return err
}

// BenchmarkHandshake makes whole connections: a handshake without resumption, a byte, and the end.
func BenchmarkHandshake(b *testing.B) {
	benchServers(b, func(c net.Conn) { c.Write([]byte{1}) }, 8, "handshake")
}

// BenchmarkRecordEcho sends full records back to 16 clients that wait for them.
func BenchmarkRecordEcho(b *testing.B) {
	benchServers(b, func(c net.Conn) {
		io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, recordBytes))
	}, 16, "echo")
}

// BenchmarkRecordDownload sends full records to 4 clients that read what comes.
func BenchmarkRecordDownload(b *testing.B) {
	benchServers(b, func(c net.Conn) {
		p := make([]byte, 4*recordBytes)
		for {
			if _, err := c.Write(p); err != nil {
				return
			}
		}
	}, 4, "download")
}

// BenchmarkSmallEcho sends messages of 128 bytes back to 16 clients that wait for them.
func BenchmarkSmallEcho(b *testing.B) {
	benchServers(b, func(c net.Conn) {
		if t, ok := c.(*uniotls.Conn); ok {
			echoBufs(t)
			return
		}
		io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, recordBytes))
	}, 16, "small")
}

// echoBufs is echo by buffers.
func echoBufs(c *uniotls.Conn) {
	for {
		b, err := c.Recv()
		if err != nil || c.Send(b) != nil {
			return
		}
	}
}

// BenchmarkSmallEchoPlain is BenchmarkSmallEcho without TLS: the rest of its cost.
func BenchmarkSmallEchoPlain(b *testing.B) {
	for _, name := range uniotest.Engines() {
		b.Run(string(name), func(b *testing.B) {
			if err := uniotest.Refused(name); err != nil {
				b.Skip(err)
			}
			ln := listen(b, uniotest.New(b, &unio.Options{Engine: name}))
			go ln.Serve(func(c *unio.Conn) {
				for {
					buf, err := c.Recv()
					if err != nil || c.Send(buf) != nil {
						return
					}
				}
			})
			runLoad(b, ln.Addr(), 16, "plain")
		})
	}
}

// BenchmarkSmallEchoFloor is what crypto/tls alone computes for a message of 128 bytes, read and written.
func BenchmarkSmallEchoFloor(b *testing.B) {
	there, here := newMemory(), newMemory()
	client := tls.Client(&memoryConn{in: there, out: here}, untrusted)
	server := tls.Server(&memoryConn{in: here, out: there}, serverConfig())
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }()
	if err := server.Handshake(); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	p := make([]byte, smallBytes)
	b.ReportAllocs()
	for b.Loop() {
		// The client's half costs the same.
		client.Write(p)
		io.ReadFull(server, p)
		server.Write(p)
		io.ReadFull(client, p)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/2, "side-ns/op")
}

// memory is one direction of a connection that costs nearly nothing.
type memory struct {
	mu    sync.Mutex
	came  *sync.Cond
	bytes bytes.Buffer
}

func newMemory() *memory {
	m := new(memory)
	m.came = sync.NewCond(&m.mu)
	return m
}

type memoryConn struct {
	net.Conn
	in, out *memory
}

func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

func (c *memoryConn) Write(p []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	defer c.out.came.Broadcast()
	return c.out.bytes.Write(p)
}

func (c *memoryConn) Read(p []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for c.in.bytes.Len() == 0 {
		c.in.came.Wait()
	}
	return c.in.bytes.Read(p)
}
