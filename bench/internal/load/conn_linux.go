package load

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
)

const (
	// streamPeriod is the length of the pseudo-random stream. A prime: excerpts of a power of two long do not
	// fall into step with it.
	streamPeriod = 65521
	// sendBytesMax is the most that one send hands over: 16 messages of 16 KiB.
	sendBytesMax = 256 << 10
	// recvBytesMax is the size of the one hot receive buffer.
	recvBytesMax = 64 << 10
)

// ErrMismatch says that a server returned other bytes than it was sent.
var ErrMismatch = errors.New("the answer is not what it has to be")

// errClosed says that a server ended a connection.
var errClosed = fmt.Errorf("the server closed a connection: %w", io.ErrUnexpectedEOF)

// stream is one period and enough of the next that an excerpt never wraps.
type stream [streamPeriod + sendBytesMax]byte

func newStream() *stream {
	s := new(stream)
	x := uint32(2463534242)
	for i := range streamPeriod {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		s[i] = byte(x >> 11)
	}
	for i := streamPeriod; i < len(s); i++ {
		s[i] = s[i-streamPeriod]
	}
	return s
}

// conn is one connection. stamps is a ring with room for a power of two of messages: head counts the answered
// ones, tail the issued ones.
type conn struct {
	fd         int
	head, tail uint32
	partial    int // bytes received of the message at head
	unsent     int // bytes of issued messages that the socket has not taken
	sendPos    int // next byte to send, in the script's period
	recvPos    int // next byte to receive, likewise
	waitsOut   bool
	stamps     []int64
}

func (c *conn) outstanding() int { return int(c.tail - c.head) }

func (c *conn) full() bool { return c.outstanding() == len(c.stamps) }

// issue adds n messages with one stamp. The caller flushes.
func (c *conn) issue(n, size int, stamp int64) {
	mask := uint32(len(c.stamps) - 1)
	for range n {
		c.stamps[c.tail&mask] = stamp
		c.tail++
	}
	c.unsent += n * size
}

// flush hands over what the socket takes. It reports whether something is left.
func (c *conn) flush(s *script) (left bool, err error) {
	for c.unsent > 0 {
		n, errno := rawSend(c.fd, s.out[c.sendPos:c.sendPos+min(c.unsent, sendBytesMax)])
		switch errno {
		case 0:
			c.unsent -= n
			c.sendPos = (c.sendPos + n) % s.outLen
		case syscall.EAGAIN:
			return true, nil
		case syscall.EINTR:
		default:
			return true, os.NewSyscallError("send", errno)
		}
	}
	return false, nil
}

// receive reads once into buf and returns how many messages are whole now.
func (c *conn) receive(buf []byte, s *script, verify bool) (messages int, err error) {
	n, errno := rawRecv(c.fd, buf)
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
		return 0, nil
	case errno != 0:
		return 0, os.NewSyscallError("recv", errno)
	case n == 0:
		return 0, errClosed
	}
	if verify && !s.matches(buf[:n], c.recvPos) {
		return 0, ErrMismatch
	}
	c.recvPos = (c.recvPos + n) % s.inLen
	c.partial += n
	messages = c.partial / s.inSize
	c.partial %= s.inSize
	if messages > c.outstanding() {
		return 0, fmt.Errorf("more bytes came back than were sent: %w", ErrMismatch)
	}
	return messages, nil
}

// dial connects. Closing the descriptor resets the connection (SO_LINGER): thousands of connections a minute would
// otherwise leave their ports in TIME_WAIT.
func dial(addr netip.AddrPort) (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			syscall.Close(fd)
		}
	}()
	sa := &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	if err := syscall.Connect(fd, sa); err != nil {
		return -1, os.NewSyscallError("connect", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return -1, os.NewSyscallError("setsockopt", err)
	}
	reset := &syscall.Linger{Onoff: 1}
	if err := syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, reset); err != nil {
		return -1, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return -1, os.NewSyscallError("fcntl", err)
	}
	return fd, nil
}
