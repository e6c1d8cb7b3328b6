package gate

import (
	"os"
	"syscall"

	"github.com/unio-go/unio"
)

// deferSeconds is the TCP_DEFER_ACCEPT of a listener, tcp(7): a client that is silent for so long is accepted as it is.
const deferSeconds = 1

// setDeferAccept sets it or takes it back.
func setDeferAccept(ln *unio.Listener, on bool) error {
	raw, err := ln.SyscallConn()
	if err != nil {
		return err
	}
	seconds := 0
	if on {
		seconds = deferSeconds
	}
	control := raw.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, seconds))
	})
	if control != nil {
		return control
	}
	return err
}
