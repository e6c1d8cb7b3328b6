package host

import (
	"fmt"
	"math/bits"
	"os"
	"syscall"
	"unsafe"
)

// cpuSet is the kernel's cpumask for sched_setaffinity(2): 1024 CPUs, as glibc's cpu_set_t.
type cpuSet [1024 / bits.UintSize]uint

// PinThread binds the calling thread to one CPU. Threads and processes that it creates inherit the binding.
// The caller has locked its goroutine to the thread, and undoes the binding before it lets the thread go: others would run on it.
func PinThread(cpu int) (undo func(), err error) {
	var old, set cpuSet
	if cpu < 0 || cpu >= len(set)*bits.UintSize {
		return nil, fmt.Errorf("pin to CPU %d: no such CPU", cpu)
	}
	set[cpu/bits.UintSize] |= 1 << (cpu % bits.UintSize)
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &old); err != nil {
		return nil, err
	}
	if err := affinity(syscall.SYS_SCHED_SETAFFINITY, &set); err != nil {
		return nil, fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	return func() { _ = affinity(syscall.SYS_SCHED_SETAFFINITY, &old) }, nil // what was allowed before
}

// affinity asks for the CPUs of the calling thread, or sets them.
func affinity(call uintptr, set *cpuSet) error {
	_, _, errno := syscall.RawSyscall(call, 0, unsafe.Sizeof(*set), uintptr(unsafe.Pointer(set)))
	if errno == 0 {
		return nil
	}
	if call == syscall.SYS_SCHED_GETAFFINITY {
		return os.NewSyscallError("sched_getaffinity", errno)
	}
	return os.NewSyscallError("sched_setaffinity", errno)
}

// AllowedCPUs lists the CPUs that the calling thread may run on, in ascending order.
func AllowedCPUs() ([]int, error) {
	var set cpuSet
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &set); err != nil {
		return nil, err
	}
	var cpus []int
	for cpu := range len(set) * bits.UintSize {
		if set[cpu/bits.UintSize]&(1<<(cpu%bits.UintSize)) != 0 {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
