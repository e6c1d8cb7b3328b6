package randread

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uring"
)

// probeMode tries whether kernel and device can drive a ring in a mode, by doing it: one read of the set.
func probeMode(mode Mode, l *Layout) error {
	f, err := os.OpenFile(l.File(0), os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := uring.SetupIopoll
	if mode == ModeSQPoll {
		flags = uring.SetupSqpoll
	}
	ring, err := uring.New(1, &uring.Params{Flags: flags})
	if err != nil {
		return fmt.Errorf("%w: %v", err, uring.Diagnose(err))
	}
	defer ring.Close()
	buf, err := alignedBlock()
	if err != nil {
		return err
	}
	sqe := ring.SQE()
	sqe.PrepRead(int(f.Fd()), uring.Addr(buf), blockBytes, 0)
	for ring.PeekCQE() == nil {
		if _, err := ring.SubmitAndWait(1); err != nil && !uring.Temporary(err) {
			return err
		}
	}
	err = ring.PeekCQE().Err()
	runtime.KeepAlive(buf)
	if mode == ModeIOPoll && errors.Is(err, syscall.EOPNOTSUPP) {
		return fmt.Errorf("a polled read of %s: %w: its device has no queues to poll, or its file system cannot",
			l.File(0), err)
	}
	return err
}

// available says why a contender cannot run on this machine.
func available(c Contender) error {
	if !c.unio() {
		return nil
	}
	rt, err := unio.New(&unio.Options{Engine: unio.Engine(c.Engine), Loops: 1})
	if err != nil {
		return err
	}
	return rt.Close()
}
