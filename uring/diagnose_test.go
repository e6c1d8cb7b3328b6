//go:build linux

package uring

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDiagnose(t *testing.T) {
	clean := Evidence{Release: "6.18.1", Disabled: 0, Group: -1, Seccomp: 0, Memlock: ^uint64(0)}
	with := func(f func(*Evidence)) Evidence { e := clean; f(&e); return e }
	for _, c := range []struct {
		name  string
		errno unix.Errno
		e     Evidence
		want  Obstacle
		words string
	}{
		{"old kernel", unix.ENOSYS, with(func(e *Evidence) { e.Release = "4.19.0-27-amd64"; e.Seccomp = 2 }),
			ObstacleKernel, "5.1"},
		{"no config", unix.ENOSYS, clean, ObstacleKernel, "CONFIG_IO_URING"},
		{"podman", unix.ENOSYS, with(func(e *Evidence) { e.Seccomp = 2 }), ObstacleSeccomp, "Podman"},
		{"gvisor", unix.ENOSYS,
			with(func(e *Evidence) { e.ProcVersion = "Linux version 4.4.0 gVisor"; e.Release = "4.4.0" }),
			ObstacleGVisor, "gVisor"},
		{"sysctl 2", unix.EPERM, with(func(e *Evidence) { e.Disabled = 2; e.Seccomp = 2 }),
			ObstacleSysctl, "disabled=0"},
		{"sysctl 1", unix.EPERM, with(func(e *Evidence) { e.Disabled = 1 }), ObstacleSysctl, "CAP_SYS_ADMIN"},
		{"sysctl 1 with a group", unix.EPERM, with(func(e *Evidence) { e.Disabled = 1; e.Group = 991 }),
			ObstacleSysctl, "991"},
		{"docker", unix.EPERM, with(func(e *Evidence) { e.Seccomp = 2 }), ObstacleSeccomp, "seccomp"},
		{"docker, no sysctl", unix.EPERM, with(func(e *Evidence) { e.Seccomp = 2; e.Disabled = -1 }),
			ObstacleSeccomp, "Docker"},
		{"lsm", unix.EPERM, clean, ObstacleSecurity, "SELinux"},
		{"unreadable proc", unix.EPERM, with(func(e *Evidence) { e.Seccomp = -1; e.Disabled = -1 }),
			ObstacleSecurity, "module"},
		{"flags", unix.EINVAL, clean, ObstacleFlags, "6.18.1"},
		{"memlock", unix.ENOMEM, with(func(e *Evidence) { e.Memlock = 64 << 10 }), ObstacleMemlock, "64 KiB"},
		{"memlock of 0", unix.ENOMEM, with(func(e *Evidence) { e.Memlock = 0 }),
			ObstacleMemlock, "ulimit -l"},
		{"memory", unix.ENOMEM, clean, ObstacleMemory, "cgroup"},
		{"memory of root", unix.ENOMEM, with(func(e *Evidence) { e.Memlock = 8 << 20; e.IPCLock = true }),
			ObstacleMemory, "cgroup"},
		{"memory of root in a user namespace", unix.ENOMEM, with(func(e *Evidence) { e.Memlock = 8 << 20; e.IPCLock = true }),
			ObstacleMemory, "ulimit -l is 8192 KiB"},
		{"process table", unix.EMFILE, clean, ObstacleFiles, "ulimit -n"},
		{"system table", unix.ENFILE, clean, ObstacleFiles, "file-max"},
		{"lsm that denies access", unix.EACCES, clean, ObstacleSecurity, "SELinux"},
		{"profile that denies access", unix.EACCES, with(func(e *Evidence) { e.Seccomp = 2 }), ObstacleSeccomp, "seccomp"},
		{"other", unix.EXDEV, clean, ObstacleUnknown, "cross-device"},
	} {
		d := c.e.Diagnose(fmt.Errorf("making a ring: %w", setupError(c.errno, 0)))
		if d.Obstacle != c.want || !strings.Contains(d.String(), c.words) {
			t.Errorf("%s: %q %q, want %q with %q", c.name, d.Obstacle, d, c.want, c.words)
		}
	}
	if d := clean.Diagnose(registerError("FILES", unix.EACCES)); d.Obstacle != ObstaclePolicy {
		t.Errorf("restricted: %+v", d)
	}
	old := with(func(e *Evidence) { e.Release = "5.15.0-1-amd64" })
	for flags, words := range map[uint32]string{
		SetupSubmitAll: "use kernel 5.18 or newer",
		SetupSubmitAll | SetupSingleIssuer | SetupDeferTaskrun | SetupCqsize: "use kernel 6.1 or newer",
		SetupClamp: "use a newer kernel", // it should have that
		1 << 31:    "use a newer kernel",
	} {
		d := old.Diagnose(setupError(unix.EINVAL, flags))
		if d.Obstacle != ObstacleFlags || !strings.Contains(d.Reason, "5.15.0") || d.Cure != words {
			t.Errorf("flags %#x: %q, want %q", flags, d, words)
		}
	}
	if d := clean.Diagnose(nil); d != (Diagnosis{}) {
		t.Errorf("no error: %+v", d)
	}
	if d := clean.Diagnose(errors.New("else")); d.Obstacle != ObstacleUnknown {
		t.Errorf("no errno: %+v", d)
	}
	if d := Diagnose(setupError(unix.ENFILE, 0)); d.Obstacle != ObstacleFiles {
		t.Errorf("Diagnose: %+v", d)
	}
}

