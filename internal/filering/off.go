//go:build !linux || unio_nouring

package filering

import (
	"errors"
	"fmt"

	"github.com/unio-go/unio/internal/fileio"
)

// Ring is not in this binary.
type Ring struct{ fileio.Executor }

// New fails: rings are not in this binary.
func New(Config) (*Ring, error) {
	return nil, fmt.Errorf("ring for files: not in this binary (needs linux and no build tag unio_nouring): %w",
		errors.ErrUnsupported)
}

// Limits says what is done in a slower way than it could, and why.
func (r *Ring) Limits() []string { return nil }
