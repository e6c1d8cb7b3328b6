//go:build !linux

package nop

import (
	"errors"

	"github.com/unio-go/unio/bench/internal/trial"
)

func start(string, string) (trial.Program, error) { return nil, errors.ErrUnsupported }
