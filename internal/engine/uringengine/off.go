//go:build !linux || unio_nouring

package uringengine

import (
	"errors"
	"fmt"

	"github.com/unio-go/unio/internal/engine"
)

// Engine is not in this binary.
type Engine struct{ engine.Engine }

// New fails: the engine is not in this binary.
func New(engine.Config) (*Engine, error) { return nil, Available() }

// Available says that the engine is not in this binary.
func Available() error {
	return fmt.Errorf("engine uring: not in this binary (needs linux and no build tag unio_nouring): %w",
		errors.ErrUnsupported)
}
