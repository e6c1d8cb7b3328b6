package hugeheap

import (
	"strconv"
	"strings"
)

// mapping is a line of /proc/PID/maps, proc_pid_maps(5).
type mapping struct {
	from, to uint64
	heap     bool // it may be of the Go heap: private memory for reading and writing that no file has
}

// parse reads a line.
func parse(line string) (m mapping, ok bool) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return m, false
	}
	from, to, _ := strings.Cut(f[0], "-")
	var err, err2 error
	m.from, err = strconv.ParseUint(from, 16, 64)
	m.to, err2 = strconv.ParseUint(to, 16, 64)
	if err != nil || err2 != nil || m.from >= m.to {
		return m, false
	}
	// Go names its mappings where the kernel was built with CONFIG_ANON_VMA_NAME.
	m.heap = f[1] == "rw-p" && f[4] == "0" && (len(f) == 5 || strings.HasPrefix(strings.Join(f[5:], " "), "[anon: Go: heap"))
	return m, true
}

// around gives the mappings of the heap of which one holds addr: the one that does, and those that follow each other without a gap
// before and behind it. The Go runtime lets its heap grow upwards from a place of its own; where it had to begin in another place,
// that part is not found.
func around(maps string, addr uint64) []mapping {
	var run []mapping
	holds := false
	for line := range strings.Lines(maps) {
		m, ok := parse(line)
		if ok && m.heap && len(run) > 0 && run[len(run)-1].to == m.from {
			run = append(run, m)
		} else {
			if holds {
				break
			}
			if run = run[:0]; ok && m.heap {
				run = append(run, m)
			}
		}
		holds = holds || ok && m.heap && m.from <= addr && addr < m.to
	}
	if !holds {
		return nil
	}
	return run
}
