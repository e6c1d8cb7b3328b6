//go:build !linux

package netlog

import (
	"errors"

	"github.com/unio-go/unio/bench/internal/trial"
)

func prepare(string) error { return errors.ErrUnsupported }

func start(string, string) (trial.Program, error) { return nil, errors.ErrUnsupported }
