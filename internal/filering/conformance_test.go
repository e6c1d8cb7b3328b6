//go:build linux && !unio_nouring

package filering

import (
	"testing"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/fileio/fileiotest"
)

func TestConformance(t *testing.T) {
	for name, c := range map[string]Config{"one ring": {Rings: 1}, "three rings": {Rings: 3}} {
		t.Run(name, func(t *testing.T) {
			fileiotest.Run(t, func() (fileio.Executor, error) { return New(c) })
		})
	}
}
