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

// KernelVersion is the first two numbers of [KernelRelease], zeros when it does not start with them.
func KernelVersion() (major, minor int) { return parseVersion(KernelRelease()) }

func parseVersion(release string) (major, minor int) {
	var n [2]int
	for i := 0; i < len(n); i++ {
		digits := 0
		for digits < len(release) && release[digits] >= '0' && release[digits] <= '9' {
			n[i] = n[i]*10 + int(release[digits]-'0')
			digits++
		}
		if digits == 0 {
			return 0, 0
		}
		release = release[digits:]
		if i == 0 {
			if release == "" || release[0] != '.' {
				return 0, 0
			}
			release = release[1:]
		}
	}
	return n[0], n[1]
}
