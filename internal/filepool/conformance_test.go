package filepool

import (
	"testing"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/fileio/fileiotest"
)

func TestConformance(t *testing.T) {
	fileiotest.Run(t, func() (fileio.Executor, error) { return New(), nil })
}
