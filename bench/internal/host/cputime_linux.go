package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// idleLimit bounds the wait for a server to go to sleep after its load has ended.
const idleLimit = 50 * time.Millisecond

// idleProbe is the pause between two readings that must agree for a server to count as asleep. It is longer
// than the spinning of an idle Go scheduler.
const idleProbe = 500 * time.Microsecond

// cpuClockSched is CPUCLOCK_SCHED (include/linux/posix-timers_types.h): time on a CPU as the scheduler counts it.
const cpuClockSched = 2

// ProcessCPU is the CPU time of a process to the nanosecond, kernel workers that serve it and threads that have ended included. It is
// read from the process' clock, whose number clock_getcpuclockid(3) makes of the process'.
func ProcessCPU(pid int) (time.Duration, error) {
	var at unix.Timespec
	switch err := unix.ClockGettime(int32(^pid<<3|cpuClockSched), &at); {
	case errors.Is(err, unix.EINVAL): // there is no such process
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, os.ErrProcessDone)
	case err != nil:
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, os.NewSyscallError("clock_gettime", err))
	}
	return time.Duration(at.Nano()), nil
}

// UsageCPU is the CPU time in an account of getrusage(2), which counts a ring's kernel workers, too.
func UsageCPU(u *syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }

// PollerCPU is the part of ProcessCPU which the kernel's threads have used that look for submissions to a ring
// (IORING_SETUP_SQPOLL). They are threads of the process, called iou-sqp-PID.
func PollerCPU(pid int) (time.Duration, error) {
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/comm", pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, name := range names {
		comm, err := os.ReadFile(name)
		if err != nil || !bytes.HasPrefix(comm, []byte("iou-sqp")) {
			continue // another thread, or one that has just ended
		}
		d, err := runTime(filepath.Join(filepath.Dir(name), "schedstat"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

// SleepingCPU waits until a process uses no CPU any more and returns its CPU time. A process that does not come to rest within idleLimit
// is read as it is.
func SleepingCPU(pid int) (time.Duration, error) {
	return atRest(func() (time.Duration, error) { return ProcessCPU(pid) })
}

// atRest reads a CPU time until it no longer changes, for idleLimit at most.
func atRest(read func() (time.Duration, error)) (time.Duration, error) {
	last, err := read()
	if err != nil {
		return 0, err
	}
	for end := time.Now().Add(idleLimit); time.Now().Before(end); {
		time.Sleep(idleProbe)
		now, err := read()
		if err != nil {
			return 0, err
		}
		if now == last {
			return now, nil
		}
		last = now
	}
	return last, nil
}

// runTime reads the first field of a schedstat file: nanoseconds on a CPU.
func runTime(name string) (time.Duration, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	first, _, _ := bytes.Cut(b, []byte(" "))
	ns, err := strconv.ParseInt(string(first), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return time.Duration(ns), nil
}

// Softirqd reads the CPU time of one CPU's ksoftirqd thread, which takes network work over under load. Work
// that it does for a server would otherwise be missing from the server's account.
type Softirqd struct {
	schedstat string
}

// FindSoftirqd looks the thread up in /proc. Not found (a PID namespace hides kernel threads) is an error
// that the caller reports; the zero Softirqd then reads as zero.
func FindSoftirqd(cpu int) (Softirqd, error) {
	want := fmt.Sprintf("ksoftirqd/%d\n", cpu)
	comms, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return Softirqd{}, err
	}
	for _, comm := range comms {
		if b, err := os.ReadFile(comm); err == nil && string(b) == want {
			return Softirqd{schedstat: filepath.Join(filepath.Dir(comm), "schedstat")}, nil
		}
	}
	return Softirqd{}, fmt.Errorf("ksoftirqd/%d is not visible in /proc: its CPU time is not counted", cpu)
}

// CPU returns the thread's CPU time so far.
func (s Softirqd) CPU() (time.Duration, error) {
	if s.schedstat == "" {
		return 0, nil
	}
	return runTime(s.schedstat)
}
