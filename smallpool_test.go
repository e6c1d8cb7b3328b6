package unio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// echoes are the ways in which a handler may send back what comes.
var echoes = map[string]func(*unio.Conn){
	"send": func(c *unio.Conn) {
		for {
			b, err := c.Recv()
			if err != nil || c.Send(b) != nil {
				return
			}
		}
	},
	"write": func(c *unio.Conn) {
		for p := make([]byte, 32<<10); ; {
			n, err := c.Read(p)
			if err != nil {
				return
			}
			if _, err := c.Write(p[:n]); err != nil {
				return
			}
		}
	},
}

// TestLoopsShareASmallPool: a loop on which nothing came any more kept the last block of the pool in its buffer ring, and the
// connections of the others waited for ever.
func TestLoopsShareASmallPool(t *testing.T) {
	for _, pool := range []struct {
		loops int
		bytes int64
	}{{1, 4 << 10}, {2, 4 << 10}, {2, 8 << 10}, {4, 4 << 10}, {4, 16 << 10}, {8, 32 << 10}, {3, 20 << 10}, {8, 64 << 10}} {
		for name, handler := range echoes {
			t.Run(fmt.Sprintf("%d-loops-%d-bytes-%s", pool.loops, pool.bytes, name), func(t *testing.T) {
				o := &unio.Options{Loops: pool.loops, BufBytes: pool.bytes}
				uniotest.EachEngineWith(t, o, func(t *testing.T, rt *unio.Runtime) {
					echoToMany(t, serve(t, rt, handler))
					ln := listen(t, rt, nil)
					go acceptEach(ln, handler)
					echoToMany(t, ln)
				})
			})
		}
	}
}

// acceptEach serves connections by goroutines.
func acceptEach(ln *unio.Listener, handler func(*unio.Conn)) {
	for {
		c, err := ln.AcceptConn()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			handler(c)
		}()
	}
}

// echoToMany has many clients send and read back what they have sent, all at once.
func echoToMany(t *testing.T, ln net.Listener) {
	const clients = 16
	var all sync.WaitGroup
	for i := range clients {
		c := dialNet(t, ln)
		c.SetDeadline(time.Now().Add(bound))
		want := bytes.Repeat([]byte{byte(i), 1, 2, 3}, 16<<10)
		all.Go(func() {
			c.Write(want)
			c.(*net.TCPConn).CloseWrite()
		})
		all.Go(func() {
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
				t.Errorf("client %d got %d of %d bytes: %v", i, len(got), len(want), err)
			}
		})
	}
	all.Wait()
}

// TestOneBufferOfEachSizeBesideIdleLoops: what idle loops hold, and a buffer of each of some sizes, kept each chunk of the pool for one
// size, and who asked for another one waited for ever.
func TestOneBufferOfEachSizeBesideIdleLoops(t *testing.T) {
	for _, loops := range []int{1, 2, 8} {
		for _, limit := range []int64{2 << 20, 4 << 20, 8 << 20} {
			t.Run(fmt.Sprintf("%d-loops-%d-bytes", loops, limit), func(t *testing.T) {
				o := &unio.Options{Loops: loops, BufBytes: limit}
				uniotest.EachEngineWith(t, o, func(t *testing.T, rt *unio.Runtime) {
					echoToMany(t, serve(t, rt, echoes["send"]))
					ctx, cancel := context.WithTimeout(t.Context(), bound)
					defer cancel()
					for size := 4 << 10; size <= 256<<10; size *= 2 {
						b, err := rt.Alloc(ctx, size)
						if err != nil {
							t.Fatalf("%d bytes with little of the pool in use: %v", size, err)
						}
						defer b.Release()
					}
				})
			})
		}
	}
}

// A task that waited in Alloc passed its turn on before it took the buffer, and was behind everybody else again.
func TestAllocServesWhoWaitsLongest(t *testing.T) {
	const size = 4 << 10
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: size}, func(t *testing.T, rt *unio.Runtime) {
		held, err := rt.Alloc(context.Background(), size)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan string, 2)
		rt.Go(func() {
			b, err := rt.Alloc(context.Background(), size)
			if err != nil {
				t.Error(err)
				return
			}
			served <- "the task"
			b.Release()
		})
		for rt.Pool().Stats().Waiters == 0 {
			time.Sleep(time.Millisecond)
		}
		rt.Pool().Request(size, func(b *mem.Buf) {
			served <- "who came later"
			b.Release()
		})
		held.Release()
		if first := await(t, served, "a buffer"); first != "the task" {
			t.Errorf("%s is served first", first)
		}
		await(t, served, "the other one's buffer")
	})
}
