package sandbox

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Forbid has a system call fail with errno in all threads of the process, for good (seccomp(2)). It needs no privilege.
func Forbid(nr int, errno syscall.Errno) error {
	return forbid(errno, condition{callOffset, uint32(nr)})
}

// ForbidWith is Forbid for calls whose argument arg, the first is 0, has this value in its lower 32 bits.
func ForbidWith(nr, arg int, value uint32, errno syscall.Errno) error {
	return forbid(errno, condition{callOffset, uint32(nr)}, condition{argsOffset + 8*uint32(arg), value})
}

// Where struct seccomp_data has the number of the call and, with the lowest byte first, the lower half of its first argument.
const (
	callOffset = 0
	argsOffset = 16
)

// condition says that a word of struct seccomp_data has a value.
type condition struct{ offset, value uint32 }

// forbid installs a filter for the calls that all conditions hold for.
func forbid(errno syscall.Errno, conditions ...condition) error {
	var filter []unix.SockFilter
	for i, c := range conditions {
		toEnd := uint8(2*(len(conditions)-i) - 1)
		filter = append(filter, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: c.offset},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: toEnd, K: c.value})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, en := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&prog)))
	if en != 0 {
		return en
	}
	return nil
}
