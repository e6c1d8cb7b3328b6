//go:build linux

package uring

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Version is a kernel's version. What a kernel can do is probed, never told from its version: distributions
// carry changes in both directions. Versions are for people, for tests of the probes, and for defects that
// no probe can find.
type Version struct{ Major, Minor, Patch int }

// String is "6.18.44", without a patch level of 0.
func (v Version) String() string {
	if v.Patch == 0 {
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// Less compares two versions.
func (v Version) Less(w Version) bool {
	if v.Major != w.Major {
		return v.Major < w.Major
	}
	if v.Minor != w.Minor {
		return v.Minor < w.Minor
	}
	return v.Patch < w.Patch
}

// ParseVersion reads the start of a release as uname tells it: "6.8.0-45-generic", "5.14.0-503.el9.x86_64".
func ParseVersion(release string) (Version, error) {
	var n [3]int
	rest := release
	for i := range n {
		end := 0
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		x, err := strconv.Atoi(rest[:end])
		if err != nil {
			if i == 2 {
				break // "7.1-rc3"
			}
			return Version{}, fmt.Errorf("kernel release %q: %w", release, ErrArgument)
		}
		n[i] = x
		var dot bool
		rest, dot = strings.CutPrefix(rest[end:], ".")
		if !dot {
			if i == 0 {
				return Version{}, fmt.Errorf("kernel release %q: %w", release, ErrArgument)
			}
			break
		}
	}
	return Version{n[0], n[1], n[2]}, nil
}

// KernelRelease is the running kernel's release as uname tells it.
func KernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// KernelVersion is the running kernel's version.
func KernelVersion() (Version, error) { return ParseVersion(KernelRelease()) }
