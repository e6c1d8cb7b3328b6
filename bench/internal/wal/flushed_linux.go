package wal

import (
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/trial"
)

// flushed counts the device's flushes beside a contender's records.
type flushed struct {
	trial.Program
	disk host.Disk
}

func (f *flushed) Slice(cs string, d time.Duration, verify bool) (trial.Slice, error) {
	before, _ := f.disk.Flushes()
	s, err := f.Program.Slice(cs, d, verify)
	if after, ok := f.disk.Flushes(); ok && after > before && err == nil {
		s.Values[unitFlush] = float64(s.Ops) / float64(after-before)
	}
	return s, err
}
