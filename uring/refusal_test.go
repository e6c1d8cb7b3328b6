//go:build linux

package uring

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/sandbox"
)

// refuseEnv tells a child process to be on a kernel that knows neither rings of buffers nor registered rings.
const refuseEnv = "UNIO_TEST_REFUSE_REGISTRATIONS"

// TestFeaturesThatNeedWhatTheKernelLacksAreLacking: what nobody can use without a ring of buffers, say, a kernel without those surely
// does not have.
func TestFeaturesThatNeedWhatTheKernelLacksAreLacking(t *testing.T) {
	need(t, FeatureSetup)
	cmd := exec.Command(os.Args[0], "-test.run=^TestRefusalChild$", "-test.v")
	cmd.Env = append(os.Environ(), refuseEnv+"=1")
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case strings.Contains(text, "no filter:"):
		t.Skipf("lacks: a kernel that takes seccomp filters: %s", text)
	case err != nil:
		t.Errorf("%v\n%s", err, text)
	}
}

// TestRefusalChild is the process that it starts.
func TestRefusalChild(t *testing.T) {
	if os.Getenv(refuseEnv) == "" {
		return // nobody has asked
	}
	if err := sandbox.Forbid(unix.SYS_ACCT, unix.EPERM); err != nil { // which nobody calls
		t.Logf("no filter: %v", err)
		return
	}
	for _, op := range []uint32{RegisterPbufRing, RegisterRingFds} {
		if err := sandbox.ForbidWith(unix.SYS_IO_URING_REGISTER, 1, op, unix.EINVAL); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []Feature{
		FeatureBufRing, FeatureBufRingInc, FeatureBufRingStatus, FeatureMultishotRecv, FeatureRecvLimit, FeatureReadMultishot,
		FeatureRecvBundle, FeatureSendBundle, FeatureRegisteredRing, FeatureRegRegRing,
	} {
		if err := f.Probe(); !errors.Is(err, ErrNotSupported) {
			t.Errorf("%v: %v, want: %v", f, err, ErrNotSupported)
		}
	}
}
