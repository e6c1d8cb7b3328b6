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
