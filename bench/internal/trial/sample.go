package trial

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/unio-go/unio/bench/internal/host"
)

// Sample is what one slice gave: one line of a raw file. Samples of the same name stand in the order of the rounds, as
// those of "go test -count" do.
type Sample struct {
	Case, Contender string
	Slice
}

// name is the sample's name in the Go benchmark format, without "Benchmark".
func (s *Suite) name(x Sample) string { return s.Name + "/contender=" + x.Contender + "/" + x.Case }

// rawWriter writes samples as a file in the Go benchmark format, headed by facts.
type rawWriter struct {
	suite *Suite
	w     *benchfmt.Writer
	facts []host.Fact
}

func newRawWriter(s *Suite, w io.Writer, facts []host.Fact) *rawWriter {
	return &rawWriter{suite: s, w: benchfmt.NewWriter(w), facts: facts}
}

func (rw *rawWriter) write(s Sample) error {
	r := &benchfmt.Result{Name: benchfmt.Name(rw.suite.name(s)), Iters: s.Ops}
	for _, f := range rw.facts {
		r.Config = append(r.Config, benchfmt.Config{Key: f.Key, Value: []byte(f.Value), File: true})
	}
	for _, unit := range slices.Sorted(maps.Keys(s.Values)) {
		r.Values = append(r.Values, benchfmt.Value{Value: round(s.Values[unit]), Unit: unit})
	}
	return rw.w.Write(r)
}

// round keeps four decimals, so that a raw file stays readable.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// ReadRaw reads a raw file of one of the suites. found is nil when the file is of none of them.
func ReadRaw(r io.Reader, name string, suites []*Suite) (found *Suite, samples []Sample, err error) {
	in := benchfmt.NewReader(r, name)
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.Result:
			title, rest, _ := strings.Cut(rec.Name.String(), "/")
			i := slices.IndexFunc(suites, func(s *Suite) bool { return s.Name == title })
			if i < 0 {
				return nil, nil, nil
			}
			s, err := sampleOf(rec, rest)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			found, samples = suites[i], append(samples, s)
		case *benchfmt.SyntaxError:
			return nil, nil, rec
		}
	}
	return found, samples, in.Err()
}

func sampleOf(r *benchfmt.Result, rest string) (Sample, error) {
	contender, cs, ok := strings.Cut(strings.TrimPrefix(rest, "contender="), "/")
	if !ok || !strings.HasPrefix(rest, "contender=") {
		return Sample{}, fmt.Errorf("benchmark name %q: want contender=NAME/CASE", r.Name)
	}
	s := Sample{Case: cs, Contender: contender, Slice: Slice{Ops: r.Iters, Values: map[string]float64{}}}
	for _, v := range r.Values {
		if v.OrigUnit != "" { // the reader turns "ns" into "sec"
			s.Values[v.OrigUnit] = v.OrigValue
		} else {
			s.Values[v.Unit] = v.Value
		}
	}
	return s, nil
}
