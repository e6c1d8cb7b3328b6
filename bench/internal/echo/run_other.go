//go:build !linux

package echo

import (
	"context"
	"errors"
	"io"
)

// Run needs Linux: its engines, its accounts of CPU time, and its pinning.
func Run(context.Context, Options, io.Writer) error {
	return errors.New("the echo comparison runs on Linux only; show, check and plot work here on its raw files")
}
