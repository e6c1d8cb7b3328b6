//go:build linux && !unio_nouring

package uringengine

import (
	"testing"

	"github.com/unio-go/unio/uring"
)

// TestDefectsOfRingsThatAreNewerThanTheirKernel: an engine works only on what 6.1 brought, so that a kernel of RHEL 9 has rings from later
// on, in which a multishot accept can lose a connection.
func TestDefectsOfRingsThatAreNewerThanTheirKernel(t *testing.T) {
	for release, has := range map[string]bool{
		"5.14.0-503.el9.x86_64": true,
		"5.15.0-1-amd64":        true,
		"6.1.0-27-amd64":        true,
		"6.14.8":                true,
		"6.15.0":                false,
		"7.1":                   false,
	} {
		v, err := ringVersion(release)
		if got := uring.HasDefect(v, uring.DefectAcceptLost); err != nil || got != has {
			t.Errorf("%s: %v that accepts are lost, %v, want %v", release, got, err, has)
		}
	}
	if _, err := ringVersion("unknown"); err == nil {
		t.Error(errNone)
	}
}
