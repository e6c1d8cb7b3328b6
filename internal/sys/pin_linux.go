package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// PinThread lets the calling thread run only on the given CPUs.
func PinThread(cpus ...int) error {
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &set))
}

// startCPUs are read before any thread can have been pinned.
var startCPUs, _ = ThreadCPUs()

// ProcessCPUs are the CPUs that the process could run on when it began.
func ProcessCPUs() []int { return startCPUs }

// ThreadCPUs are the CPUs that the calling thread may run on.
func ThreadCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var cpus []int
	for c := 0; len(cpus) < set.Count(); c++ {
		if set.IsSet(c) {
			cpus = append(cpus, c)
		}
	}
	return cpus, nil
}
