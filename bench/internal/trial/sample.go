package trial

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/raw"
)

// Sample is what one slice gave: one line of a raw file. Samples of the same name stand in the order of the rounds.
type Sample struct {
	Case, Contender string
	Slice
}

// line is a sample as a line of a raw file.
func (s *Suite) line(x Sample) raw.Line {
	l := raw.Line{Name: s.Name + "/contender=" + x.Contender + "/" + x.Case, Iters: x.Ops}
	for _, unit := range slices.Sorted(maps.Keys(x.Values)) {
		l.Add(x.Values[unit], unit)
	}
	return l
}

// Record is what a raw file holds.
type Record struct {
	Suite   *Suite
	Facts   []host.Fact
	Samples []Sample
}

// ReadRaw reads a raw file of one of the suites. It gives nil when the file is of none of them.
func ReadRaw(r io.Reader, name string, suites []*Suite) (*Record, error) {
	lines, facts, err := raw.Read(r, name)
	if err != nil {
		return nil, err
	}
	var found *Record
	for _, l := range lines {
		title, rest, _ := strings.Cut(l.Name, "/")
		i := slices.IndexFunc(suites, func(s *Suite) bool { return s.Name == title })
		if i < 0 {
			return nil, nil
		}
		s, err := sampleOf(l, rest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if found == nil {
			found = &Record{Suite: suites[i], Facts: facts}
		}
		found.Samples = append(found.Samples, s)
	}
	return found, nil
}

func sampleOf(l raw.Line, rest string) (Sample, error) {
	contender, cs, ok := strings.Cut(strings.TrimPrefix(rest, "contender="), "/")
	if !ok || !strings.HasPrefix(rest, "contender=") {
		return Sample{}, fmt.Errorf("benchmark name %q: want contender=NAME/CASE", l.Name)
	}
	s := Sample{Case: cs, Contender: contender, Slice: Slice{Ops: l.Iters, Values: map[string]float64{}}}
	for _, v := range l.Values {
		s.Values[v.Unit] = v.Value
	}
	return s, nil
}
