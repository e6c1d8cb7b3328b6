package trial

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/raw"
	"github.com/unio-go/unio/bench/internal/rounds"
)

func samplesOf(contender string, values ...float64) (all []Sample) {
	for _, v := range values {
		all = append(all, Sample{"depth=1", contender, Slice{Ops: 10, Values: map[string]float64{"op/s": v, "cpu-ns/op": 1e6 / v}}})
	}
	return all
}

var toy = &Suite{
	Name: "Toy", File: "toy", Base: "plain", Legend: "what is what\n",
	Cases: []Case{
		{Name: "depth=1", Title: "one at a time", Contenders: []string{"fast", "plain"}},
		{Name: "depth=2", Title: "two at a time", Contenders: []string{"fast", "plain"}},
	},
	Columns: []Column{{Unit: "op/s", Head: "rate", Scale: 1, Spread: true, Ratio: true}, {Unit: "cpu-ns/op", Head: "CPU", Scale: 1e3, Decimals: 1}},
	Bounds: []Bound{
		{Case: "depth=1", Contender: "fast", Base: "plain", Unit: "op/s", AtLeast: 2},
		{Case: "depth=1", Contender: "fast", Base: "plain", Unit: "op/s", AtLeast: 5},
		{Case: "depth=1", Contender: "fast", Unit: "cpu-ns/op", AtMost: 3000},
		{Case: "depth=2", Contender: "fast", Unit: "cpu-ns/op", AtMost: 1},
	},
}

// Ratios are those of the same round; their median is neither that of the sums nor of the medians.
func TestTableAndCheck(t *testing.T) {
	samples := append(samplesOf("fast", 300, 4000, 500), samplesOf("plain", 100, 1000, 250)...)
	var out bytes.Buffer
	if err := toy.WriteTables(&out, samples); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"what is what", "one at a time", "500", "(300..4000)", "3.00", "of plain", "2.0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "two at a time") {
		t.Errorf("a case without samples has a table:\n%s", out.String())
	}
	out.Reset()
	broken, err := toy.WriteCheck(&out, samples)
	if err != nil || broken != 1 {
		t.Errorf("%d bounds are broken, %v:\n%s", broken, err, out.String())
	}
	for _, want := range []string{"holds", "BROKEN", "not measured", "at least 5.00", "at most 3000.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestSamplesAreReadBack(t *testing.T) {
	var file bytes.Buffer
	want := append(samplesOf("fast-1", 300, 400), samplesOf("plain", 100)...)
	for i := range want {
		want[i].Values["p50-ns"] = 12.5
	}
	out := raw.NewWriter(&file, nil)
	for _, s := range want {
		if err := out.Write(toy.line(s)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadRaw(bytes.NewReader(file.Bytes()), "raw", []*Suite{{Name: "Other"}, toy})
	if err != nil || got == nil || got.Suite != toy || len(got.Samples) != len(want) {
		t.Fatalf("%v %v from\n%s", got, err, file.String())
	}
	for i, s := range got.Samples {
		if s.Case != want[i].Case || s.Contender != want[i].Contender || s.Ops != want[i].Ops {
			t.Errorf("got %+v, want %+v", s, want[i])
		}
		for unit, v := range want[i].Values {
			if math.Abs(s.Values[unit]-v) > 1e-4 {
				t.Errorf("%s: got %v, want %v", unit, s.Values[unit], v)
			}
		}
	}
	if got, err := ReadRaw(bytes.NewReader(file.Bytes()), "raw", []*Suite{{Name: "Other"}}); got != nil || err != nil {
		t.Errorf("a file of another comparison: %v, %v", got, err)
	}
	if _, err := ReadRaw(strings.NewReader("BenchmarkToy/who=x 1 2 op/s\n"), "raw", []*Suite{toy}); err == nil {
		t.Error("a name without a contender: no error")
	}
}

func TestLimit(t *testing.T) {
	o := Options{Suite: toy, Plan: rounds.Plan{Rounds: 5, Slice: time.Second}}
	if err := o.Limit("depth=2", "none of them"); err != nil || len(o.Cases) != 1 || len(o.Cases[0].Contenders) != 1 ||
		o.Cases[0].Contenders[0] != "plain" {
		t.Errorf("%v, %v", o.Cases, err)
	}
	if len(toy.Cases[1].Contenders) != 2 {
		t.Error("the suite itself was limited")
	}
	for _, p := range [][2]string{{"depth=3", ""}, {"(", ""}, {"", "("}} {
		if err := o.Limit(p[0], p[1]); err == nil {
			t.Errorf("%q: no error", p)
		}
	}
	for _, bad := range []rounds.Plan{{Rounds: 4, Slice: time.Second}, {Quick: true, Slice: time.Second}, {Rounds: 5}} {
		if err := (&Options{Plan: bad}).Validate(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// program does what a test wants.
type program struct {
	slice  func(cs string, d time.Duration, verify bool) (Slice, error)
	closed bool
}

func (p *program) Slice(cs string, d time.Duration, verify bool) (Slice, error) {
	return p.slice(cs, d, verify)
}
func (p *program) Close() error { p.closed = true; return nil }

// A contender answers each request, an error is an answer, and it ends with its input.
func TestServeAnswers(t *testing.T) {
	p := &program{slice: func(cs string, d time.Duration, verify bool) (Slice, error) {
		if cs == "bad" {
			return Slice{}, io.ErrShortWrite
		}
		if d != 5 || !verify {
			t.Errorf("%v %v", d, verify)
		}
		return Slice{Ops: 7, Values: map[string]float64{"x": 1}}, nil
	}}
	s := *toy
	s.Start = func(contender, dir string) (Program, error) {
		if contender != "fast" || dir != "there" {
			t.Errorf("%q in %q", contender, dir)
		}
		return p, nil
	}
	var out bytes.Buffer
	in := strings.NewReader(`{"Case":"good","For":5,"Verify":true}` + "\n" + `{"Case":"bad","For":5}` + "\n")
	if err := Serve([]*Suite{&s}, []string{"toy", "fast", "there"}, in, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `"Ops":7`) || !strings.Contains(lines[2], io.ErrShortWrite.Error()) {
		t.Errorf("%q", lines)
	}
	if !p.closed {
		t.Error("the contender was not ended")
	}
	s.Start = func(string, string) (Program, error) { return nil, os.ErrPermission }
	out.Reset()
	if err := Serve([]*Suite{&s}, []string{"toy", "fast", ""}, strings.NewReader(""), &out); err != nil ||
		!strings.Contains(out.String(), os.ErrPermission.Error()) {
		t.Errorf("%q, %v", out.String(), err)
	}
	for _, args := range [][]string{{}, {"other", "fast", ""}} {
		if err := Serve([]*Suite{&s}, args, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// What cannot be started is no contender, and says why.
func TestProgramThatIsNone(t *testing.T) {
	if _, err := start(filepath.Join(t.TempDir(), "nowhere"), "toy", "fast", ""); err == nil {
		t.Error("no error")
	}
}
