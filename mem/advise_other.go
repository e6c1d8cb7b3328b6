//go:build !linux

package mem

import (
	"errors"
	"fmt"
	"runtime"
)

// adviseMemory has nothing to ask for: no other system hands out huge pages unasked, or on demand.
func adviseMemory(_ []byte, huge bool) error {
	if huge {
		return fmt.Errorf("%s gives no huge pages on demand: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	return nil
}
