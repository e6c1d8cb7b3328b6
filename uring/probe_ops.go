//go:build linux

package uring

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// armPoll leaves a poll request with user data 7 on one end of a quiet pair.
func (l *lab) armPoll(r *Ring) (fd int, err error) {
	fd, _, err = l.pair()
	if err != nil {
		return 0, err
	}
	return fd, l.queue(r, func(s *SQE) {
		s.PrepPollAdd(fd, unix.POLLIN)
		s.UserData = 7
	})
}

func probeFastPoll(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if r.features&FeatFastPoll == 0 {
		return absent("the ring's features lack it")
	}
	a, b, err := l.pair()
	if err != nil {
		return err
	}
	if err := l.queue(r, func(s *SQE) { s.PrepRecv(a, Addr(l.mem), 8, 0) }); err != nil {
		return err
	}
	if err := l.write(b, "x"); err != nil {
		return err
	}
	c, err := l.next(r)
	if err == nil && c.Res != 1 {
		err = odd(c)
	}
	return err
}

func probePollMultishot(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	a, b, err := l.pair()
	if err != nil {
		return err
	}
	if err := l.write(b, "x"); err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) { s.PrepPollMultishot(a, unix.POLLIN) })
	if err == nil && !c.More() {
		err = absent("the request ended at once")
	}
	return err
}

func probeTimeoutMultishot(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	ts := &KernelTimespec{Nsec: 1000}
	s := r.SQE()
	s.PrepTimeout(AddrOf(ts), 2, TimeoutMultishot)
	c, err := l.next(r)
	runtime.KeepAlive(ts)
	switch {
	case err != nil:
		return err
	case c.Res == -int32(unix.ETIME) && c.More():
		return nil
	case c.Res == -int32(unix.EINVAL):
		return c.Err()
	}
	return odd(c)
}

func probeMsgRing(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	to, err := l.plainRing()
	if err != nil {
		return err
	}
	if _, err := l.do(r, func(s *SQE) { s.PrepMsgRing(to.FD(), 5, 9, 0) }); err != nil {
		return err
	}
	return l.expectMessage(to)
}

func probeSendMsgRing(l *lab) error {
	to, err := l.plainRing()
	if err != nil {
		return err
	}
	var s SQE
	s.PrepMsgRing(to.FD(), 5, 9, 0)
	if err := withoutRing(SendMsgRing(&s)); err != nil {
		return err
	}
	return l.expectMessage(to)
}

// withoutRing is the answer of a registration on descriptor -1, which before 6.13 may fail because of the descriptor.
func withoutRing(err error) error {
	if errors.Is(err, unix.EBADF) {
		return absent("%v", err)
	}
	return err
}

func (l *lab) expectMessage(to *Ring) error {
	c, err := l.next(to)
	if err == nil && (c.UserData != 9 || c.Res != 5) {
		err = odd(c)
	}
	return err
}

func probeSyncCancel(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if _, err := l.armPoll(r); err != nil {
		return err
	}
	if err := r.CancelSync(SyncCancel{UserData: 7, Timeout: labPatience}); err != nil {
		return err
	}
	return l.expectCanceled(r)
}

func (l *lab) expectCanceled(r *Ring) error {
	c, err := l.next(r)
	if err == nil && (c.UserData != 7 || c.Res != -int32(unix.ECANCELED)) {
		err = odd(c)
	}
	return err
}

func probeCancelFd(l *lab) error {
	return probeCancel(l, func(s *SQE, fd int) { s.PrepCancelFd(fd, AsyncCancelAll) })
}

func probeCancelOp(l *lab) error {
	return probeCancel(l, func(s *SQE, fd int) {
		s.PrepCancelOp(OpPollAdd, fd, AsyncCancelAll|AsyncCancelFd)
	})
}

// probeCancel expects the cancel's completion and the target's, in any order.
func probeCancel(l *lab, fill func(*SQE, int)) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	fd, err := l.armPoll(r)
	if err != nil {
		return err
	}
	s := r.SQE()
	fill(s, fd)
	s.UserData = 8
	for range 2 {
		c, err := l.next(r)
		switch {
		case err != nil:
			return err
		case c.UserData == 8 && c.Res < 0:
			return c.Err()
		case c.UserData == 7 && c.Res != -int32(unix.ECANCELED):
			return odd(c)
		}
	}
	return nil
}

func probeCqeSkip(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	s := r.SQE()
	s.PrepNop()
	s.Flags = SqeCqeSkipSuccess
	s.UserData = 1
	c, err := l.do(r, func(s *SQE) { s.PrepNop(); s.UserData = 2 })
	if err == nil && c.UserData != 2 {
		err = absent("the completion came")
	}
	return err
}

