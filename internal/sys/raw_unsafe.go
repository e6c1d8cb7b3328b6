//go:build linux

package sys

import (
	"io"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Recv is recv(2) of up to n bytes into memory from p on, with MSG_DONTWAIT, raw. It works the same whether or not fd has
// O_NONBLOCK. n must not be 0: then a result of 0 means the end of the stream.
//
// Recv and Send are small enough to be inlined, which is why they take a pointer and leave EINTR to the caller. A system
// call empties the processor's stack of return addresses, so each call level around it costs a mispredicted return.
func Recv(fd int, p *byte, n int) (int, syscall.Errno) {
	got, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(p)), uintptr(n),
		syscall.MSG_DONTWAIT, 0, 0)
	return int(got), errno
}

// Send is send(2) of n bytes with MSG_DONTWAIT, MSG_NOSIGNAL and flags, raw. n must not be 0.
func Send(fd int, p *byte, n, flags int) (int, syscall.Errno) {
	took, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(p)), uintptr(n),
		uintptr(syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL|flags), 0, 0)
	return int(took), errno
}

// Receive is Recv into p, which is not empty: 0 and nil where nothing is there, and io.EOF at the end of the stream.
func Receive(fd int, p []byte) (n int, err error) {
	n, errno := Recv(fd, &p[0], len(p))
	for errno == syscall.EINTR {
		n, errno = Recv(fd, &p[0], len(p))
	}
	switch {
	case n > 0:
		return n, nil
	case errno == syscall.EAGAIN:
		return 0, nil
	case errno != 0:
		return 0, errno
	}
	return 0, io.EOF
}

// Transmit is Send from p, which is not empty: 0 and nil where the socket has no room.
func Transmit(fd int, p []byte) (n int, err error) {
	n, errno := Send(fd, &p[0], len(p), 0)
	for errno == syscall.EINTR {
		n, errno = Send(fd, &p[0], len(p), 0)
	}
	switch errno {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return 0, nil
	}
	return 0, errno
}

// Readable reports whether a receive would not wait. Unlike a receive that only looks it leaves an error where it is.
func Readable(fd int) bool {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}
	n, _, _ := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&unix.Timespec{})), 0, 0, 0)
	return int(n) == 1
}

// Ended reports whether a stream has nothing more to receive, because the peer has ended it (errno is 0) or because of an
// error, which it takes from the socket. It looks without taking data, raw.
func Ended(fd int) (ended bool, errno syscall.Errno) {
	var p [1]byte
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), 1,
		syscall.MSG_DONTWAIT|syscall.MSG_PEEK, 0, 0)
	switch errno {
	case 0:
		return n == 0, 0
	case syscall.EAGAIN, syscall.EINTR:
		return false, 0
	}
	return true, errno
}

// VectorMax is how many pieces a [Vector] holds.
const VectorMax = 64

// Vector gathers pieces of memory for one sendmsg(2). Pieces that lie next to each other become one. The
// memory must not be on Go's heap or stack, or must be kept alive by the caller until Send has returned.
type Vector struct {
	iov   [VectorMax]unix.Iovec
	msg   unix.Msghdr
	n     int
	bytes int
}

// Reset empties v.
func (v *Vector) Reset() {
	clear(v.iov[:v.n])
	v.n, v.bytes = 0, 0
}

// Bytes is the sum of the pieces' lengths.
func (v *Vector) Bytes() int { return v.bytes }

// Pieces is how many pieces there are, after merging.
func (v *Vector) Pieces() int { return v.n }

// Append adds p and reports whether there was room for it. An empty p needs none.
func (v *Vector) Append(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	base := unsafe.Pointer(unsafe.SliceData(p))
	if v.n > 0 {
		last := &v.iov[v.n-1]
		if uintptr(unsafe.Pointer(last.Base))+uintptr(last.Len) == uintptr(base) {
			last.SetLen(int(last.Len) + len(p))
			v.bytes += len(p)
			return true
		}
	}
	if v.n == VectorMax {
		return false
	}
	v.iov[v.n].Base = (*byte)(base)
	v.iov[v.n].SetLen(len(p))
	v.n++
	v.bytes += len(p)
	return true
}

// Send sends the pieces with MSG_DONTWAIT, MSG_NOSIGNAL and flags, raw. It returns what the kernel took, which
// may be less than Bytes. One piece goes by send(2), which spares the kernel the copying and checking of
// a message header.
func (v *Vector) Send(fd, flags int) (int, syscall.Errno) {
	flags |= syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	v.msg.Iov = &v.iov[0]
	v.msg.SetIovlen(v.n)
	for {
		var n uintptr
		var errno syscall.Errno
		if v.n == 1 {
			n, _, errno = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
				uintptr(unsafe.Pointer(v.iov[0].Base)), uintptr(v.iov[0].Len), uintptr(flags), 0, 0)
		} else {
			n, _, errno = syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd),
				uintptr(unsafe.Pointer(&v.msg)), uintptr(flags))
		}
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}

// Accept is accept4(2), raw; the new descriptor is non-blocking and close-on-exec. fd must be
// non-blocking: accept has no flag that says so for one call.
func Accept(fd int) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0,
			syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			return -1, errno
		}
		return int(n), 0
	}
}

// Shutdown is shutdown(2), raw.
func Shutdown(fd, how int) syscall.Errno {
	_, _, errno := syscall.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0)
	return errno
}

// Connect starts to connect a non-blocking socket. EINPROGRESS is the usual answer of TCP: the end is told by
// writability and SocketError.
func Connect(fd int, a *Sockaddr) syscall.Errno {
	_, _, errno := syscall.Syscall(unix.SYS_CONNECT, uintptr(fd),
		uintptr(unsafe.Pointer(&a.raw[0])), uintptr(a.n))
	return errno
}

func bind(fd int, a *Sockaddr) syscall.Errno {
	_, _, errno := syscall.Syscall(unix.SYS_BIND, uintptr(fd),
		uintptr(unsafe.Pointer(&a.raw[0])), uintptr(a.n))
	return errno
}

func getname(trap uintptr, fd int, a *Sockaddr) syscall.Errno {
	a.n = uint32(len(a.raw))
	_, _, errno := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&a.raw[0])),
		uintptr(unsafe.Pointer(&a.n)))
	return errno
}
