package unio_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// idleConns is how many connections idle, and idleBytes what one of them may cost: resident memory of the server.
const idleConns = 10_000

var idleBytes = map[unio.Engine]struct{ inRecv, beforeFirstByte int }{
	unio.Uring: {6 << 10, 1 << 10},
	unio.Epoll: {6 << 10, 1 << 10},
	// Package net's own connections cost 7.8 KB with the goroutine that waits.
	unio.Std: {12 << 10, 8 << 10},
}

// An idle connection costs little, whether a task waits in Recv or nobody does yet.
func TestIdleConnectionsCostLittle(t *testing.T) {
	if unio.KnowsOwners {
		t.Skip("lacks: a build without debug checks, whose memory is not the program's")
	}
	if runtime.GOOS != "linux" {
		t.Skip("lacks: /proc, which tells what is resident")
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		e := rt.Report().Engine
		if cost := costOfIdle(t, rt, "recv"); cost > idleBytes[e].inRecv {
			t.Errorf("%d bytes for a connection in Recv, more than %d", cost, idleBytes[e].inRecv)
		}
		if cost := costOfIdle(t, rt, "first"); cost > idleBytes[e].beforeFirstByte {
			t.Errorf("%d bytes for a connection before its first byte, more than %d", cost, idleBytes[e].beforeFirstByte)
		}
	})
}

// costOfIdle opens connections to a server in a process of its own, which says what each costs it.
func costOfIdle(t *testing.T, rt *unio.Runtime, mode string) int {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=idle-connections", childVariable+"_ARGS="+mode,
		unio.EngineVariable+"="+string(rt.Report().Engine))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	out := bufio.NewReader(pipe)
	addr, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for range idleConns {
		c, err := net.Dial("tcp", strings.TrimSpace(addr))
		if errors.Is(err, syscall.EMFILE) {
			t.Skipf("lacks: %d open files", idleConns)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if mode == "recv" {
			c.SetDeadline(time.Now().Add(bound))
			c.Write(make([]byte, 64))
			if _, err := io.ReadFull(c, make([]byte, 64)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fmt.Fprintln(in, "all")
	line, err := out.ReadString('\n')
	cost, err2 := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || err2 != nil {
		t.Fatalf("the server said %q, %v", line, err)
	}
	t.Logf("%s: %d bytes each", mode, cost)
	return cost
}

// holdIdleConnections is the server: it says its address, and, when it is told to, what a connection costs.
func holdIdleConnections(rt *unio.Runtime, args []string) {
	var o *unio.ListenOptions
	if args[1] == "first" {
		o = &unio.ListenOptions{OnFirstByte: true, FirstByteLimit: time.Minute}
	}
	ln, err := rt.Listen("tcp", "127.0.0.1:0", o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go ln.Serve(func(c *unio.Conn) {
		for {
			b, err := c.Recv()
			if err != nil || c.Send(b) != nil {
				return
			}
		}
	})
	warm, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	warm.Write(make([]byte, 64))
	io.ReadFull(warm, make([]byte, 64))
	debug.FreeOSMemory()
	before := resident()
	fmt.Println(ln.Addr())
	bufio.NewReader(os.Stdin).ReadString('\n')
	for rt.Stats().Conns < idleConns {
		time.Sleep(time.Millisecond)
	}
	runtime.GC()
	debug.FreeOSMemory()
	fmt.Println((resident() - before) / idleConns)
}

// resident is the memory of this process that is in RAM, in bytes.
func resident() int {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kib << 10
}
