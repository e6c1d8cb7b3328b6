package main

import (
	"io"
	"os"
	"runtime"
	"syscall"

	"github.com/unio-go/unio/uring"
)

// byRing reads by io_uring itself: a request is put into the ring, submitted, and its completion is taken out. Nothing stands
// between this and the kernel, so everything that unio.File does is the caller's: short reads, signals, and memory that stays
// where it is until the completion is there. (The heap does that; a slice on a goroutine's stack does not.)
func byRing(name string, off int64, n int, w io.Writer) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	ring, err := uring.New(8, nil)
	if err != nil {
		return err // uring.Diagnose tells what is in the way, and the cure
	}
	defer ring.Close()
	p := make([]byte, n)
	read := 0
	for read < n {
		sqe := ring.SQE()
		sqe.PrepRead(int(f.Fd()), uring.Addr(p[read:]), uint32(n-read), uint64(off)+uint64(read))
		for ring.CQReady() == 0 { // a signal may end a wait
			if _, err := ring.SubmitAndWait(1); err != nil && !uring.Temporary(err) {
				return err
			}
		}
		res := ring.PeekCQE().Res
		ring.Seen(1)
		if res < 0 {
			return &os.PathError{Op: "read", Path: name, Err: syscall.Errno(-res)}
		}
		if res == 0 {
			break // the end of the file
		}
		read += int(res)
	}
	_, err = w.Write(p[:read])
	runtime.KeepAlive(p) // the kernel held only its address
	return err
}
