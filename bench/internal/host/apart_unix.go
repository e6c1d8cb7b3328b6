//go:build unix

package host

import (
	"os/exec"
	"syscall"
)

// Apart keeps a child from what a terminal sends to all processes before it: the interrupt of Ctrl-C is for this process to hear, which
// ends its children when it is ready. A child that gets a session of its own is apart already.
func Apart(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = !cmd.SysProcAttr.Setsid
}
