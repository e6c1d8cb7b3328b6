package randread

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// threadsEvery is the time between two looks at a process' threads.
const threadsEvery = 40 * time.Millisecond

// threadCount watches how many threads a process has.
type threadCount struct {
	threads, workers int // the most at a time: the process' own, and the kernel's
	kernel           map[string]bool
	done, gone       chan struct{}
}

// watchThreads begins to watch.
func watchThreads(pid int) *threadCount {
	c := &threadCount{kernel: map[string]bool{}, done: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(c.gone)
		for {
			c.look(pid)
			select {
			case <-c.done:
				return
			case <-time.After(threadsEvery):
			}
		}
	}()
	return c
}

// look counts once. Kernel threads of a ring are threads of the process, called iou-wrk-PID (io-wq) and iou-sqp-PID
// (IORING_SETUP_SQPOLL); what a thread is called is read once.
func (c *threadCount) look(pid int) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // it has ended
	}
	threads, workers := 0, 0
	for _, e := range entries {
		isKernel, known := c.kernel[e.Name()]
		if !known {
			comm, err := os.ReadFile(dir + "/" + e.Name() + "/comm")
			if err != nil {
				continue // it has just ended
			}
			isKernel = bytes.HasPrefix(comm, []byte("iou-"))
			c.kernel[e.Name()] = isKernel
		}
		if isKernel {
			workers++
		} else {
			threads++
		}
	}
	c.threads, c.workers = max(c.threads, threads), max(c.workers, workers)
}

// stop ends the watch.
func (c *threadCount) stop() {
	close(c.done)
	<-c.gone
}
