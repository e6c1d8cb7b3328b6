package unio

import (
	"slices"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// Report says which engine a runtime uses and why.
type Report struct {
	Engine     Engine   `json:"engine"`
	Goroutines Engine   `json:"goroutines"` // what serves the connections that goroutines dial and accept
	Reason     string   `json:"reason"`
	Rejected   []string `json:"rejected,omitempty"` // the engines that would have been better, with reason and cure
	Kernel     string   `json:"kernel"`
	Features   []string `json:"features,omitempty"` // abilities of the kernel that the engine uses
	Avoided    []string `json:"avoided,omitempty"`  // defects of this kernel that the engine works around
	Loops      int      `json:"loops"`
	Limits     []string `json:"limits,omitempty"` // what is done in a slower way than it could, because of which limit, and the cure
	Files      string   `json:"files,omitempty"`  // what performs operations on files for goroutines; empty before the first
}

// Report tells what was chosen when the runtime was made.
func (rt *Runtime) Report() Report {
	caps := rt.loops[0].Caps()
	limits := rt.files.limits()
	for _, p := range rt.loops {
		if e, ok := p.Engine().(engine.Limited); ok {
			limits = append(limits, e.Limits()...)
		}
	}
	slices.Sort(limits)
	return Report{
		Engine: rt.choice.name, Goroutines: rt.choice.shared.name,
		Reason: rt.choice.reason, Rejected: rt.choice.rejected,
		Kernel: sys.KernelRelease(), Features: caps.Features, Avoided: caps.Avoided,
		Loops: len(rt.loops), Limits: slices.Compact(limits), Files: rt.files.describe(),
	}
}

// Stats are counters of a runtime since its start, and what is in use now. They are read without stopping anything, so
// they need not add up exactly while work goes on.
type Stats struct {
	Conns      int64 // connections open
	Tasks      int64 // tasks running or parked
	Turns      uint64
	Enters     uint64 // entries into the kernel for I/O
	Ops        uint64 // operations completed
	Multishots int64  // multishot requests armed
	Rearms     uint64 // multishot requests armed again
	NoBuffers  uint64 // receives that had to wait for a buffer
	Copied     uint64 // pieces copied because buffers were scarce
	Pending    int64  // operations in the kernel now
	Mails      uint64 // messages to loops from outside
	Panics     uint64 // panics recovered in tasks
	Stalls     uint64 // times that a task held its loop beyond the limit
	BatchWaits uint64 // entries that waited for further completions

	Files FileStats

	// BuffersOut are the buffers in use, and BufferBytes their memory. On uring those count that lie ready for receives, also
	// while nothing goes on: what has leaked shows when the runtime is closed, in Close's error, with mem.Pool.Outstanding, and in a
	// test with package uniotest.
	BuffersOut  int64
	BufferBytes int64
}

// FileStats are the counters of a runtime's files. Where a loop's ring serves its tasks, the entries into it are among Enters
// of Stats.
type FileStats struct {
	Open    int    // files open, and mappings
	Hits    uint64 // reads that found everything or something in the page cache
	Misses  uint64 // reads that asked the page cache in vain
	Ops     uint64 // operations completed, by rings and by threads
	Enters  uint64 // entries into the ring for goroutines, and system calls of threads
	Lone    uint64 // operations that found the ring empty and were done by a plain system call
	Fixed   uint64 // operations on registered memory
	Appends uint64 // records appended
	Syncs   uint64 // syncs for them
	Pending int64  // operations under way
}

// Stats adds up the counters of all loops.
func (rt *Runtime) Stats() Stats {
	var s Stats
	s.Files = rt.files.stats()
	for _, p := range rt.places() {
		s.Conns += p.conns.Load()
		s.addLoop(p)
		s.addEngine(p.Engine().Counters())
	}
	m := rt.pool.Stats()
	s.BuffersOut, s.BufferBytes = int64(m.Buffers), int64(m.InUseBytes)
	return s
}

func (s *Stats) addLoop(p *place) {
	c := &p.Counters
	s.Tasks += c.Tasks.Load()
	s.Turns += p.Turns()
	s.Mails += c.Mails.Load()
	s.Panics += c.Panics.Load()
	s.Stalls += c.Stalls.Load()
	s.BatchWaits += c.BatchWaits.Load()
}

func (s *Stats) addEngine(c *engine.Counters) {
	s.Enters += c.Enters.Load()
	s.Ops += c.Ops.Load()
	s.Multishots += c.Multishots.Load()
	s.Rearms += c.Rearms.Load()
	s.NoBuffers += c.NoBuffers.Load()
	s.Copied += c.Copied.Load()
	s.Pending += c.Pending.Load()
	s.Files.Ops += c.Files.Load()
	s.Files.Fixed += c.Fixed.Load()
}
