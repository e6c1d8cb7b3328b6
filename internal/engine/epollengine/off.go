//go:build !linux || unio_noepoll

package epollengine

import (
	"errors"
	"fmt"

	"github.com/unio-go/unio/internal/engine"
)

// Engine is not in this binary.
type Engine struct{ engine.Engine }

// New fails: the engine is not in this binary.
func New(engine.Config) (*Engine, error) {
	return nil, fmt.Errorf("engine epoll: not in this binary (needs linux and no build tag unio_noepoll): %w",
		errors.ErrUnsupported)
}
