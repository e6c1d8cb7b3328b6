package randread

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/unio-go/unio/bench/internal/host"
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

// field is a figure of a sample and its unit in a raw file. benchstat understands the "ns" in them.
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

// RawWriter writes samples as a file in the Go benchmark format, headed by facts.
type RawWriter struct {
	w     *benchfmt.Writer
	facts []host.Fact
}

// NewRawWriter returns a writer that puts facts at the head of w.
func NewRawWriter(w io.Writer, facts []host.Fact) *RawWriter {
	return &RawWriter{w: benchfmt.NewWriter(w), facts: facts}
}

// Write appends one sample.
func (rw *RawWriter) Write(s Sample) error {
	r := &benchfmt.Result{Name: benchfmt.Name(benchName(s.Contender, s.Case)), Iters: s.Reads}
	for _, f := range rw.facts {
		r.Config = append(r.Config, benchfmt.Config{Key: f.Key, Value: []byte(f.Value), File: true})
	}
	for _, f := range fields {
		if v := f.get(&s); !math.IsNaN(v) {
			r.Values = append(r.Values, benchfmt.Value{Value: math.Round(v*1e4) / 1e4, Unit: f.unit})
		}
	}
	return rw.w.Write(r)
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
	run := &Record{}
	in := benchfmt.NewReader(r, name)
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.Result:
			s, err := sampleOf(rec)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if run.Samples = append(run.Samples, s); len(run.Samples) == 1 {
				for _, c := range rec.Config {
					run.Facts = append(run.Facts, host.Fact{Key: c.Key, Value: string(c.Value)})
				}
			}
		case *benchfmt.SyntaxError:
			return nil, rec
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
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

func sampleOf(r *benchfmt.Result) (s Sample, err error) {
	s = emptySample()
	if s.Contender, s.Case, err = parseBenchName(r.Name.String()); err != nil {
		return Sample{}, err
	}
	s.Reads = r.Iters
	for _, v := range r.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" { // the reader turns "ns" into "sec"
			value, unit = v.OrigValue, v.OrigUnit
		}
		for _, f := range fields {
			if f.unit == unit {
				f.set(&s, value)
			}
		}
	}
	if s.Rate <= 0 {
		return Sample{}, fmt.Errorf("%s: no %s", r.Name, unitRate)
	}
	return s, nil
}
