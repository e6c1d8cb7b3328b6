// Package raw writes and reads raw files: samples in the Go benchmark format, headed by facts of the machine and the run.
package raw

import (
	"io"
	"math"

	"golang.org/x/perf/benchfmt"

	"github.com/unio-go/unio/bench/internal/host"
)

// Line is a sample as a raw file has it. Lines of the same name stand in the order of the rounds, as those of "go test
// -count" do.
type Line struct {
	Name   string // without "Benchmark"
	Iters  int
	Values []Value
}

// Value is one figure. benchstat understands the "ns" in units.
type Value struct {
	Unit  string
	Value float64
}

// Add appends a figure, unless it is NaN: that is one which was not measured.
func (l *Line) Add(v float64, unit string) {
	if !math.IsNaN(v) {
		l.Values = append(l.Values, Value{unit, v})
	}
}

// Writer writes a raw file.
type Writer struct {
	w     *benchfmt.Writer
	facts []benchfmt.Config
}

// NewWriter returns a writer that puts facts at the head of w.
func NewWriter(w io.Writer, facts []host.Fact) *Writer {
	rw := &Writer{w: benchfmt.NewWriter(w)}
	for _, f := range facts {
		rw.facts = append(rw.facts, benchfmt.Config{Key: f.Key, Value: []byte(f.Value), File: true})
	}
	return rw
}

// Write appends a line. Values keep four decimals, so that a raw file stays readable.
func (w *Writer) Write(l Line) error {
	r := &benchfmt.Result{Name: benchfmt.Name(l.Name), Iters: l.Iters, Config: w.facts}
	for _, v := range l.Values {
		r.Values = append(r.Values, benchfmt.Value{Value: math.Round(v.Value*1e4) / 1e4, Unit: v.Unit})
	}
	return w.w.Write(r)
}

// Read gives the lines of a raw file, and the facts at its head. What is no line of a benchmark is skipped; a broken one is an
// error. name stands in errors.
func Read(r io.Reader, name string) (lines []Line, facts []host.Fact, err error) {
	in := benchfmt.NewReader(r, name)
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.Result:
			if lines = append(lines, lineOf(rec)); len(lines) > 1 {
				continue
			}
			for _, c := range rec.Config {
				facts = append(facts, host.Fact{Key: c.Key, Value: string(c.Value)})
			}
		case *benchfmt.SyntaxError:
			return nil, nil, rec
		}
	}
	return lines, facts, in.Err()
}

func lineOf(r *benchfmt.Result) Line {
	l := Line{Name: r.Name.String(), Iters: r.Iters}
	for _, v := range r.Values {
		if v.OrigUnit != "" { // the reader turns "ns" into "sec"
			v.Value, v.Unit = v.OrigValue, v.OrigUnit
		}
		l.Values = append(l.Values, Value{v.Unit, v.Value})
	}
	return l
}
