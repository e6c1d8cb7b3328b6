//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package unio

import (
	"os"

	"github.com/unio-go/unio/internal/vfscheck"
)

// tryLock says what lacks.
func tryLock(*os.File) error { return vfscheck.Unsupported("the system has no flock") }
