//go:build !linux

package soak

import (
	"context"
	"errors"
	"io"
)

// Verb is the hidden command of the server, which there is none of here.
const Verb = "__soak"

// Run is for Linux.
func Run(context.Context, Options, io.Writer) error {
	return errors.New("soak: it reads /proc and needs Linux")
}
