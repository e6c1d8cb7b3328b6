package compare

import (
	"slices"
	"testing"
)

func TestBenchNamesAreReadBack(t *testing.T) {
	cases := slices.Concat(Echo.Cases, Echo.Quick, HTTPSuite.Cases)
	for _, cs := range cases {
		for _, c := range Echo.Contenders {
			for _, procs := range []int{0, 1, 2} {
				name := benchName(c, cs, procs)
				gotC, gotCase, gotProcs, err := parseBenchName(name)
				if err != nil || gotC != c || gotCase != cs || gotProcs != procs {
					t.Errorf("%s: got %v %v %d, %v", name, gotC, gotCase, gotProcs, err)
				}
			}
		}
	}
}

func TestBenchNameSpelling(t *testing.T) {
	got := benchName(Contender{"uring", "recv"}, caseSmall, 2)
	if want := "Echo/engine=uring/api=recv/conns=50/size=64/depth=1-2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBrokenBenchNamesAreRefused(t *testing.T) {
	for _, name := range []string{
		"",
		"Other/engine=net/api=goroutine/conns=1/size=64/depth=1",
		"Echo/engine=net/api=goroutine/conns=1/size=64",
		"Echo/engine=net/api=goroutine/conns=1/size=64/depth=1/rate=half",
		"Echo/engine=net/api=goroutine/conns=x/size=64/depth=1",
		"Echo/engine=net/api=goroutine/conns=1/size=64/depth=1-0",
		"Echo/engine=net/api=goroutine/conns=1/size=64/depth=1/mood=good",
		"Echo/api=goroutine/conns=1/size=64/depth=1",
	} {
		if _, _, _, err := parseBenchName(name); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}

func TestCasesAreDistinct(t *testing.T) {
	seen := map[Case]bool{}
	for _, c := range slices.Concat(Echo.Cases, HTTPSuite.Cases) {
		if seen[c] {
			t.Errorf("%v stands twice", c)
		}
		seen[c] = true
	}
	for _, r := range rules() {
		if !seen[r.cs] {
			t.Errorf("the check speaks of %v, which is not measured", r.cs)
		}
	}
}
