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
// The caller has locked its goroutine to the thread.
func PinThread(cpu int) error {
	var set cpuSet
	if cpu < 0 || cpu >= len(set)*bits.UintSize {
		return fmt.Errorf("pin to CPU %d: no such CPU", cpu)
	}
	set[cpu/bits.UintSize] |= 1 << (cpu % bits.UintSize)
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(set),
		uintptr(unsafe.Pointer(&set)))
	if errno != 0 {
		return fmt.Errorf("pin to CPU %d: %w", cpu, os.NewSyscallError("sched_setaffinity", errno))
	}
	return nil
}

// AllowedCPUs lists the CPUs that the calling thread may run on, in ascending order.
func AllowedCPUs() ([]int, error) {
	var set cpuSet
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(set),
		uintptr(unsafe.Pointer(&set)))
	if errno != 0 {
		return nil, os.NewSyscallError("sched_getaffinity", errno)
	}
	var cpus []int
	for cpu := range len(set) * bits.UintSize {
		if set[cpu/bits.UintSize]&(1<<(cpu%bits.UintSize)) != 0 {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
