//go:build !linux

package proxies

import (
	"context"
	"errors"
	"io"
)

// Run needs Linux: its engines, its accounts of CPU time, and its pinning.
func Run(context.Context, Options, io.Writer) error {
	return errors.New("proxies needs Linux; show, check and plot work on its raw files")
}
