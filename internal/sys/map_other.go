//go:build !unix

package sys

import (
	"errors"
	"os"
)

// Map is for Unix systems.
func Map(*os.File, int) (m []byte, own *os.File, err error) { return nil, nil, errors.ErrUnsupported }

// Unmap has nothing to end.
func Unmap([]byte, bool) error { return nil }
