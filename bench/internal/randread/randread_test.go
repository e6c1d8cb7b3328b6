package randread

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/raw"
	"github.com/unio-go/unio/bench/internal/rounds"
)

var (
	caseDirect = Case{Cache: Direct, Depth: 32, Mode: ModeDefault}
	caseCold   = Case{Cache: Cold, Depth: 8, Mode: ModeDefault}
)

func TestNamesAreReadBack(t *testing.T) {
	for _, mode := range []Mode{ModeDefault, ModeIOPoll, ModeSQPoll} {
		for _, cs := range Cases(mode) {
			for _, c := range Contenders() {
				gotC, gotCase, err := parseBenchName(benchName(c, cs))
				if err != nil || gotC != c || gotCase != cs {
					t.Errorf("%s: %v, %v, %v", benchName(c, cs), gotC, gotCase, err)
				}
			}
		}
	}
	for _, name := range []string{
		"Echo/engine=net/api=goroutine/conns=1", "RandRead/engine=os", "RandRead/engine=os/api=readat/cache=warm/depth=1",
		"RandRead/engine=os/api=readat/cache=cold/depth=0", "RandRead/engine=os/api=readat/depth=1",
		"RandRead/engine=/api=readat/cache=cold/depth=1", "RandRead/engine=os/api=readat/cache=cold/depth=1/mode=fast",
	} {
		if _, _, err := parseBenchName(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestWhoHasAPart(t *testing.T) {
	for _, cs := range Cases(ModeDefault) {
		for _, c := range []Contender{uringReadAt, uringTask, uringBatch, contenderOS} {
			if why := c.fits(cs); why != "" {
				t.Errorf("%v, %v: %s", c, cs, why)
			}
		}
	}
	for _, c := range []struct {
		c    Contender
		cs   Case
		fits bool
	}{
		{contenderMmap, caseDirect, false}, {contenderMmap, caseCold, true}, {contenderFioMmap, caseDirect, false},
		{contenderFioFixed, caseDirect, true}, {contenderFioFixed, caseCold, false}, {contenderFio, caseCold, true},
		{uringReadAt, Case{Cache: Direct, Depth: 8, Mode: ModeSQPoll}, false},
		{uringTask, Case{Cache: Direct, Depth: 8, Mode: ModeSQPoll}, true},
		{uringTask, Case{Cache: Direct, Depth: 8, Mode: ModeIOPoll}, false},
		{contenderFio, Case{Cache: Direct, Depth: 8, Mode: ModeIOPoll}, true},
		{contenderFio, Case{Cache: Cold, Depth: 8, Mode: ModeIOPoll}, false},
	} {
		if why := c.c.fits(c.cs); (why == "") != c.fits {
			t.Errorf("%v, %v: %q", c.c, c.cs, why)
		}
	}
}

// sampleRun makes samples of one case: rates by contender and round; the CPU time is a second shared by the reads.
func sampleRun(cs Case, rates map[Contender][]float64) []Sample {
	var all []Sample
	for c, rounds := range rates {
		for _, rate := range rounds {
			s := emptySample()
			s.Contender, s.Case, s.Reads, s.Rate, s.CPUNs = c, cs, int(rate), rate, 1e9/rate
			s.P50, s.P90, s.P99, s.P99_9, s.P99_99, s.Max = 1000, 2000, 3000, 4000, 5000, 6000
			s.Threads, s.Workers = 5, 1
			all = append(all, s)
		}
	}
	return all
}

// A machine that changes its speed between two rounds must not change a ratio.
func TestRatiosAreTakenWithinARound(t *testing.T) {
	sums := Summarise(sampleRun(caseDirect, map[Contender][]float64{
		contenderOS: {1000, 4000, 1000}, uringReadAt: {2000, 8000, 2500},
	}))
	if len(sums) != 1 {
		t.Fatalf("%d cases", len(sums))
	}
	got := sums[0].Ratio(uringReadAt, contenderOS, rateOf)
	if got.Median != 2 || got.Min != 2 || got.Max != 2.5 {
		t.Errorf("%+v", got)
	}
	if sums[0].Ratio(uringReadAt, contenderMmap, rateOf).Known() {
		t.Error("there is a ratio to mmap, which was not measured")
	}
	if sums[0].Rows[0].Contender != uringReadAt {
		t.Errorf("the first row is %v", sums[0].Rows[0].Contender)
	}
}

func TestRawFileIsReadBack(t *testing.T) {
	want := sampleRun(caseDirect, map[Contender][]float64{contenderOS: {1000, 2000}})
	busy := Case{Cache: Cold, Depth: 32, Busy: true, Mode: ModeSQPoll}
	want = append(want, sampleRun(busy, map[Contender][]float64{contenderFioFixed: {2500}})...)
	want[0].Enters, want[1].SpinsPerUs, want[2].ProcessNs = 1.25, 17, 0.5
	want[1].CPUNs = math.NaN()
	var b bytes.Buffer
	out := raw.NewWriter(&b, []host.Fact{{Key: "kernel", Value: "6.18"}})
	for _, s := range want {
		if err := out.Write(s.line()); err != nil {
			t.Fatal(err)
		}
	}
	if !IsRaw(b.Bytes()) || IsRaw([]byte("kernel: 6\nBenchmarkEcho/engine=net 1 1 ns/op\n")) {
		t.Error("whose file it is was not seen")
	}
	got, err := ReadRaw(&b, "test")
	if err != nil || len(got.Samples) != len(want) {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(got.Facts) != 1 || got.Facts[0] != (host.Fact{Key: "kernel", Value: "6.18"}) {
		t.Errorf("facts %v", got.Facts)
	}
	for i := range want {
		for _, f := range fields {
			g, w := f.get(&got.Samples[i]), f.get(&want[i])
			if g != w && !(math.IsNaN(g) && math.IsNaN(w)) {
				t.Errorf("sample %d: %s: got %v, want %v", i, f.unit, g, w)
			}
		}
		if got.Samples[i].Contender != want[i].Contender || got.Samples[i].Case != want[i].Case {
			t.Errorf("sample %d: %v", i, got.Samples[i])
		}
	}
}

func TestBrokenRawFilesAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "kernel: 6.18\n", "BenchmarkSomethingElse 10 5 ns/op\n",
		"BenchmarkRandRead/engine=os/api=readat/cache=cold/depth=8 10 5 p50-ns\n",
	} {
		if got, err := ReadRaw(strings.NewReader(text), "test"); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestHeatRows(t *testing.T) {
	last := -1
	for d := time.Duration(1); d < 20*time.Second; d += d/20 + 1 {
		row := heatRow(d)
		if row < last || row >= heatRows {
			t.Fatalf("%v is in row %d, after %d", d, row, last)
		}
		last = row
	}
	if last != heatRows-1 || heatRow(0) != 0 || heatRow(time.Hour) != heatRows-1 {
		t.Errorf("the last row is %d", last)
	}
}

// Heat maps find their samples again, by name and round.
func TestHeatMapsAreReadBack(t *testing.T) {
	samples := sampleRun(caseDirect, map[Contender][]float64{contenderOS: {1000, 2000, 3000}})
	for i, share := range []float64{0, 0.5, 2} {
		var c heatCounter
		c.add(share, time.Duration(i+1)*time.Millisecond, 3+i)
		samples[i].Heat = c.heat()
	}
	samples[1].Heat = nil
	raw := filepath.Join(t.TempDir(), "x.txt")
	if err := writeHeat(HeatFile(raw), samples); err != nil {
		t.Fatal(err)
	}
	got := make([]Sample, len(samples))
	for i, s := range samples {
		got[i] = s
		got[i].Heat = nil
	}
	if err := ReadHeat(raw, got); err != nil {
		t.Fatal(err)
	}
	for i := range samples {
		if !reflect.DeepEqual(got[i].Heat, samples[i].Heat) {
			t.Errorf("round %d: %v, want %v", i, got[i].Heat, samples[i].Heat)
		}
	}
	if got[2].Heat[[2]int{heatColumns - 1, heatRow(3 * time.Millisecond)}] != 5 {
		t.Errorf("%v", got[2].Heat)
	}
	if err := ReadHeat(filepath.Join(t.TempDir(), "none.txt"), got); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(HeatFile(raw), []byte("no gzip"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ReadHeat(raw, got); err == nil {
		t.Error("a broken file of heat maps is no error")
	}
	for _, text := range []string{"[1,2]", "[99,1,1]", "[1,999,1]", "[1,1,-1]", "{}"} {
		if err := new(Heat).UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// What ended before the slice, in it and after it: the first is not counted, the last keeps its whole latency.
func TestTimesOnATape(t *testing.T) {
	var tp tape
	tp.init(1, time.Millisecond)
	var tr track
	for _, end := range []int64{10, 30} {
		tr.before(end)
	}
	var want [][2]int64
	last := int64(30)
	for i := range int64(3 * chunk) {
		end := last + 1 + i%7
		if !tr.add(&tp, end) {
			break
		}
		want = append(want, [2]int64{end, end - last})
		last = end
	}
	if tr.latency() != want[len(want)-1][1] {
		t.Errorf("latency %d", tr.latency())
	}
	i := 0
	for end, took := range tr.all() {
		if i >= len(want) || want[i] != [2]int64{end, took} {
			t.Fatalf("read %d: %d, %d", i, end, took)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d reads of %d", i, len(want))
	}
	for tp.take() != nil {
	}
	full := track{}
	if full.add(&tp, 1) {
		t.Error("a full tape takes more")
	}
}

func TestOptions(t *testing.T) {
	o := Options{Mode: ModeDefault}
	if err := o.Limit("direct", "uring|fio", ""); err != nil {
		t.Fatal(err)
	}
	if len(o.Cases) != 4 || len(o.Contenders) != 5+6 {
		t.Errorf("%v, %v", o.Cases, o.Contenders)
	}
	if err := o.Limit("", "", "1,64"); err != nil || o.Cases[0].Depth != 1 || o.Cases[1].Depth != 64 {
		t.Errorf("%v, %v", o.Cases, err)
	}
	for _, bad := range [][3]string{{"(", "", ""}, {"", "(", ""}, {"zzz", "", ""}, {"", "zzz", ""}, {"", "", "0"}, {"", "", "8,a"}} {
		if err := o.Limit(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	o.Mode = "fast"
	if err := o.Limit("", "", ""); err == nil {
		t.Error("mode fast is taken")
	}
	good := Options{Plan: rounds.Plan{Rounds: 5, Slice: time.Second}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Options{
		{Plan: rounds.Plan{Rounds: 4, Slice: time.Second}}, {Plan: rounds.Plan{Rounds: 0, Quick: true, Slice: time.Second}},
		{Plan: rounds.Plan{Rounds: 5, Slice: time.Millisecond}}, {Plan: rounds.Plan{Rounds: 5, Slice: time.Minute}},
		{Plan: rounds.Plan{Rounds: 5, Slice: time.Second}, Size: -1},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "4096": 4096, "3KiB": 3 << 10, "64MiB": 64 << 20, "8GiB": 8 << 30, "1TiB": 1 << 40} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "GiB", "-1", "8GB", "x", "9999999999999TiB"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("%q: %d", in, got)
		}
	}
}

// goodRun keeps every bound.
func goodRun() []Sample {
	var all []Sample
	for _, cs := range Cases(ModeDefault) {
		rates := map[Contender][]float64{
			uringReadAt: {2000, 2000}, uringTask: {2600, 2600}, uringBatch: {2600, 2600}, contenderOS: {900, 900},
			contenderFioFixed: {2000, 2000}, contenderFioBatch: {2500, 2500}, contenderMmap: {1900, 1900},
		}
		run := sampleRun(cs, rates)
		for i := range run {
			switch s := &run[i]; {
			case s.Contender == contenderOS:
				s.P99_9, s.P99 = 400*time.Millisecond, 10*time.Millisecond
			case cs.Cache == Cached:
				s.CPUNs = 1e9 / 900
			}
		}
		all = append(all, run...)
	}
	return all
}

func TestCheckOfAGoodRun(t *testing.T) {
	var b bytes.Buffer
	broken, err := WriteCheck(&b, Check(Summarise(goodRun())))
	if err != nil || broken != 0 || strings.Contains(b.String(), "not measured") {
		t.Errorf("%d broken, %v:\n%s", broken, err, b.String())
	}
}

// Every bound can be broken: a contender that is slow, costly and late, with many threads, breaks all of them.
func TestCheckSeesEveryBrokenBound(t *testing.T) {
	run := goodRun()
	for i := range run {
		s := &run[i]
		if s.Engine == "uring" {
			s.Rate, s.CPUNs, s.P99, s.P99_9, s.Workers = s.Rate/3, s.CPUNs*10, time.Second, time.Second, 4
		}
	}
	for _, f := range Check(Summarise(run)) {
		if !math.IsNaN(f.Bound) && (!f.Broken() || f.Verdict() != "BROKEN") {
			t.Errorf("%v, %s: %v holds against %v", f.Case, f.What, f.Seen, f.Bound)
		}
	}
}

func TestWhatWasNotMeasuredIsNotJudged(t *testing.T) {
	findings := Check(Summarise(sampleRun(caseCold, map[Contender][]float64{contenderOS: {1}})))
	for _, f := range findings {
		if f.Broken() || f.Verdict() != "not measured" {
			t.Errorf("%v, %s: %s", f.Case, f.What, f.Verdict())
		}
	}
	if len(findings) < 20 {
		t.Errorf("%d findings", len(findings))
	}
}

// A contender whose threads were not counted does not hide the one with too many.
func TestUncountedThreadsHideNone(t *testing.T) {
	run := sampleRun(caseDirect, map[Contender][]float64{uringReadAt: {1000}, uringTask: {1000}})
	for i := range run {
		if run[i].Threads = 50; run[i].Contender == uringTask {
			run[i].Threads, run[i].Workers = math.NaN(), math.NaN()
		}
	}
	findings := Check(Summarise(run))
	if f := findings[len(findings)-1]; f.Seen != 51 || f.Verdict() != "BROKEN" {
		t.Errorf("%s: %v, %s", f.What, f.Seen, f.Verdict())
	}
}

func TestTable(t *testing.T) {
	for _, s := range Summarise(goodRun()) {
		var b bytes.Buffer
		if err := WriteTable(&b, &s); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{s.Case.Title(), "uring/readat", "os/readat", "5+1", "of os"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q is missing in\n%s", want, b.String())
			}
		}
		if strings.Contains(b.String(), "enters") {
			t.Errorf("a column of nothing:\n%s", b.String())
		}
	}
}

// The report stands alone: nothing is fetched, and all that was measured is in it, beside what was published.
func TestReport(t *testing.T) {
	run := goodRun()
	for i := range run {
		var c heatCounter
		c.add(0.5, time.Millisecond, 10)
		c.add(0.7, time.Second, 1)
		run[i].Heat = c.heat()
	}
	base := filepath.Join(t.TempDir(), "report")
	if err := WriteReport(base, &Record{Samples: run, Facts: []host.Fact{{Key: "kernel", Value: "6.18 <&>"}}}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(base + ".html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<svg", "data:image/png;base64,", "uring/readat", "published: mmap_512", "here: uring/readat, 512", publishedURL, "6.18 &lt;&amp;&gt;",
		"is ahead of mmap", "90 % cached, 32 in flight", "10 ms", "What is promised", "round 2",
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, fetched := range []string{"<script", "src=", "<link", "url(", `href="http`} {
		if n := bytes.Count(page, []byte(fetched)); n > strings.Count(`<a href="http`, fetched) {
			t.Errorf("%d of %q", n, fetched)
		}
	}
	svg, err := os.ReadFile(base + ".svg")
	if err != nil || !bytes.HasPrefix(svg, []byte("<svg xmlns")) || !bytes.Contains(svg, []byte("uring/task")) {
		t.Errorf("%d bytes of drawing, %v", len(svg), err)
	}
}

// Io_uring's rate to mmap's as it was published: behind at each depth.
func TestPublishedRatios(t *testing.T) {
	for depth, want := range map[int]float64{8: 0.949, 32: 0.726, 512: 0.901} {
		if got := publishedRatio(depth); math.Abs(got-want) > 0.001 {
			t.Errorf("%d: %v", depth, got)
		}
	}
}
