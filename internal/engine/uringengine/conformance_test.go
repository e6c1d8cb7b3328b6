//go:build linux && !unio_nouring

package uringengine_test

import (
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/enginetest"
	"github.com/unio-go/unio/internal/engine/uringengine"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, engine.Uring, func(cfg engine.Config) (engine.Engine, error) {
		e, err := uringengine.New(cfg)
		if err != nil {
			return nil, err
		}
		return e, nil
	})
}
