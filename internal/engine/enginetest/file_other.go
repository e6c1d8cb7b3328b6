//go:build !linux

package enginetest

import (
	"errors"
	"os"
)

func openDirect(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func blockingPipe() (r, w *os.File, err error) { return nil, nil, errors.ErrUnsupported }
