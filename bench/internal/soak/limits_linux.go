package soak

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// raiseFiles raises the limit of open files to at least n, or as far as it goes, and returns what it is. Who may raises
// the hard limit too (CAP_SYS_RESOURCE, setrlimit(2)).
func raiseFiles(n uint64) uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	for _, want := range []syscall.Rlimit{{Cur: n, Max: max(n, l.Max)}, {Cur: l.Max, Max: l.Max}} {
		if l.Cur >= n || syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) == nil {
			break
		}
	}
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return l.Cur
}

// openFiles counts the descriptors of this process.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries) - 1 // that by which they are read
}

// resident is the memory of this process that is in RAM, in bytes.
func resident() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64) // a number that is none is 0
	return kib << 10
}

// collect gives back to the system what the collector can free.
func collect() { debug.FreeOSMemory() }
