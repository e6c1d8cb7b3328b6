//go:build unix

package unio_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
)

// noDescriptors serves while the process has no descriptor left, by Serve and by Accept.
func noDescriptors(rt *unio.Runtime, _ []string) {
	t := &childTB{}
	limit := syscall.Rlimit{Cur: 128, Max: 128}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	served, accepting := serve(t, rt, echo), listen(t, rt, nil)
	exchange(t, dialNet(t, served))
	accepted := make(chan error, 1)
	go acceptUntilGood(accepting, accepted)
	time.Sleep(pause) // until Accept waits

	// Two sockets to connect with, made before there are no more.
	var clients []int
	for range 2 {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, fd)
	}
	var fill []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		fill = append(fill, f)
	}
	for i, ln := range []*unio.Listener{served, accepting} {
		to := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: ln.Addr().(*net.TCPAddr).Port}
		if err := syscall.Connect(clients[i], to); err != nil {
			t.Fatal(err)
		}
		syscall.Write(clients[i], []byte("x"))
	}
	if err := <-accepted; !errors.Is(err, syscall.EMFILE) {
		t.Fatal(fmt.Sprintf("Accept without descriptors: %v", err))
	}
	time.Sleep(3 * pause)
	for _, f := range fill {
		f.Close()
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	if n, err := syscall.Read(clients[0], make([]byte, 1)); n != 1 || err != nil {
		t.Fatal(fmt.Sprintf("the connection of Serve: %d, %v", n, err))
	}
}

// fewDescriptors makes a runtime, of whatever engine, when there are no descriptors for any but std.
func fewDescriptors(*unio.Runtime, []string) {
	os.Unsetenv(unio.EngineVariable)
	limit := syscall.Rlimit{Cur: 128, Max: 128}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for err := error(nil); err == nil; {
		_, err = syscall.Open(os.DevNull, syscall.O_RDONLY, 0)
	}
	rt, err := unio.New(nil)
	if !errors.Is(err, syscall.EMFILE) {
		if rt != nil {
			fmt.Println(rt.Report())
		}
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// acceptUntilGood reports the first error of Accept and the success that follows.
func acceptUntilGood(ln *unio.Listener, results chan<- error) {
	told := false
	for {
		c, err := ln.Accept()
		if err == nil {
			c.Close()
			results <- nil
			return
		}
		if ne, ok := errors.AsType[net.Error](err); !told || !ok || !ne.Timeout() && !errors.Is(err, syscall.EMFILE) {
			results <- err
			told = true
		}
		time.Sleep(time.Millisecond)
	}
}

// childTB lets helpers of tests work in a child: a failure ends it.
type childTB struct{ testing.TB }

func (*childTB) Helper()        {}
func (*childTB) Cleanup(func()) {}
func (*childTB) Error(a ...any) { fmt.Println(a...); os.Exit(1) }
func (*childTB) Errorf(format string, a ...any) {
	fmt.Printf(format+"\n", a...)
	os.Exit(1)
}
func (*childTB) Log(...any)          {}
func (*childTB) Logf(string, ...any) {}
func (*childTB) Fatal(a ...any)      { fmt.Println(a...); os.Exit(1) }
func (*childTB) Fatalf(format string, a ...any) {
	fmt.Printf(format+"\n", a...)
	os.Exit(1)
}
