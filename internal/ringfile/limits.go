//go:build linux && !unio_nouring

package ringfile

import (
	"fmt"
	"slices"
	"sync"

	"github.com/unio-go/unio/uring"
)

// Limits are the reasons why something is done in a slower way than it could, each once. Anybody may use them at any time.
type Limits struct {
	mu    sync.Mutex
	texts []string
}

// Note adds one, with the cure for the ring's error where that is known.
func (l *Limits) Note(what string, err error) {
	text := fmt.Sprintf("%s: %v", what, err)
	if d := uring.Diagnose(err); d.Obstacle != uring.ObstacleUnknown {
		text += ": " + d.String()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.texts, text) {
		l.texts = append(l.texts, text)
	}
}

// List is all of them.
func (l *Limits) List() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.texts)
}
