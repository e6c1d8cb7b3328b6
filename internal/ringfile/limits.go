package ringfile

import (
	"fmt"
	"slices"
	"sync"
)

// Limits are the reasons why something is done in a slower way than it could, each once. Anybody may use them at any time.
type Limits struct {
	mu    sync.Mutex
	texts []string
}

// Note adds one.
func (l *Limits) Note(what string, err error) {
	text := fmt.Sprintf("%s: %v", what, err)
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
