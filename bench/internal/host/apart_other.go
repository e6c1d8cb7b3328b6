//go:build !unix

package host

import "os/exec"

// Apart does nothing where processes have no groups.
func Apart(*exec.Cmd) {}
