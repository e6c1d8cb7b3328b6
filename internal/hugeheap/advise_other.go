//go:build !linux

package hugeheap

import (
	"errors"
	"fmt"
	"runtime"
)

func available() error {
	return fmt.Errorf("%s gives none on demand: %w", runtime.GOOS, errors.ErrUnsupported)
}

func advise() error { return available() }
