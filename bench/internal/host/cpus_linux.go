package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// ErrOneCPU says that a comparison cannot separate server and load.
var ErrOneCPU = errors.New("a comparison needs two CPUs: one for the servers, one for the load generator")

// ChooseCPUs picks the CPU of the servers and the CPU of the load generator among the allowed ones. Two
// threads of one core share its execution units, so the load goes to another core where there is one.
func ChooseCPUs() (server, load int, err error) {
	cpus, err := AllowedCPUs()
	if err != nil {
		return 0, 0, err
	}
	if len(cpus) < 2 {
		return 0, 0, ErrOneCPU
	}
	server = cpus[0]
	siblings := threadSiblings(server)
	for _, cpu := range cpus[1:] {
		if !slices.Contains(siblings, cpu) {
			return server, cpu, nil
		}
	}
	return server, cpus[1], nil
}

// threadSiblings lists the CPUs that share a core with cpu, itself included; empty where sysfs does not tell.
func threadSiblings(cpu int) []int {
	name := fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	list, err := parseCPUList(strings.TrimSpace(string(b)))
	if err != nil {
		return nil
	}
	return list
}

// parseCPUList reads the kernel's list format ("0-3,8"), described in cpuset(7).
func parseCPUList(s string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		lo, err := strconv.Atoi(first)
		if err != nil {
			return nil, fmt.Errorf("CPU list %q: %w", s, err)
		}
		hi := lo
		if isRange {
			if hi, err = strconv.Atoi(last); err != nil {
				return nil, fmt.Errorf("CPU list %q: %w", s, err)
			}
		}
		for cpu := lo; cpu <= hi; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
