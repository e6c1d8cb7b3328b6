package compare

import (
	"fmt"
	"io"
	"math"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/unio-go/unio/bench/internal/host"
)

// Sample is what one slice gave: one line of a raw file. Samples of the same name stand in the order of the
// rounds, as those of "go test -count" do.
type Sample struct {
	Contender
	Case
	Procs    int     // GOMAXPROCS of the server; 0: not a Go program
	Messages int     // messages answered
	CPUNs    float64 // CPU time of server and ksoftirqd per message
	PollerNs float64 // the part of it that was the kernel's threads that poll for submissions
	Enters   float64 // kernel entries per message; NaN: the contender does not count them
	Rate     float64 // messages per second
	P50      time.Duration
	P99      time.Duration
	P99_9    time.Duration
}

// Units of a raw line. benchstat understands the "ns" in them.
const (
	unitCPU    = "cpu-ns/msg"
	unitPoller = "poller-ns/msg"
	unitEnters = "enters/msg"
	unitRate   = "msg/s"
	unitP50    = "p50-ns"
	unitP99    = "p99-ns"
	unitP999   = "p99.9-ns"
)

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
	r := &benchfmt.Result{Name: benchfmt.Name(benchName(s.Contender, s.Case, s.Procs)), Iters: s.Messages}
	for _, f := range rw.facts {
		r.Config = append(r.Config, benchfmt.Config{Key: f.Key, Value: []byte(f.Value), File: true})
	}
	add := func(v float64, unit string) {
		if !math.IsNaN(v) {
			r.Values = append(r.Values, benchfmt.Value{Value: v, Unit: unit})
		}
	}
	add(round(s.CPUNs), unitCPU)
	if s.PollerNs > 0 {
		add(round(s.PollerNs), unitPoller)
	}
	add(round(s.Enters), unitEnters)
	add(math.Round(s.Rate), unitRate)
	add(float64(s.P50), unitP50)
	add(float64(s.P99), unitP99)
	add(float64(s.P99_9), unitP999)
	return rw.w.Write(r)
}

// round keeps four decimals, so that a raw file stays readable.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// ReadRaw reads the samples of a raw file. Lines that are no samples are skipped; a broken one is an error.
func ReadRaw(r io.Reader, name string) ([]Sample, error) {
	var samples []Sample
	in := benchfmt.NewReader(r, name)
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.Result:
			s, err := sampleOf(rec)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			samples = append(samples, s)
		case *benchfmt.SyntaxError:
			return nil, rec
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return nil, fmt.Errorf("%s holds no samples", name)
	}
	return samples, nil
}

func sampleOf(r *benchfmt.Result) (Sample, error) {
	s := Sample{Messages: r.Iters, Enters: math.NaN()}
	var err error
	if s.Contender, s.Case, s.Procs, err = parseBenchName(r.Name.String()); err != nil {
		return Sample{}, err
	}
	for _, v := range r.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" { // the reader turns "ns" into "sec"
			value, unit = v.OrigValue, v.OrigUnit
		}
		switch unit {
		case unitCPU:
			s.CPUNs = value
		case unitPoller:
			s.PollerNs = value
		case unitEnters:
			s.Enters = value
		case unitRate:
			s.Rate = value
		case unitP50:
			s.P50 = time.Duration(value)
		case unitP99:
			s.P99 = time.Duration(value)
		case unitP999:
			s.P99_9 = time.Duration(value)
		}
	}
	if s.CPUNs <= 0 {
		return Sample{}, fmt.Errorf("%s: no %s", r.Name, unitCPU)
	}
	return s, nil
}
