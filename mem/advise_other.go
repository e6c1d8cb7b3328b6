//go:build !linux

package mem

import "errors"

// adviseMemory has nothing to ask for: no other system hands out huge pages unasked, or on demand.
func adviseMemory(_ []byte, huge bool) error {
	if huge {
		return errors.ErrUnsupported
	}
	return nil
}
