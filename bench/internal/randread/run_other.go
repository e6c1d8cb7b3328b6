//go:build !linux

package randread

import (
	"context"
	"errors"
	"io"
)

// Run needs Linux: its engines, its page cache and its accounts of CPU time.
func Run(context.Context, Options, io.Writer) error {
	return errors.New("randread needs Linux; show, check and plot work on its raw files")
}
