//go:build linux

package uring

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

func probeMultishotAccept(l *lab) error {
	r, err := l.plainRing()
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
	c, err := l.do(r, func(s *SQE) { s.PrepMultishotAccept(fd, 0, 0, unix.SOCK_CLOEXEC) })
	if err != nil {
		return err
	}
	if err := unix.Close(int(c.Res)); err != nil {
		return prepared(err)
	}
	if !c.More() {
		return absent("the request ended at once")
	}
	return nil
}

// recvRing is a ring with a group of buffers, and a pair of sockets with data in the first.
func (l *lab) recvRing(data string) (r *Ring, fd int, err error) {
	r, err = l.plainRing()
	if err != nil {
		return nil, 0, err
	}
	if _, err := l.bufRing(r, 0); err != nil {
		return nil, 0, err
	}
	a, b, err := l.pair()
	if err != nil {
		return nil, 0, err
	}
	return r, a, l.write(b, data)
}

func probeMultishotRecv(l *lab) error {
	r, fd, err := l.recvRing("abc")
	if err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) {
		s.PrepRecvMultishot(fd, 0, 0, 0)
		s.SetBufferGroup(1)
	})
	if err != nil {
		return err
	}
	if _, ok := c.Buffer(); !ok || c.Res != 3 || !c.More() {
		return odd(c)
	}
	return nil
}

// probeRecvLimit receives six bytes with at most two each and four in all.
func probeRecvLimit(l *lab) error {
	r, fd, err := l.recvRing("abcdef")
	if err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) { s.PrepRecvMultishotLimit(fd, 1, 2, 4, 0) })
	if err != nil {
		return err
	}
	if c.Res != 2 || !c.More() {
		return odd(c)
	}
	c, err = l.next(r)
	if err == nil && (c.Res != 2 || c.More()) {
		err = odd(c)
	}
	return err
}

func probeReadMultishot(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if _, err := l.bufRing(r, 0); err != nil {
		return err
	}
	in, out, err := l.pipe()
	if err != nil {
		return err
	}
	if err := l.write(out, "abc"); err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) { s.PrepReadMultishot(in, 0, 0, 1) })
	if err == nil && (c.Res != 3 || !c.More()) {
		err = odd(c)
	}
	return err
}

// probeBufRing receives into a buffer ring of each kind.
func probeBufRing(flags uint16) func(*lab) error {
	return func(l *lab) error {
		r, err := l.plainRing()
		if err != nil {
			return err
		}
		if _, err := l.bufRing(r, flags); err != nil {
			return err
		}
		a, b, err := l.pair()
		if err != nil {
			return err
		}
		if err := l.write(b, "abc"); err != nil {
			return err
		}
		c, err := l.do(r, func(s *SQE) {
			s.PrepRecv(a, 0, 0, 0)
			s.SetBufferGroup(1)
		})
		if err != nil {
			return err
		}
		_, ok := c.Buffer()
		if more := c.Flags&CqeFBufMore != 0; !ok || c.Res != 3 || more != (flags&PbufRingInc != 0) {
			return odd(c)
		}
		return nil
	}
}

func probeBufRingStatus(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	br, err := l.bufRing(r, 0)
	if err != nil {
		return err
	}
	n, err := br.Available()
	if err == nil && n != 4 {
		err = prepared(fmt.Errorf("%d of 4 buffers are available", n))
	}
	return err
}

// probeRecvBundle receives more than one buffer holds with one completion.
func probeRecvBundle(l *lab) error {
	data := make([]byte, 1500)
	r, fd, err := l.recvRing(string(data))
	if err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) {
		s.PrepRecv(fd, 0, 0, 0)
		s.Ioprio |= RecvsendBundle
		s.SetBufferGroup(1)
	})
	if err == nil && c.Res != int32(len(data)) {
		err = odd(c)
	}
	return err
}

func probeSendBundle(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if _, err := l.bufRing(r, 0); err != nil {
		return err
	}
	a, _, err := l.pair()
	if err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) {
		s.PrepSendBundle(a, 0, 0)
		s.SetBufferGroup(1)
	})
	if err == nil && c.Res != 4<<10 {
		err = odd(c)
	}
	return err
}

func probeSendVectorized(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	a, _, err := l.pair()
	if err != nil {
		return err
	}
	iovs := &[2]unix.Iovec{l.iovec(), l.iovec()}
	c, err := l.do(r, func(s *SQE) { s.PrepSendVectorized(a, AddrOf(iovs), 2, 0) })
	runtime.KeepAlive(iovs)
	if err == nil && c.Res != 2*4096 {
		// A kernel that ignores the flag sends the iovecs themselves.
		err = absent("the flag was ignored")
	}
	return err
}

func probeSendZc(l *lab) error {
	return probeZeroCopy(l, func(s *SQE, fd int) { s.PrepSendZc(fd, Addr(l.mem), 4096, 0, 0) })
}

func probeSendmsgZc(l *lab) error {
	iov := l.iovec()
	msg := &unix.Msghdr{Iov: &iov}
	msg.SetIovlen(1)
	err := probeZeroCopy(l, func(s *SQE, fd int) { s.PrepSendmsgZc(fd, AddrOf(msg), 0) })
	runtime.KeepAlive(msg)
	return err
}

func probeZeroCopy(l *lab, fill func(*SQE, int)) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	a, b, err := l.tcpPair()
	if err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) { fill(s, a) })
	if err != nil {
		return notMemory(err)
	}
	if c.Res != 4096 {
		return odd(c)
	}
	for n := 0; n < 4096; { // what is read is acknowledged, and the notification comes
		k, err := unix.Read(b, l.mem[8192:16384])
		if err != nil || k == 0 {
			return prepared(fmt.Errorf("read: %w", errors.Join(err, errSilence)))
		}
		n += k
	}
	if c.More() {
		if c, err = l.next(r); err == nil && !c.Notif() {
			err = odd(c)
		}
	}
	return err
}

func probeSocket(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	c, err := l.do(r, func(s *SQE) { s.PrepSocket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0, 0) })
	if err == nil {
		err = prepared(unix.Close(int(c.Res)))
	}
	return err
}

func probeBindListen(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	fd, err := l.socket(unix.AF_UNIX)
	if err != nil {
		return err
	}
	family := new(uint16) // an address that is only a family: the kernel chooses the name
	*family = unix.AF_UNIX
	_, err = l.do(r, func(s *SQE) { s.PrepBind(fd, AddrOf(family), 2) })
	runtime.KeepAlive(family)
	if err != nil {
		return err
	}
	_, err = l.do(r, func(s *SQE) { s.PrepListen(fd, 1) })
	return err
}

func probeSocketCmd(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	a, _, err := l.pair()
	if err != nil {
		return err
	}
	value := new(int32)
	c, err := l.do(r, func(s *SQE) {
		s.PrepCmdSock(SocketUringOpGetsockopt, a, unix.SOL_SOCKET, unix.SO_TYPE, AddrOf(value), 4)
	})
	if err == nil && (c.Res != 4 || *value != unix.SOCK_STREAM) {
		err = odd(c)
	}
	return err
}
