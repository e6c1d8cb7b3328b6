package randread

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/raw"
)

// Sample is what one slice gave: one line of a raw file. Samples of the same name stand in the order of the rounds. A
// figure that the contender does not have is NaN.
type Sample struct {
	Contender
	Case
	Reads      int     // completed within the slice
	Rate       float64 // reads per second
	CPUNs      float64 // CPU time per read, of all threads, kernel workers included; fio: its own account
	ProcessNs  float64 // fio: the same by the process' resource usage
	P50        time.Duration
	P90        time.Duration
	P99        time.Duration
	P99_9      time.Duration
	P99_99     time.Duration
	Max        time.Duration
	Threads    float64 // the most threads of the process at a time, without those of the kernel
	Workers    float64 // the most threads of the kernel in the process at a time
	Enters     float64 // system calls per read
	Switches   float64 // context switches per read
	SpinsPerUs float64 // what the computing goroutines have got done: turns of a loop per microsecond
	Heat       Heat
}

// field is a figure of a sample and its unit in a raw file.
type field struct {
	unit string
	get  func(*Sample) float64
	set  func(*Sample, float64)
}

// floatField and timeField make fields.
func floatField(unit string, at func(*Sample) *float64) field {
	return field{unit, func(s *Sample) float64 { return *at(s) }, func(s *Sample, v float64) { *at(s) = v }}
}

func timeField(unit string, at func(*Sample) *time.Duration) field {
	return field{unit, func(s *Sample) float64 { return float64(*at(s)) },
		func(s *Sample, v float64) { *at(s) = time.Duration(v) }}
}

// unitRate is the unit that every sample has.
const unitRate = "read/s"

// fields are the figures of a raw line.
var fields = []field{
	floatField(unitRate, func(s *Sample) *float64 { return &s.Rate }),
	floatField("cpu-ns/read", func(s *Sample) *float64 { return &s.CPUNs }),
	floatField("process-cpu-ns/read", func(s *Sample) *float64 { return &s.ProcessNs }),
	timeField("p50-ns", func(s *Sample) *time.Duration { return &s.P50 }),
	timeField("p90-ns", func(s *Sample) *time.Duration { return &s.P90 }),
	timeField("p99-ns", func(s *Sample) *time.Duration { return &s.P99 }),
	timeField("p99.9-ns", func(s *Sample) *time.Duration { return &s.P99_9 }),
	timeField("p99.99-ns", func(s *Sample) *time.Duration { return &s.P99_99 }),
	timeField("max-ns", func(s *Sample) *time.Duration { return &s.Max }),
	floatField("threads", func(s *Sample) *float64 { return &s.Threads }),
	floatField("kernel-threads", func(s *Sample) *float64 { return &s.Workers }),
	floatField("enters/read", func(s *Sample) *float64 { return &s.Enters }),
	floatField("switches/read", func(s *Sample) *float64 { return &s.Switches }),
	floatField("spins/us", func(s *Sample) *float64 { return &s.SpinsPerUs }),
}

// line is the sample as a line of a raw file.
func (s *Sample) line() raw.Line {
	l := raw.Line{Name: benchName(s.Contender, s.Case), Iters: s.Reads}
	for _, f := range fields {
		l.Add(f.get(s), f.unit)
	}
	return l
}

// IsRaw reports whether a raw file is one of ours.
func IsRaw(text []byte) bool { return bytes.Contains(text, []byte("\nBenchmark"+benchPrefix+"/")) }

// Record is what a raw file holds: samples, and the facts that head it.
type Record struct {
	Samples []Sample
	Facts   []host.Fact
}

// ReadRaw reads a raw file. Lines that are no samples are skipped; a broken one is an error.
func ReadRaw(r io.Reader, name string) (*Record, error) {
	lines, facts, err := raw.Read(r, name)
	if err != nil {
		return nil, err
	}
	run := &Record{Facts: facts}
	for _, l := range lines {
		s, err := sampleOf(l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		run.Samples = append(run.Samples, s)
	}
	if len(run.Samples) == 0 {
		return nil, fmt.Errorf("%s holds no samples", name)
	}
	return run, nil
}

// emptySample has no figure.
func emptySample() Sample {
	nan := math.NaN()
	return Sample{CPUNs: nan, ProcessNs: nan, Threads: nan, Workers: nan, Enters: nan, Switches: nan, SpinsPerUs: nan}
}

func sampleOf(l raw.Line) (s Sample, err error) {
	s = emptySample()
	if s.Contender, s.Case, err = parseBenchName(l.Name); err != nil {
		return Sample{}, err
	}
	s.Reads = l.Iters
	for _, v := range l.Values {
		for _, f := range fields {
			if f.unit == v.Unit {
				f.set(&s, v.Value)
			}
		}
	}
	if s.Rate <= 0 {
		return Sample{}, fmt.Errorf("%s: no %s", l.Name, unitRate)
	}
	return s, nil
}
