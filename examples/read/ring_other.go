//go:build !linux

package main

import (
	"errors"
	"io"
)

func byRing(string, int64, int, io.Writer) error { return errors.ErrUnsupported }
