//go:build linux && !unio_noepoll

package epollengine

import (
	"runtime/debug"
	"strings"
)

// debugBuild reports whether the race detector or the build tag uniodebug is on.
func debugBuild() bool {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return false
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "-race" && s.Value == "true":
			return true
		case s.Key == "-tags" && strings.Contains(s.Value, "uniodebug"):
			return true
		}
	}
	return false
}
