package sys

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func setsockopt(fd, level, opt, v int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, opt, v))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SetNoDelay sets TCP_NODELAY.
func SetNoDelay(fd int, on bool) error {
	return setsockopt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, boolInt(on))
}

// SetReadBuffer sets SO_RCVBUF in bytes.
func SetReadBuffer(fd, bytes int) error {
	return setsockopt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
}

// SetWriteBuffer sets SO_SNDBUF in bytes.
func SetWriteBuffer(fd, bytes int) error {
	return setsockopt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
}

// SetLinger sets SO_LINGER as [net.TCPConn.SetLinger] has it: negative is off, zero resets on close, and
// a positive number is the seconds that close(2) may block, also on a non-blocking socket.
func SetLinger(fd, sec int) error {
	l := unix.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		l = unix.Linger{}
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
}

// PushHeld sends what sends with MSG_MORE have left, before fd is closed; linger is what Linger says of it. The end of the stream
// goes with it, unless close(2) is to be a reset: an end before that would have the peer take what it has got for all. To leave it
// to close(2) would lose it where something unread makes a reset of that.
func PushHeld(fd, linger int) {
	if linger == 0 {
		SetNoDelay(fd, true)
		return
	}
	Shutdown(fd, unix.SHUT_WR)
}

// SetKeepAlive sets SO_KEEPALIVE.
func SetKeepAlive(fd int, on bool) error {
	return setsockopt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, boolInt(on))
}

// SetKeepAliveConfig does what [net.TCPConn.SetKeepAliveConfig] does: zero stands for 15 s, 15 s and 9
// probes, and a negative value leaves what the kernel has.
func SetKeepAliveConfig(fd int, c net.KeepAliveConfig) error {
	if err := SetKeepAlive(fd, c.Enable); err != nil {
		return err
	}
	if err := SetKeepAliveIdle(fd, c.Idle); err != nil {
		return err
	}
	if err := setKeepAliveSeconds(fd, unix.TCP_KEEPINTVL, c.Interval); err != nil {
		return err
	}
	count := c.Count
	if count == 0 {
		count = 9
	}
	if count < 0 {
		return nil
	}
	return setsockopt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, count)
}

// SetKeepAliveIdle does what [net.TCPConn.SetKeepAlivePeriod] does.
func SetKeepAliveIdle(fd int, d time.Duration) error {
	return setKeepAliveSeconds(fd, unix.TCP_KEEPIDLE, d)
}

// setKeepAliveSeconds rounds up: the kernel counts in seconds and refuses zero, which stands for 15 s.
func setKeepAliveSeconds(fd, opt int, d time.Duration) error {
	switch {
	case d < 0:
		return nil
	case d == 0:
		d = 15 * time.Second
	}
	return setsockopt(fd, unix.IPPROTO_TCP, opt, int((d+time.Second-1)/time.Second))
}
