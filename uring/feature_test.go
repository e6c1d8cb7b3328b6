//go:build linux

package uring

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestProbesAgreeWithKernel holds each probe against the version that brought the feature: a no on a kernel
// that should have it is a broken probe (or a kernel built without it, which is worth knowing), a yes on an
// older one is a backport.
func TestProbesAgreeWithKernel(t *testing.T) {
	if err := FeatureSetup.Probe(); err != nil {
		t.Skipf("lacks: io_uring (%v)", err)
	}
	v, err := KernelVersion()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range All() {
		start := time.Now()
		err := f.Probe()
		took := time.Since(start)
		should := !v.Less(f.Since())
		switch {
		case errors.Is(err, ErrNotSupported) && should:
			t.Errorf("%v: %v, on %v, which is not older than %v", f, err, v, f.Since())
		case err == nil && !should:
			t.Logf("%v: works on %v although it came with %v", f, v, f.Since())
		case err != nil && !errors.Is(err, ErrNotSupported):
			t.Logf("%v: %v", f, err)
		}
		if again := f.Probe(); err == nil && again != nil || errors.Is(err, ErrNotSupported) && again != err {
			t.Errorf("%v: a certain answer was not kept: %v, then %v", f, err, again)
		}
		t.Logf("%-20v %-40v %v", f, err, took.Round(time.Microsecond))
	}
}

func TestFeatureTableIsComplete(t *testing.T) {
	names := map[string]bool{}
	for _, f := range All() {
		row := featureTable[f]
		if row.name == "" || row.probe == nil || row.what == "" || row.since == (Version{}) ||
			names[row.name] {
			t.Errorf("row %d (%q) is a duplicate or incomplete", f, row.name)
		}
		names[row.name] = true
	}
	if err := Feature(-1).Probe(); err == nil || errors.Is(err, ErrNotSupported) {
		t.Errorf("an unknown feature: %v", err)
	}
}

func TestJudge(t *testing.T) {
	no := func(err error) bool { return errors.Is(err, ErrNotSupported) }
	if judge(nil) != nil {
		t.Error("success is not a yes")
	}
	for _, e := range []unix.Errno{unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP} {
		if err := judge(setupError(e, 0)); !no(err) || !errors.Is(err, e) {
			t.Errorf("%v: %v", e, err)
		}
		if err := judge(prepared(setupError(e, 0))); err == nil || no(err) {
			t.Errorf("%v while preparing: %v, want: could not tell", e, err)
		}
	}
	if err := judge(withoutRing(registerError("QUERY", unix.EBADF))); !no(err) {
		t.Errorf("the descriptor of no ring: %v, want: no", err) // of kernels that look at it first
	}
	for _, e := range []unix.Errno{unix.EPERM, unix.ENOMEM, unix.EMFILE} {
		if err := judge(setupError(e, 0)); err == nil || no(err) {
			t.Errorf("%v: %v, want: could not tell", e, err)
		}
	}
}

// TestProbesLeakNothing: probes run at the start of every program.
func TestProbesLeakNothing(t *testing.T) {
	if err := FeatureSetup.Probe(); err != nil {
		t.Skipf("lacks: io_uring (%v)", err)
	}
	run := func() {
		for _, f := range All() {
			judge(runProbe(f.row().probe))
		}
	}
	run()
	before := countFds(t)
	run()
	if after := countFds(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func countFds(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("lacks: /proc")
	}
	return len(names)
}