func TestEvidenceFromStatus(t *testing.T) {
	e := Evidence{Seccomp: -1}
	e.readStatus("Name:\tx\nCapEff:\t0000000000004000\nNoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n")
	if e.Seccomp != 2 || !e.IPCLock {
		t.Errorf("%+v", e)
	}
	e = Evidence{Seccomp: -1}
	e.readStatus("CapEff:\t00000000a80425fb\nSeccomp:\t\n")
	if e.Seccomp != -1 || e.IPCLock {
		t.Errorf("a container's root: %+v", e)
	}
}

func TestWarnings(t *testing.T) {
	if w := (Evidence{Memlock: 8 << 20, Disabled: -1}).Warnings(); len(w) != 1 || w[0].Obstacle != ObstacleMemlock {
		t.Errorf("8 MiB: %v", w)
	}
	if w := (Evidence{Memlock: 8 << 20, IPCLock: true, Disabled: 0}).Warnings(); len(w) != 0 {
		t.Errorf("the privileged: %v", w)
	}
	w := (Evidence{Memlock: ^uint64(0), Disabled: 1, Group: 5}).Warnings()
	if len(w) != 1 || !strings.Contains(w[0].Cure, "5") {
		t.Errorf("sysctl 1: %v", w)
	}
}

func TestGatherEvidence(t *testing.T) {
	e := GatherEvidence()
	if _, err := ParseVersion(e.Release); err != nil {
		t.Error(err)
	}
	if e.ProcVersion == "" || e.Seccomp < 0 {
		t.Logf("/proc is not readable here: %+v", e)
	}
}

func TestParseVersion(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Version
		ok   bool
	}{
		{"6.18.44-fc-v669", Version{6, 18, 44}, true},
		{"6.8.0-45-generic", Version{6, 8, 0}, true},
		{"5.14.0-503.el9.x86_64", Version{5, 14, 0}, true},
		{"7.1-rc3", Version{7, 1, 0}, true},
		{"7.1", Version{7, 1, 0}, true},
		{"6.6.87.2-microsoft-standard-WSL2", Version{6, 6, 87}, true},
		{"6", Version{}, false},
		{"", Version{}, false},
		{"x.y", Version{}, false},
	} {
		got, err := ParseVersion(c.in)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("ParseVersion(%q) = %v, %v", c.in, got, err)
		}
	}
}

