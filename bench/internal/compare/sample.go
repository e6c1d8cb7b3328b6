package compare

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/unio-go/unio/bench/internal/raw"
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

// Units of a raw line.
const (
	unitCPU    = "cpu-ns/msg"
	unitPoller = "poller-ns/msg"
	unitEnters = "enters/msg"
	unitRate   = "msg/s"
	unitP50    = "p50-ns"
	unitP99    = "p99-ns"
	unitP999   = "p99.9-ns"
)

// line is the sample as a line of a raw file.
func (s Sample) line() raw.Line {
	l := raw.Line{Name: benchName(s.Contender, s.Case, s.Procs), Iters: s.Messages}
	l.Add(s.CPUNs, unitCPU)
	if s.PollerNs > 0 {
		l.Add(s.PollerNs, unitPoller)
	}
	l.Add(s.Enters, unitEnters)
	l.Add(math.Round(s.Rate), unitRate)
	l.Add(float64(s.P50), unitP50)
	l.Add(float64(s.P99), unitP99)
	l.Add(float64(s.P99_9), unitP999)
	return l
}

// ReadRaw reads the samples of a raw file. Lines that are no samples are skipped; a broken one is an error.
func ReadRaw(r io.Reader, name string) ([]Sample, error) {
	lines, _, err := raw.Read(r, name)
	if err != nil {
		return nil, err
	}
	var samples []Sample
	for _, l := range lines {
		s, err := sampleOf(l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		samples = append(samples, s)
	}
	if len(samples) == 0 {
		return nil, fmt.Errorf("%s holds no samples", name)
	}
	return samples, nil
}

func sampleOf(l raw.Line) (Sample, error) {
	s := Sample{Messages: l.Iters, Enters: math.NaN()}
	var err error
	if s.Contender, s.Case, s.Procs, err = parseBenchName(l.Name); err != nil {
		return Sample{}, err
	}
	for _, v := range l.Values {
		switch v.Unit {
		case unitCPU:
			s.CPUNs = v.Value
		case unitPoller:
			s.PollerNs = v.Value
		case unitEnters:
			s.Enters = v.Value
		case unitRate:
			s.Rate = v.Value
		case unitP50:
			s.P50 = time.Duration(v.Value)
		case unitP99:
			s.P99 = time.Duration(v.Value)
		case unitP999:
			s.P99_9 = time.Duration(v.Value)
		}
	}
	if s.CPUNs <= 0 {
		return Sample{}, fmt.Errorf("%s: no %s", l.Name, unitCPU)
	}
	return s, nil
}
