package compare

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/figures"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/raw"
)

// sampleRun makes samples of one case: CPU time by contender and round.
func sampleRun(cs Case, cpu map[Contender][]float64) []Sample {
	var all []Sample
	for c, rounds := range cpu {
		procs := 1
		if c.InC() {
			procs = 0
		}
		for _, ns := range rounds {
			all = append(all, Sample{
				Contender: c, Case: cs, Procs: procs, Messages: 1000,
				CPUNs: ns, Enters: math.NaN(), Rate: 1e9 / ns,
				P50: 10 * time.Microsecond, P99: 20 * time.Microsecond, P99_9: 30 * time.Microsecond,
			})
		}
	}
	return all
}

// A machine that changes its speed between two rounds must not change a ratio.
func TestRatiosAreTakenWithinARound(t *testing.T) {
	sums := Summarise(sampleRun(caseSmall, map[Contender][]float64{
		contenderNet:    {1000, 2000, 1000},
		contenderCUring: {500, 1000, 500},
		uringRecv:       {750, 1500, 800},
	}))
	if len(sums) != 1 {
		t.Fatalf("%d cases", len(sums))
	}
	r := sums[0].Row(uringRecv)
	if want := (figures.Spread{Median: 0.75, Min: 0.75, Max: 0.8}); r.VsNet != want {
		t.Errorf("of net: got %v, want %v", r.VsNet, want)
	}
	if want := (figures.Spread{Median: 1.5, Min: 1.5, Max: 1.6}); r.VsFloor != want {
		t.Errorf("of C: got %v, want %v", r.VsFloor, want)
	}
	if sums[0].Rows[0].Contender != uringRecv {
		t.Errorf("the first row is %v", sums[0].Rows[0].Contender)
	}
}

// Each contender is shown at the GOMAXPROCS that suits it better, by all rounds.
func TestTheBetterGOMAXPROCSIsShown(t *testing.T) {
	var samples []Sample
	for procs, rounds := range map[int][]float64{1: {500, 900, 900}, 2: {800, 700, 800}} {
		for _, s := range sampleRun(caseSmall, map[Contender][]float64{uringRecv: rounds}) {
			s.Procs = procs
			samples = append(samples, s)
		}
	}
	r := Summarise(samples)[0].Row(uringRecv)
	if want := (figures.Spread{Median: 800, Min: 700, Max: 800}); r.Procs != 2 || r.CPUNs != want {
		t.Errorf("GOMAXPROCS %d, %v; want 2, %v", r.Procs, r.CPUNs, want)
	}
}

func TestRawFileIsReadBack(t *testing.T) {
	want := sampleRun(caseSmall, map[Contender][]float64{contenderNet: {1000.5, 2000}})
	want = append(want, sampleRun(caseOpen, map[Contender][]float64{contenderCEpoll: {300}})...)
	want[2].Enters = 2.25
	var b bytes.Buffer
	out := raw.NewWriter(&b, []host.Fact{{Key: "kernel", Value: "6.18"}})
	for _, s := range want {
		if err := out.Write(s.line()); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(b.String(), "kernel: 6.18\n") || strings.Count(b.String(), "kernel:") != 1 {
		t.Errorf("head of the file:\n%s", b.String())
	}
	got, err := ReadRaw(&b, "test")
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	for i := range got {
		g, w := got[i], want[i]
		if math.IsNaN(g.Enters) != math.IsNaN(w.Enters) {
			t.Errorf("enters: got %v, want %v", g.Enters, w.Enters)
		}
		w.Rate = math.Round(w.Rate)
		if math.IsNaN(w.Enters) {
			g.Enters, w.Enters = 0, 0
		}
		if g != w {
			t.Errorf("sample %d: got %+v, want %+v", i, g, w)
		}
	}
}

func TestBrokenRawFilesAreRefused(t *testing.T) {
	for _, text := range []string{
		"",
		"kernel: 6.18\n",
		"BenchmarkSomethingElse 10 5 ns/op\n",
		"BenchmarkEcho/engine=net/api=goroutine/conns=1/size=64/depth=1-1 10 5 msg/s\n",
	} {
		if got, err := ReadRaw(strings.NewReader(text), "test"); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestTableNamesEveryContender(t *testing.T) {
	cpu := map[Contender][]float64{}
	for _, c := range Echo.Contenders {
		cpu[c] = []float64{1000, 1100}
	}
	for _, s := range Summarise(sampleRun(caseSmall, cpu)) {
		var b bytes.Buffer
		if err := WriteTable(&b, s); err != nil {
			t.Fatal(err)
		}
		for _, c := range Echo.Contenders {
			if !strings.Contains(b.String(), c.String()) {
				t.Errorf("%v is missing in\n%s", c, b.String())
			}
		}
	}
}
