//go:build !linux

package trial

import (
	"context"
	"errors"
	"io"
)

// Run needs Linux: its contenders, and its accounts of CPU time and threads.
func Run(context.Context, Options, io.Writer) error {
	return errors.New("comparisons need Linux; show and check work on their raw files")
}
