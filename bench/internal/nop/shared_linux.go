package nop

import (
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/internal/filering"
)

// startShared makes the ring that goroutines share.
func startShared() (trial.Program, error) {
	r, err := filering.New(filering.Config{})
	if err != nil {
		return nil, err
	}
	return executor{r}, nil
}
