package sys

import (
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket makes a stream socket of a family, non-blocking and close-on-exec.
func socket(family int) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

// DialSocket makes a socket that is ready to connect to an address of a network, non-blocking and, as package net's, without Nagle's
// delay: control, which may be nil, has had it, and it is bound to local, unless that is nil.
func DialSocket(network string, to *Sockaddr, local net.Addr, control func(fd uintptr) error) (int, error) {
	fd, err := socket(to.Family())
	if err != nil {
		return -1, err
	}
	if err := prepareDial(fd, network, to, local, control); err != nil {
		CloseFD(fd)
		return -1, err
	}
	return fd, nil
}

func prepareDial(fd int, network string, to *Sockaddr, local net.Addr, control func(fd uintptr) error) error {
	if strings.HasPrefix(network, "tcp") {
		if err := SetNoDelay(fd, true); err != nil {
			return err
		}
	}
	if control != nil {
		if err := control(uintptr(fd)); err != nil {
			return err
		}
	}
	if local == nil {
		return nil
	}
	var from Sockaddr
	if err := from.EncodeLocal(network, local, to); err != nil {
		return err
	}
	return Bind(fd, &from)
}

// Bind is bind(2).
func Bind(fd int, a *Sockaddr) error {
	if errno := bind(fd, a); errno != 0 {
		return os.NewSyscallError("bind", errno)
	}
	return nil
}

// SocketError takes the pending error of a socket, SO_ERROR.
func SocketError(fd int) syscall.Errno {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		if errno, ok := err.(syscall.Errno); ok {
			return errno
		}
		return syscall.EINVAL
	}
	return syscall.Errno(n)
}

// Connected reports whether fd has a peer.
func Connected(fd int) bool {
	var a Sockaddr
	return getname(unix.SYS_GETPEERNAME, fd, &a) == 0
}

// LocalAddr is the address that fd is bound to, nil where the kernel does not tell. It lies in room if it is one of TCP.
func LocalAddr(fd int, room *TCPRoom) net.Addr { return nameOf(unix.SYS_GETSOCKNAME, fd, room) }

// PeerAddr is the same of its peer.
func PeerAddr(fd int, room *TCPRoom) net.Addr { return nameOf(unix.SYS_GETPEERNAME, fd, room) }

func nameOf(trap uintptr, fd int, room *TCPRoom) net.Addr {
	var a Sockaddr
	if getname(trap, fd, &a) != 0 {
		return nil
	}
	return a.addr(room)
}

// SelfConnected reports whether a socket of TCP is connected to itself, which a simultaneous open on an
// ephemeral port can bring about: the dial of a dead local port then seems to succeed.
func SelfConnected(fd int) bool {
	var local, peer Sockaddr
	if getname(unix.SYS_GETSOCKNAME, fd, &local) != 0 || getname(unix.SYS_GETPEERNAME, fd, &peer) != 0 {
		return false
	}
	return local.Family() != syscall.AF_UNIX && local == peer
}

// CloseFD closes a descriptor. EINTR is not a reason to repeat: Linux has released the number by then,
// close(2).
func CloseFD(fd int) error {
	err := unix.Close(fd)
	if err == unix.EINTR {
		return nil
	}
	return os.NewSyscallError("close", err)
}

// Dup is another descriptor of the same open file, close-on-exec.
func Dup(fd int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return n, os.NewSyscallError("fcntl", err)
}

// SetNonblock sets or clears O_NONBLOCK, which belongs to the open file and not to the descriptor.
func SetNonblock(fd int, on bool) error {
	return os.NewSyscallError("fcntl", unix.SetNonblock(fd, on))
}
