package main

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/sandbox"
)

// forbidRings has io_uring_setup fail with an errno in all threads of the process, for good, as a sandbox does. It does
// nothing for 0.
func forbidRings(errno string) error {
	e, err := strconv.Atoi(errno)
	if err != nil || e == 0 {
		return err
	}
	return sandbox.Forbid(unix.SYS_IO_URING_SETUP, syscall.Errno(e))
}