func TestDefects(t *testing.T) {
	for _, c := range []struct {
		v    Version
		id   DefectID
		want bool
	}{
		{Version{6, 9, 12}, DefectRecvBundleOrder, false},
		{Version{6, 14, 8}, DefectRecvBundleOrder, true},
		{Version{6, 14, 9}, DefectRecvBundleOrder, true}, // repaired, but its neighbours may not be
		{Version{6, 16, 0}, DefectRecvBundleOrder, false},
		{Version{6, 15, 3}, DefectEventfdLength, false},
		{Version{6, 15, 4}, DefectEventfdLength, true},
		{Version{6, 15, 5}, DefectEventfdLength, false},
		{Version{6, 1, 150}, DefectMultishotOrder, true},
		{Version{6, 18, 44}, DefectMultishotOrder, false},
		{Version{6, 18, 44}, DefectWorkerSignals, true},
		{Version{6, 19, 0}, DefectWorkerSignals, false},
		{Version{9, 0, 0}, DefectSetupNomem, true},
		{Version{6, 18, 0}, "no such defect", false},
	} {
		if got := HasDefect(c.v, c.id); got != c.want {
			t.Errorf("HasDefect(%v, %s) = %v", c.v, c.id, got)
		}
	}
	seen := map[DefectID]bool{}
	for _, d := range defects {
		if seen[d.ID] || d.What == "" || d.Avoid == "" || d.Source == "" {
			t.Errorf("row %q is a duplicate or incomplete", d.ID)
		}
		if d.Until != (Version{}) && !d.From.Less(d.Until) {
			t.Errorf("row %q: empty range %v to %v", d.ID, d.From, d.Until)
		}
		seen[d.ID] = true
	}
	for _, d := range Defects(Version{6, 1, 0}) {
		if !HasDefect(Version{6, 1, 0}, d.ID) {
			t.Errorf("%s is listed and not had", d.ID)
		}
	}
}

// TestSetupFlagsAreInTheOrderOfTheirKernels: the newest of several is that of the highest bit.
func TestSetupFlagsAreInTheOrderOfTheirKernels(t *testing.T) {
	if got := uint32(1) << (len(setupFeatures) - 1); got != SetupSqRewind {
		t.Errorf("the last of the features is that of the flag %#x, want %#x", got, SetupSqRewind)
	}
	for bit, f := range setupFeatures[1:] {
		if before := setupFeatures[bit]; f.Since().Less(before.Since()) {
			t.Errorf("%v, of %v, comes behind %v, of %v", f, f.Since(), before, before.Since())
		}
	}
}

// TestFlagsThatDoNotGoTogether: the kernel refuses them as it does a flag that it does not know, for which a newer kernel would be
// the cure.
func TestFlagsThatDoNotGoTogether(t *testing.T) {
	need(t, FeatureDeferTaskrun, FeatureSqpoll, FeatureRegisteredFdOnly, FeatureHybridIopoll, FeatureCqeMixed)
	for flags, words := range map[uint32]string{
		SetupDeferTaskrun: "needs SetupSingleIssuer",
		SetupDeferTaskrun | SetupSingleIssuer | SetupSqpoll:    "not go with SetupSqpoll",
		SetupCoopTaskrun | SetupSqpoll:                         "not go with SetupSqpoll",
		SetupTaskrunFlag:                                       "needs SetupCoopTaskrun or SetupDeferTaskrun",
		SetupTaskrunFlag | SetupSingleIssuer:                   "needs SetupCoopTaskrun or SetupDeferTaskrun",
		SetupSqAff:                                             "needs SetupSqpoll",
		SetupHybridIopoll:                                      "needs SetupIopoll",
		SetupRegisteredFdOnly:                                  "needs SetupNoMmap",
		SetupCqeMixed | SetupCqe32:                             "not go with SetupCqe32",
		SetupCqeMixed | SetupCqe32 | SetupNoMmap | SetupSqe128: "not go with SetupCqe32",
	} {
		r, err := New(4, &Params{Flags: flags})
		if err == nil { // a later kernel takes them
			r.Close()
			continue
		}
		d := Diagnose(err)
		if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), words) {
			t.Errorf("%#x: %v, want %q", flags, err, words)
		}
		if d.Obstacle != ObstacleFlags || !strings.Contains(d.String(), words) || strings.Contains(d.String(), "newer") {
			t.Errorf("%#x: %s, want %q", flags, d, words)
		}
	}
	for _, flags := range []uint32{0, SetupSqpoll | SetupSqAff, SetupSingleIssuer | SetupDeferTaskrun | SetupTaskrunFlag, 1 << 31} {
		if text := brokenRule(flags); text != "" {
			t.Errorf("%#x: %s", flags, text)
		}
	}
}
