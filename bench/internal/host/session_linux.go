package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Session is the processes of a session (setsid(2)), called by the number of the process that began it. Command gives each of its
// children one, so it is the child and all that came from it.
type Session int

// Members are the processes that run. One that has ended is none, although nobody has waited for it yet.
func (s Session) Members() ([]int, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		// The name in parentheses may have any byte; behind it stand state, parent, group and session (proc_pid_stat(5)).
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 4 || string(fields[0]) == "Z" || string(fields[3]) != strconv.Itoa(int(s)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("session %d: %w", s, os.ErrProcessDone)
	}
	return pids, nil
}

// SleepingCPU waits until the session uses no CPU any more and returns the CPU time of its members, kernel workers and threads that
// have ended included, to the nanosecond. As that of a process, it is read as it is when it does not come to rest.
func (s Session) SleepingCPU() (time.Duration, error) {
	pids, err := s.Members()
	if err != nil {
		return 0, err
	}
	return atRest(func() (sum time.Duration, err error) {
		for _, pid := range pids {
			d, err := ProcessCPU(pid)
			if err != nil && !errors.Is(err, os.ErrProcessDone) {
				return 0, err
			}
			sum += d
		}
		return sum, nil
	})
}

// Resident is the memory of the session that is in RAM, in bytes. Pages that two members share count for both.
func (s Session) Resident() (sum int64, err error) {
	pids, err := s.Members()
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			continue // it has just ended
		}
		var size, resident int64 // in pages (proc_pid_statm(5))
		if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
			return 0, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		sum += resident * int64(os.Getpagesize())
	}
	return sum, nil
}
