//go:build linux

package unio_test

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// userFault is a userfaultfd(2) over memory: who touches a page that is missing there waits until it is let go.
type userFault struct{ fd int }

// The kernel's include/uapi/linux/userfaultfd.h.
const (
	uffdAPI        = 0xaa
	uffdioAPI      = 0xc018aa3f
	uffdioRegister = 0xc020aa00
	uffdioZeropage = 0xc020aa04
	uffdMissing    = 1
	uffdPagefault  = 0x12
)

type uffdRange struct{ start, len uint64 }

// holdFaults begins with it. The memory is that of a file in memory, which may be written.
func holdFaults(t *testing.T, p []byte) *userFault {
	t.Helper()
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	if errno != 0 {
		t.Skipf("lacks: the right to hold faults of the kernel (userfaultfd(2), vm.unprivileged_userfaultfd): %v", errno)
	}
	u := &userFault{int(fd)}
	t.Cleanup(func() { unix.Close(u.fd) })
	api := struct{ api, features, ioctls uint64 }{api: uffdAPI}
	u.ioctl(t, uffdioAPI, unsafe.Pointer(&api))
	register := struct {
		uffdRange
		mode, ioctls uint64
	}{uffdRange{uint64(uintptr(unsafe.Pointer(&p[0]))), uint64(len(p))}, uffdMissing, 0}
	u.ioctl(t, uffdioRegister, unsafe.Pointer(&register))
	return u
}

func (u *userFault) ioctl(t *testing.T, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(u.fd), request, uintptr(arg)); errno != 0 {
		t.Fatalf("ioctl %#x of a userfaultfd: %v", request, errno)
	}
}

// wait waits until somebody has touched a page, and gives its address.
func (u *userFault) wait(t *testing.T) uint64 {
	t.Helper()
	var msg struct {
		event          uint8
		_              [7]byte
		flags, address uint64
		_              uint64
	}
	for {
		fds := []unix.PollFd{{Fd: int32(u.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 10_000); n == 0 && err == nil {
			t.Fatal("nobody has touched the memory for ten seconds")
		}
		n, err := unix.Read(u.fd, unsafe.Slice((*byte)(unsafe.Pointer(&msg)), unsafe.Sizeof(msg)))
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
		case err != nil || n != int(unsafe.Sizeof(msg)) || msg.event != uffdPagefault:
			t.Fatalf("userfaultfd: event %#x, %v", msg.event, err)
		default:
			return msg.address &^ uint64(os.Getpagesize()-1)
		}
	}
}

// letGo gives a page of zeros to who waits for it.
func (u *userFault) letGo(t *testing.T, address uint64) {
	t.Helper()
	zero := struct {
		uffdRange
		mode uint64
		done int64
	}{uffdRange: uffdRange{address, uint64(os.Getpagesize())}}
	u.ioctl(t, uffdioZeropage, unsafe.Pointer(&zero))
}
