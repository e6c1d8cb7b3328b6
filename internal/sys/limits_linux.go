package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Limit is a resource limit of the process. Max is what an unprivileged process may raise Cur to.
type Limit struct{ Cur, Max uint64 }

// FileLimit is RLIMIT_NOFILE, the number of descriptors.
func FileLimit() (Limit, error) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return Limit{}, os.NewSyscallError("getrlimit", err)
	}
	return Limit{Cur: r.Cur, Max: r.Max}, nil
}

// SetFileLimit sets RLIMIT_NOFILE.
func SetFileLimit(l Limit) error {
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: l.Cur, Max: l.Max})
	return os.NewSyscallError("setrlimit", err)
}

// KernelRelease is the release that uname(2) tells, such as "6.12.9-arch1". It is for people and for
// tables of known defects; what a kernel can do is found by trying.
func KernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
