package stdengine

import "github.com/unio-go/unio/internal/engine"

var _ engine.Holder = (*Engine)(nil)

// Hold tells what a receive has left behind that was cancelled before it had a buffer. Nothing more comes by itself.
func (e *Engine) Hold(ed engine.Desc) (unread int, held bool) {
	d := ed.(*desc)
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.kept), true
}
