//go:build !linux

package sys

import (
	"errors"
	"fmt"
	"runtime"
)

var errNoPinning = fmt.Errorf("pinning threads to CPUs on %s: %w", runtime.GOOS, errors.ErrUnsupported)

// PinThread fails: there is no way to pin a thread here.
func PinThread(...int) error { return errNoPinning }

// ThreadCPUs fails: there is no way to pin a thread here.
func ThreadCPUs() ([]int, error) { return nil, errNoPinning }

// ProcessCPUs are not known here.
func ProcessCPUs() []int { return nil }
