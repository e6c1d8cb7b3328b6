package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/compare"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/nop"
	"github.com/unio-go/unio/bench/internal/proxies"
	"github.com/unio-go/unio/bench/internal/rounds"
	"github.com/unio-go/unio/bench/internal/trial"
)

// A run that was cancelled while its contenders were starting went on to start all of them, told some as left out, and left a raw file
// without a sample.
func TestARunThatIsCancelledWhileItStarts(t *testing.T) {
	runtime.LockOSThread() // as the runs do: children die with this thread
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	plan := rounds.Plan{Rounds: 5, Slice: 10 * time.Millisecond, OutDir: t.TempDir()}
	reverse := proxies.Options{Plan: plan}
	if err := reverse.Limit("", string(proxies.HTTPUtil)); err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func(out *bytes.Buffer) error{
		"echo": func(out *bytes.Buffer) error {
			return compare.Run(ctx, compare.Options{Plan: plan, Suite: compare.Echo, Cases: compare.Echo.Quick,
				Contenders: compare.Echo.Contenders}, out)
		},
		"proxies": func(out *bytes.Buffer) error { return proxies.Run(ctx, reverse, out) },
		"nop": func(out *bytes.Buffer) error {
			return trial.Run(ctx, trial.Options{Plan: plan, Suite: nop.Suite, Cases: nop.Suite.Cases, Dir: t.TempDir()}, out)
		},
	} {
		var out bytes.Buffer
		if err := run(&out); !errors.Is(err, context.Canceled) && !errors.Is(err, host.ErrOneCPU) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
		if left, err := os.ReadDir(plan.OutDir); err != nil || len(left) > 0 || bytes.Contains(out.Bytes(), []byte("left out")) {
			t.Errorf("%s: left %v, %v, and told:\n%s", name, left, err, &out)
		}
	}
}
