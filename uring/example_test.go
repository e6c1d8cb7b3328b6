//go:build linux

package uring_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/unio-go/unio/uring"
)

// Read the start of a file.
func Example() {
	ring, err := uring.New(8, nil)
	if err != nil {
		fmt.Println(uring.Diagnose(err)) // why, and what would cure it
		return
	}
	defer ring.Close()
	f, err := os.Open("doc.go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()

	buf := make([]byte, 48)
	sqe := ring.SQE()
	sqe.PrepRead(int(f.Fd()), uring.Addr(buf), uint32(len(buf)), 0)
	sqe.UserData = 1
	for ring.PeekCQE() == nil { // a signal may end a wait
		if _, err := ring.SubmitAndWait(1); err != nil && !uring.Temporary(err) {
			fmt.Println(err)
			return
		}
	}
	for cqe := range ring.CQEs() {
		fmt.Printf("request %d: %s...\n", cqe.UserData, buf[:cqe.Res])
	}
	runtime.KeepAlive(buf) // the kernel held only its address
	// Output: request 1: // Package uring is Linux's io_uring without cgo...
}

// One ring per thread, with everything that makes that cheap, and a message from one to the other.
func Example_ringPerThread() {
	flags := uring.SetupSingleIssuer | uring.SetupDeferTaskrun | uring.SetupSubmitAll | uring.SetupNoSqarray
	targets := make(chan int)
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // the ring belongs to this thread, which ends with the goroutine
		ring, dropped, err := uring.NewBest(64, &uring.Params{Flags: flags}, 0)
		if err != nil {
			fmt.Println(uring.Diagnose(err))
			close(targets)
			return
		}
		defer ring.Close()
		_ = dropped // what this kernel lacks, for a report
		targets <- ring.FD()
		for ring.PeekCQE() == nil {
			if _, err := ring.SubmitAndWait(1); err != nil && !uring.Temporary(err) {
				fmt.Println(err)
				return
			}
		}
		fmt.Println("received", ring.PeekCQE().UserData)
		ring.Seen(1)
	})
	if fd, ok := <-targets; ok {
		var msg uring.SQE
		msg.PrepMsgRing(fd, 0, 42, 0)
		if err := uring.SendMsgRing(&msg); err != nil { // 6.13; before, from another ring
			fmt.Println(err)
		}
	}
	wg.Wait()
	// Output: received 42
}

// Ask what the kernel can do, by doing it.
func ExampleFeature_Probe() {
	for _, f := range []uring.Feature{uring.FeatureMultishotRecv, uring.FeatureRecvLimit} {
		switch err := f.Probe(); {
		case err == nil:
			fmt.Println(f, "works")
		default: // errors.Is(err, uring.ErrNotSupported): no; else it could not be told
			fmt.Println(f, "since", f.Since(), err)
		}
	}
}
