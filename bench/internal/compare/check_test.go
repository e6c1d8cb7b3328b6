package compare

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goodRun keeps every bound.
func goodRun() []Sample {
	rounds := func(ns float64) []float64 { return []float64{ns, ns, ns} }
	var all []Sample
	for _, cs := range Echo.Cases {
		run := sampleRun(cs, map[Contender][]float64{
			uringRecv: rounds(700), epollRecv: rounds(750), uringGoroutine: rounds(790),
			contenderNet: rounds(1000), contenderGnet: rounds(1000),
			contenderCUring: rounds(740), contenderCEpoll: rounds(740),
		})
		for i := range run {
			if run[i].Contender == uringRecv {
				run[i].Enters = 0.5
			}
		}
		all = append(all, run...)
	}
	return all
}

func findingOf(t *testing.T, samples []Sample, cs Case, what string) Finding {
	t.Helper()
	for _, f := range Check(Summarise(samples)) {
		if f.Case == cs && f.What == what {
			return f
		}
	}
	t.Fatalf("no finding %q in %v", what, cs)
	return Finding{}
}

func TestCheckOfAGoodRun(t *testing.T) {
	var b bytes.Buffer
	broken, err := WriteCheck(&b, Check(Summarise(goodRun())))
	if err != nil || broken != 0 {
		t.Errorf("%d broken, %v:\n%s", broken, err, b.String())
	}
	if strings.Contains(b.String(), "not measured") {
		t.Errorf("a complete run leaves findings open:\n%s", b.String())
	}
	f := findingOf(t, goodRun(), caseSmall, "uring/recv of net")
	if f.Verdict() != "goal reached" {
		t.Errorf("%+v: %s", f, f.Verdict())
	}
}

func TestCheckSeesABrokenBound(t *testing.T) {
	samples := goodRun()
	for i := range samples {
		if s := &samples[i]; s.Contender == uringRecv && s.Case == caseSmall {
			s.CPUNs, s.Enters = 990, 1
		}
	}
	var b bytes.Buffer
	broken, err := WriteCheck(&b, Check(Summarise(samples)))
	if err != nil || broken != 4 { // of net, of gnet, of C, kernel entries
		t.Errorf("%d broken, %v:\n%s", broken, err, b.String())
	}
}

func TestBetterEngineNeedsOnlyOne(t *testing.T) {
	samples := goodRun()
	for i := range samples {
		if s := &samples[i]; s.Contender == uringRecv && s.Case == caseLarge {
			s.CPUNs = 2000
		}
	}
	if f := findingOf(t, samples, caseLarge, "better engine of net"); f.Broken() || f.Seen != 0.75 {
		t.Errorf("%+v", f)
	}
}

func TestCheckDoesNotJudgeWhatWasNotMeasured(t *testing.T) {
	samples := sampleRun(caseSmall, map[Contender][]float64{contenderNet: {1000}})
	for _, f := range Check(Summarise(samples)) {
		if f.Broken() || !math.IsNaN(f.Seen) || f.Verdict() != "not measured" {
			t.Errorf("%+v: %s", f, f.Verdict())
		}
	}
}

func TestGoalOfOneConnectionIsWhatCReaches(t *testing.T) {
	if f := findingOf(t, goodRun(), caseOne, "epoll/recv of net"); f.Goal != 0.74 {
		t.Errorf("%+v", f)
	}
}

func TestPlotIsDrawn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "plot.svg")
	if err := WritePlot(name, Summarise(goodRun())); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(b, []byte("<svg")) || !bytes.Contains(b, []byte("uring/recv")) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if err := WritePlot(name, nil); err == nil {
		t.Error("a plot of nothing is no error")
	}
}
