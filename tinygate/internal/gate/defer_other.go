//go:build !linux

package gate

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/unio-go/unio"
)

// setDeferAccept is refused: no other system has it.
func setDeferAccept(_ *unio.Listener, on bool) error {
	if on {
		return fmt.Errorf("%s cannot: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	return nil
}
