package proxies

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/raw"
)

// Sample is what one slice gave: one line of a raw file. Samples of the same name stand in the order of the rounds. One that is
// void has no figure, but keeps its round's place.
type Sample struct {
	Contender
	Case
	Requests int     // answered
	CPUNs    float64 // CPU time per request, of all processes of the proxy, and of ksoftirqd
	Rate     float64 // requests a second
	P50      float64 // nanoseconds
	P99      float64
	P99_9    float64
	Resident float64 // bytes in RAM, of all processes of the proxy
	Errors   float64 // 1: something was wrong, and the sample is void
}

// void is the sample of a slice in which something was wrong.
func void(c Contender, cs Case) Sample {
	nan := math.NaN()
	return Sample{Contender: c, Case: cs, Requests: 1, CPUNs: nan, Rate: nan, P50: nan, P99: nan, P99_9: nan, Resident: nan, Errors: 1}
}

// fields are the figures of a raw line.
var fields = []struct {
	unit string
	at   func(*Sample) *float64
}{
	{"cpu-ns/req", func(s *Sample) *float64 { return &s.CPUNs }},
	{"req/s", func(s *Sample) *float64 { return &s.Rate }},
	{"p50-ns", func(s *Sample) *float64 { return &s.P50 }},
	{"p99-ns", func(s *Sample) *float64 { return &s.P99 }},
	{"p99.9-ns", func(s *Sample) *float64 { return &s.P99_9 }},
	{"resident-bytes", func(s *Sample) *float64 { return &s.Resident }},
	{"errors", func(s *Sample) *float64 { return &s.Errors }},
}

// line is the sample as a line of a raw file.
func (s *Sample) line() raw.Line {
	l := raw.Line{Name: benchName(s.Contender, s.Case), Iters: s.Requests}
	for _, f := range fields {
		l.Add(*f.at(s), f.unit)
	}
	return l
}

// IsRaw reports whether a raw file is one of ours.
func IsRaw(text []byte) bool { return bytes.Contains(text, []byte("\nBenchmark"+benchPrefix+"/")) }

// Record is what a raw file holds.
type Record struct {
	Samples []Sample
	Facts   []host.Fact // of the machine and the run
	Configs []host.Fact // by contender: how it was started
	Profile []host.Fact // by contender: where its CPU time went in the case Small, or why that is not known
}

// Keys of facts that belong to one contender begin so.
const (
	configKey  = "config-"
	profileKey = "profile-"
)

// quoted puts the lines of a text into one, as a raw file needs it.
func quoted(prefix string, of []host.Fact) (all []host.Fact) {
	for _, f := range of {
		all = append(all, host.Fact{Key: prefix + f.Key, Value: strconv.Quote(f.Value)})
	}
	return all
}

// keep puts a fact where it belongs.
func (r *Record) keep(f host.Fact) {
	for prefix, to := range map[string]*[]host.Fact{configKey: &r.Configs, profileKey: &r.Profile} {
		if name, is := strings.CutPrefix(f.Key, prefix); is {
			if text, err := strconv.Unquote(f.Value); err == nil {
				f.Value = text
			}
			*to = append(*to, host.Fact{Key: name, Value: f.Value})
			return
		}
	}
	r.Facts = append(r.Facts, f)
}

// ReadRaw reads a raw file. Lines that are no samples are skipped; a broken one is an error.
func ReadRaw(r io.Reader, name string) (*Record, error) {
	lines, facts, err := raw.Read(r, name)
	if err != nil {
		return nil, err
	}
	run := &Record{}
	for _, f := range facts {
		run.keep(f)
	}
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

func sampleOf(l raw.Line) (Sample, error) {
	c, cs, err := parseBenchName(l.Name)
	if err != nil {
		return Sample{}, err
	}
	s := void(c, cs)
	s.Requests = l.Iters
	for _, v := range l.Values {
		for _, f := range fields {
			if f.unit == v.Unit {
				*f.at(&s) = v.Value
			}
		}
	}
	if s.Errors == 0 && !(s.CPUNs > 0) {
		return Sample{}, fmt.Errorf("%s: no %s", l.Name, fields[0].unit)
	}
	return s, nil
}
