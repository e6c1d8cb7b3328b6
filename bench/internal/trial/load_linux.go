package trial

import (
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/unio-go/unio/bench/internal/hist"
	"github.com/unio-go/unio/bench/internal/host"
)

// Load has workers call op again and again for d, each one call at a time and at least one, and counts. op is told which
// worker calls. The first error of each worker ends it, and the slice.
func Load(workers int, d time.Duration, op func(worker int) error) (Slice, error) {
	hists := make([]*hist.Hist, workers)
	errs := make(chan error, workers)
	for i := range hists {
		hists[i] = new(hist.Hist)
	}
	meter := StartMeter()
	end := meter.begin.Add(d)
	var group sync.WaitGroup
	for i, h := range hists {
		group.Go(func() {
			for t := time.Now(); h.Total() == 0 || t.Before(end); {
				if err := op(i); err != nil {
					errs <- err
					return
				}
				now := time.Now()
				h.Add(now.Sub(t))
				t = now
			}
		})
	}
	group.Wait()
	ops := 0
	for _, h := range hists {
		ops += int(h.Total())
	}
	s := meter.Stop(ops)
	close(errs)
	if err := <-errs; err != nil {
		return Slice{}, err
	}
	all := hists[0]
	for _, h := range hists[1:] {
		all.Merge(h)
	}
	for unit, q := range map[string]float64{UnitP50: 0.5, UnitP90: 0.9, UnitP99: 0.99, UnitP999: 0.999, UnitMax: 1} {
		s.Values[unit] = float64(all.Quantile(q))
	}
	return s, nil
}

// Meter measures what this process takes.
type Meter struct {
	begin time.Time
	cpu   time.Duration
}

// StartMeter begins to measure.
func StartMeter() *Meter { return &Meter{cpu: processCPU(), begin: time.Now()} }

// Stop ends it: CPU time and rate of ops operations, and the threads that there are.
func (m *Meter) Stop(ops int) Slice {
	wall, used := time.Since(m.begin), processCPU()-m.cpu
	s := Slice{Ops: ops, Values: map[string]float64{}}
	if ops > 0 {
		s.Values[UnitCPU] = float64(used) / float64(ops)
		s.Values[UnitRate] = float64(ops) / wall.Seconds()
	}
	if tasks, err := os.ReadDir("/proc/self/task"); err == nil {
		s.Values[UnitThreads] = float64(len(tasks))
	}
	return s
}

// processCPU is the CPU time of this process so far.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it fails for wrong arguments only
	}
	return host.UsageCPU(&u)
}