func probeFilesSparse(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	return r.RegisterFilesSparse(4)
}

func (l *lab) tableRing() (*Ring, error) {
	r, err := l.plainRing()
	if err != nil {
		return nil, err
	}
	return r, prepared(r.RegisterFiles([]int32{-1, -1, -1, -1}))
}

func probeFilesAlloc(l *lab) error {
	r, err := l.tableRing()
	if err != nil {
		return err
	}
	a, _, err := l.pair()
	if err != nil {
		return err
	}
	fds := []int32{int32(a)}
	c, err := l.do(r, func(s *SQE) {
		s.PrepFilesUpdate(AddrOf(&fds[0]), 1, -1)
	})
	runtime.KeepAlive(fds)
	if err == nil && c.Res != 1 {
		err = odd(c)
	}
	return err
}

func probeDirectAccept(l *lab) error {
	r, err := l.tableRing()
	if err != nil {
		return err
	}
	fd, sa, err := l.listener()
	if err != nil {
		return err
	}
	if err := l.dial(sa); err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) { s.PrepAcceptDirect(fd, 0, 0, 0, 2) })
	if err == nil && c.Res != 0 {
		// A kernel that ignores the slot returns a descriptor.
		unix.Close(int(c.Res))
		err = absent("the slot was ignored")
	}
	return err
}

func probeFixedFdInstall(l *lab) error {
	r, err := l.tableRing()
	if err != nil {
		return err
	}
	a, _, err := l.pair()
	if err != nil {
		return err
	}
	if _, err := r.UpdateFiles(1, []int32{int32(a)}); err != nil {
		return prepared(err)
	}
	c, err := l.do(r, func(s *SQE) { s.PrepFixedFdInstall(1, 0) })
	if err == nil {
		err = prepared(unix.Close(int(c.Res)))
	}
	return err
}

func (l *lab) iovec() unix.Iovec {
	v := unix.Iovec{Base: &l.mem[0]}
	v.SetLen(4096)
	return v
}

func probeBuffersTagged(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if err := r.RegisterBuffersTagged([]unix.Iovec{l.iovec()}, []uint64{77}); err != nil {
		return notMemory(err)
	}
	if err := r.UnregisterBuffers(); err != nil {
		return prepared(err)
	}
	c, err := l.next(r)
	if err == nil && c.UserData != 77 {
		err = odd(c)
	}
	return err
}

func probeCloneBuffers(l *lab) error {
	from, err := l.plainRing()
	if err != nil {
		return err
	}
	to, err := l.plainRing()
	if err != nil {
		return err
	}
	if err := from.RegisterBuffers([]unix.Iovec{l.iovec()}); err != nil {
		return prepared(err)
	}
	return to.CloneBuffers(CloneBuffersArg{SrcFd: uint32(from.FD())})
}

// notMemory keeps a limit of locked memory from looking like an answer.
func notMemory(err error) error {
	if errors.Is(err, unix.ENOMEM) {
		return prepared(err)
	}
	return err
}

func probeFutex(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	word := &l.mem[0]
	clear(l.mem[:8])
	const futex2SizeU32, anyBit = 2, 0xffffffff
	c, err := l.do(r, func(s *SQE) { s.PrepFutexWake(AddrOf(word), 1, anyBit, futex2SizeU32, 0) })
	if err == nil && c.Res != 0 {
		err = odd(c)
	}
	return err
}

func probePipe(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	fds := new([2]int32)
	_, err = l.do(r, func(s *SQE) { s.PrepPipe(AddrOf(fds), unix.O_CLOEXEC) })
	if err != nil {
		return err
	}
	return prepared(errors.Join(unix.Close(int(fds[0])), unix.Close(int(fds[1]))))
}

func probeEpollWait(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return prepared(fmt.Errorf("epoll_create1: %w", err))
	}
	l.closeFd(ep)
	a, b, err := l.pair()
	if err != nil {
		return err
	}
	ev := &unix.EpollEvent{Events: unix.EPOLLIN, Fd: 42}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, a, ev); err != nil {
		return prepared(fmt.Errorf("epoll_ctl: %w", err))
	}
	if err := l.write(b, "x"); err != nil {
		return err
	}
	got := new(unix.EpollEvent)
	c, err := l.do(r, func(s *SQE) { s.PrepEpollWait(ep, AddrOf(got), 1, 0) })
	if err == nil && (c.Res != 1 || got.Fd != 42) {
		err = odd(c)
	}
	return err
}
