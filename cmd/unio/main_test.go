package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
)

func TestProbeText(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"probe"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	for _, want := range []string{"system", "engine", "why", "io_uring"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, &out)
		}
	}
}

func TestProbeJSON(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"probe", "-json"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	var f findings
	dec := json.NewDecoder(&out)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	if f.Report == nil || f.Report.Engine == "" || f.System != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("%+v", f)
	}
	if f.Uring.Usable == (len(f.Uring.InTheWay) > 0) {
		t.Errorf("usable %v, in the way %+v", f.Uring.Usable, f.Uring.InTheWay)
	}
	for _, x := range f.Uring.Features {
		if x.Answer != answerYes && x.Answer != answerNo && x.Answer != answerUnknown || x.Since == "" {
			t.Errorf("%+v", x)
		}
	}
}

// TestBadNewsIsTold: a wish that cannot be met is a finding, not a failure of the command.
func TestBadNewsIsTold(t *testing.T) {
	t.Setenv("UNIO_ENGINE", "no-such-engine")
	var out, errs bytes.Buffer
	if code := run([]string{"probe"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "no-such-engine") {
		t.Errorf("exit code %d:\n%s%s", code, &out, &errs)
	}
}

// TestSimIsForTests: the simulated engine is not in programs, and whoever wishes it is told where it is.
func TestSimIsForTests(t *testing.T) {
	t.Setenv("UNIO_ENGINE", "sim")
	var out, errs bytes.Buffer
	if code := run([]string{"probe"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "package uniotest") {
		t.Errorf("exit code %d:\n%s%s", code, &out, &errs)
	}
}

func TestObstaclesComeWithTheirCure(t *testing.T) {
	f := &findings{System: "linux/amd64", Kernel: "6.8.0", EngineError: "broken"}
	f.Uring.InTheWay = []obstacle{{"seccomp", "blocked by a profile", "allow the three calls"}}
	f.Uring.Features = []feature{{"x", "does x", "6.1", answerUnknown, "could not tell: no network"}}
	f.Uring.Defects = []defect{{"d", "does d wrongly", "do not", "", "somewhere"}}
	var out bytes.Buffer
	if err := f.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not usable", "blocked by a profile", "allow the three calls", "no network", "do not"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, &out)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
	}{
		{nil, 2},
		{[]string{"--help"}, 0},
		{[]string{"help"}, 0},
		{[]string{"frobnicate"}, 2},
		{[]string{"probe", "-help"}, 0},
		{[]string{"probe", "-frobnicate"}, 2},
		{[]string{"probe", "extra"}, 2},
	} {
		var out, errs bytes.Buffer
		if code := run(c.args, &out, &errs); code != c.code || out.Len()+errs.Len() == 0 {
			t.Errorf("%q: exit code %d, want %d, with %d bytes of text", c.args, code, c.code, out.Len()+errs.Len())
		}
	}
}
