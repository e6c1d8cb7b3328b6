package main

import (
	"testing"

	"github.com/unio-go/unio/uring"
)

// TestDefectsOfBackportedRingsAreTold: the defects that a kernel has came with its rings, which may be newer than its version.
func TestDefectsOfBackportedRingsAreTold(t *testing.T) {
	rhel9 := func(x uring.Feature) bool { return !(uring.Version{Major: 6, Minor: 8}).Less(x.Since()) }
	none := func(uring.Feature) bool { return false }
	for _, c := range []struct {
		is, want uring.Version
		have     func(uring.Feature) bool
	}{
		{uring.Version{Major: 5, Minor: 14}, uring.Version{Major: 6, Minor: 8}, rhel9},
		{uring.Version{Major: 6, Minor: 8, Patch: 12}, uring.Version{Major: 6, Minor: 8, Patch: 12}, rhel9},
		{uring.Version{Major: 6, Minor: 18, Patch: 4}, uring.Version{Major: 6, Minor: 18, Patch: 4}, rhel9},
		{uring.Version{Major: 5, Minor: 14}, uring.Version{Major: 5, Minor: 14}, none},
	} {
		if got := ringVersion(c.is, c.have); got != c.want {
			t.Errorf("a kernel %v has the rings of %v, want %v", c.is, got, c.want)
		}
	}
}
