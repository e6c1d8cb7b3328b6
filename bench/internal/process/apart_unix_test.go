//go:build unix

package process

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/unio-go/unio/bench/internal/host"
)

// An interrupt from the terminal killed the contenders before the run knew of it, which then blamed them for their end.
func TestATerminalDoesNotReachAChild(t *testing.T) {
	p := begin(t)
	if group, err := syscall.Getpgid(p.PID()); err != nil || group == syscall.Getpgrp() {
		t.Errorf("the child is in group %d, %v; this process is, too", group, err)
	}
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	host.Apart(cmd)
	if err := cmd.Run(); err != nil {
		t.Errorf("in a session of its own: %v", err)
	}
}
