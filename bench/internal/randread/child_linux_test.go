package randread

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

const testSlice = 20 * time.Millisecond

// serve has a contender read a tiny set for a moment, in this process.
func serve(t *testing.T, l *Layout, c Contender, cs Case) (*result, error) {
	t.Helper()
	ask, err := json.Marshal(spec{Contender: c.String(), Case: cs.String(), Layout: *l, Warm: 5 * time.Millisecond,
		Slice: testSlice, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	if err := Serve(bytes.NewReader(ask), &answer); err != nil {
		return nil, err
	}
	var r result
	if err := json.Unmarshal(answer.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return &r, nil
}

// ours are the contenders that are programs of ours and run on this machine.
func ours(t *testing.T) (all []Contender) {
	for _, c := range Contenders() {
		if c.Engine == "fio" {
			continue
		}
		if err := available(c); err != nil {
			t.Logf("%v: %v", c, err)
			continue
		}
		all = append(all, c)
	}
	return all
}

// Every contender reads what it should, in every state of the cache, and tells figures that fit together.
func TestContendersRead(t *testing.T) {
	l := testSet(t)
	for _, cs := range []Case{
		{Cache: Direct, Depth: 8, Mode: ModeDefault}, {Cache: Mix90, Depth: 32, Mode: ModeDefault},
		{Cache: Cold, Depth: 8, Busy: true, Mode: ModeDefault},
	} {
		for _, c := range ours(t) {
			if c.fits(cs) != "" {
				continue
			}
			r, err := serve(t, l, c, cs)
			if err != nil {
				t.Errorf("%v, %v: %v", c, cs, err)
				continue
			}
			sum := 0
			for _, n := range r.Heat {
				sum += n
			}
			if r.Reads <= 0 || r.Elapsed < testSlice || r.CPUNs < 0 || sum < r.Reads || !cs.Busy && r.SpinsPerUs != 0 {
				t.Errorf("%v, %v: %+v, %d in the heat map", c, cs, r, sum)
			}
			for i := 1; i < len(r.Quantile); i++ {
				if r.Quantile[i] < r.Quantile[i-1] || r.Quantile[i] <= 0 {
					t.Errorf("%v, %v: quantiles %v", c, cs, r.Quantile)
				}
			}
		}
	}
}

// A contender whose data are not what was written does not win by it.
func TestWrongDataFailAContender(t *testing.T) {
	l := testSet(t)
	for i := range filesInSet {
		f, err := os.OpenFile(l.File(i), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, blockBytes)
		for b := range l.FileBlocks {
			putHeader(p, i+1, b)
			if _, err := f.WriteAt(p, b*blockBytes); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cs := Case{Cache: Cold, Depth: 8, Mode: ModeDefault}
	for _, c := range ours(t) {
		if r, err := serve(t, l, c, cs); err == nil || !strings.Contains(err.Error(), "not the block") {
			t.Errorf("%v: %+v, %v", c, r, err)
		}
	}
}

func TestSpecsThatMakeNoSense(t *testing.T) {
	l := testSet(t)
	for _, c := range []Contender{{"", "x"}, {"os", "mmap"}, {"uring", "telepathy"}} {
		if _, err := serve(t, l, c, caseCold); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
	if _, err := serve(t, l, contenderOS, Case{Cache: "warm", Depth: 1, Mode: ModeDefault}); err == nil {
		t.Error("no error")
	}
	if _, err := serve(t, &Layout{Dir: "/nowhere", FileBlocks: 9, HotBlocks: 1}, contenderOS, caseCold); err == nil {
		t.Error("no error")
	}
	if err := Serve(strings.NewReader("{"), new(bytes.Buffer)); err == nil {
		t.Error("no error")
	}
}

// A device without queues to poll refuses; where it does not, the mode can be measured.
func TestModesAreProbedByDoing(t *testing.T) {
	l := testSet(t)
	for _, mode := range []Mode{ModeIOPoll, ModeSQPoll} {
		err := probeMode(mode, l)
		t.Logf("%s: %v", mode, err)
		if err != nil && len(err.Error()) < 20 {
			t.Errorf("%s: %v: that is no reason", mode, err)
		}
	}
}

// The account of a slice from 1 ms to 2 ms, of a loop whose reads take 1 to 100 µs in turn, and of one that waits for its
// first read throughout the slice: the wait is a latency, though no read of that loop is among those of the slice.
func TestAccountOfASlice(t *testing.T) {
	const us = int64(time.Microsecond)
	s := &slice{spec: &spec{Warm: time.Millisecond, Slice: time.Millisecond}, from: 1000 * us, to: 2000 * us,
		prog: &program{loops: 2, reads: 3, perOp: 1}}
	s.tape.init(2, time.Millisecond)
	steady, starved := &worker{loops: make([]loop, 1)}, &worker{loops: make([]loop, 1)}
	now, inside := 990*us, 0
	steady.loops[0].track.before(now)
	for i := int64(0); now < 2000*us; i++ {
		if now += (1 + i%100) * us; now >= s.from {
			steady.loops[0].track.add(&s.tape, now)
			inside++
		} else {
			steady.loops[0].track.before(now)
		}
	}
	s.first.at, s.last.at = 1010*us, now
	s.last.usage.Utime.Usec = 60
	s.ended.Store(true)
	starved.loops[0].track.before(500 * us)
	starved.loops[0].track.add(&s.tape, 9500*us)
	r, err := s.account([]*worker{steady, starved})
	if err != nil {
		t.Fatal(err)
	}
	if r.Reads != 3*inside || r.Elapsed != time.Duration(now-1000*us) || r.Quantile[5] != 9*time.Millisecond {
		t.Errorf("%d reads, of %d, in %v, at most %v", r.Reads, 3*inside, r.Elapsed, r.Quantile[5])
	}
	// Between the accounts lie the reads but those that ended before 1010 µs.
	before := 0
	for end := range steady.loops[0].track.all() {
		if end <= s.first.at {
			before++
		}
	}
	if want := 60e3 / float64(3*(inside-before)); before == 0 || r.CPUNs != want {
		t.Errorf("%v ns of CPU per read, want %v", r.CPUNs, want)
	}
	// The steady loop's reads take 4 µs or so to 45 µs, one after the other.
	if p50 := r.Quantile[0]; p50 < 20*time.Microsecond || p50 > 30*time.Microsecond {
		t.Errorf("p50 %v", p50)
	}
	if n := r.Heat[[2]int{heatColumns - 1, heatRow(9 * time.Millisecond)}]; n != 3 {
		t.Errorf("the wait stands %d times in the heat map", n)
	}
}
