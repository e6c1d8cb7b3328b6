package rounds

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
)

func TestPlansThatTellNothing(t *testing.T) {
	for _, c := range []struct {
		plan    Plan
		longest time.Duration
		wrong   string // what the error tells; empty: no error
	}{
		{Plan{Rounds: 5, Slice: 10}, 0, ""}, {Plan{Rounds: 1, Slice: 10, Quick: true}, 0, ""}, {Plan{Rounds: 5, Slice: 20}, 20, ""},
		{Plan{Rounds: 4, Slice: 10}, 0, "-rounds 4: at least 5, or -quick"}, {Plan{Slice: 10, Quick: true}, 0, "-rounds: at least 1"},
		{Plan{Rounds: 5, Slice: 9}, 0, "-slice 9ns: at least 10ns"}, {Plan{Rounds: 5, Slice: 9}, 20, "at least 10ns and at most 20ns"},
		{Plan{Rounds: 5, Slice: 21}, 20, "-slice 21ns: at least 10ns and at most 20ns"},
	} {
		err := c.plan.Validate(10, c.longest)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%+v: %v, want %q", c.plan, err, c.wrong)
		}
	}
}

func TestPatterns(t *testing.T) {
	byCase, byContender, err := Patterns("a|b", "")
	if err != nil || !byCase.MatchString("b") || byCase.MatchString("c") || !byContender.MatchString("all") {
		t.Errorf("%v, %v, %v", byCase, byContender, err)
	}
	for _, bad := range [][2]string{{"(", ""}, {"", "("}} {
		if _, _, err := Patterns(bad[0], bad[1]); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestFactsOfAPlan(t *testing.T) {
	p := Plan{Rounds: 5, Slice: time.Second, Seed: 7}
	want := []host.Fact{{Key: "rounds", Value: "5"}, {Key: "slice", Value: "1s"}, {Key: "seed", Value: "7"}}
	if got := p.Facts(); !reflect.DeepEqual(got, want) || p.Warning() != nil {
		t.Errorf("%v, %v", got, p.Warning())
	}
	if p.Quick = true; len(p.Warning()) != 1 {
		t.Error("a first look is not told from a run")
	}
}

func TestRawFilesAreCalledByComparisonAndTime(t *testing.T) {
	p := Plan{OutDir: filepath.Join(t.TempDir(), "new")}
	f, err := p.Create("toy")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stamp, ok := strings.CutPrefix(Base(filepath.Base(f.Name())), "toy-")
	if _, err := time.Parse("20060102-150405", stamp); err != nil || !ok {
		t.Errorf("%s: %v", f.Name(), err)
	}
	p.OutDir = f.Name()
	if _, err := p.Create("toy"); err == nil {
		t.Error("a file for a directory: no error")
	}
}

func TestConclusions(t *testing.T) {
	check := func(broken int, err error) func(io.Writer) (int, error) {
		return func(w io.Writer) (int, error) { fmt.Fprint(w, "checked"); return broken, err }
	}
	for _, c := range []struct {
		plan    Plan
		check   func(io.Writer) (int, error)
		failed  []string
		out     string
		failure []string // what the error tells; none: no error
	}{
		{Plan{}, check(3, nil), nil, "", nil},
		{Plan{Check: true}, check(0, nil), nil, "\nchecked", nil},
		{Plan{Check: true}, check(3, nil), []string{"a", "b"}, "\nchecked", []string{"3 bounds are broken", "\n  a\n  b"}},
		{Plan{Check: true}, check(0, os.ErrClosed), nil, "\nchecked", []string{os.ErrClosed.Error()}},
		{Plan{}, check(0, nil), []string{"a"}, "", []string{"contenders failed"}},
	} {
		var out bytes.Buffer
		err := c.plan.Conclude(&out, c.check, c.failed)
		if (err != nil) != (c.failure != nil) || out.String() != c.out {
			t.Errorf("%+v: %v, %q", c, err, out.String())
		}
		for _, want := range c.failure {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing in %v", want, err)
			}
		}
	}
}

func TestALineThatGoesNowhere(t *testing.T) {
	(&Plan{Terminal: true}).Line().Note("%s", "nobody reads it")
}
