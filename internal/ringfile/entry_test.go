//go:build linux && !unio_nouring

package ringfile

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/uring"
)

// TestFill looks at the entries: that a durable write carries the flag nothing else shows but a loss of power.
func TestFill(t *testing.T) {
	p := make([]byte, 10)
	vector := make([]unix.Iovec, 3)
	at := uring.AddrOf(&vector[0])
	read, write := &fileio.Op{Code: fileio.Read, Off: 7, Dsync: true}, &fileio.Op{Code: fileio.Write, Off: 7}
	durable := &fileio.Op{Code: fileio.Write, Off: 7, Dsync: true}
	for _, c := range []struct {
		op     *fileio.Op
		names  Names
		opcode uint8
		len    uint32
		flags  uint32
	}{
		{read, Names{}, uring.OpRead, 10, 0},
		{read, Names{Fixed: true, Buffer: 5}, uring.OpReadFixed, 10, 0},
		{write, Names{}, uring.OpWrite, 10, 0},
		{write, Names{Fixed: true, Buffer: 5}, uring.OpWriteFixed, 10, 0},
		{write, Names{Vector: at, Pieces: 3}, uring.OpWritev, 3, 0},
		{durable, Names{}, uring.OpWrite, 10, unix.RWF_DSYNC},
		{durable, Names{Fixed: true, Buffer: 5}, uring.OpWriteFixed, 10, unix.RWF_DSYNC},
		{durable, Names{Vector: at, Pieces: 3}, uring.OpWritev, 3, unix.RWF_DSYNC},
	} {
		for _, registered := range []bool{false, true} {
			n, want := c.names, uring.SQE{Opcode: c.opcode, Fd: 9, Off: 7, Len: c.len, OpFlags: c.flags, BufIndex: c.names.Buffer}
			if n.FD, n.Registered = 9, registered; registered {
				want.Flags = uring.SqeFixedFile
			}
			if want.Addr = uint64(uring.Addr(p)); n.Pieces > 0 {
				want.Addr = uint64(at)
			}
			var got uring.SQE
			if Fill(&got, c.op, p, &n); got != want {
				t.Errorf("%v, durable %v, %+v:\n%+v, want\n%+v", c.op.Code, c.op.Dsync, n, got, want)
			}
		}
	}
}

func TestPasses(t *testing.T) {
	passing := map[syscall.Errno]bool{syscall.EINTR: true, syscall.EAGAIN: true, syscall.ECANCELED: true}
	for errno := syscall.Errno(0); errno < 200; errno++ {
		if Passes(errno) != passing[errno] {
			t.Errorf("%v: %v", errno, Passes(errno))
		}
	}
}
