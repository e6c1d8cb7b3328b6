package simengine

import (
	"fmt"
	"slices"
	"strings"
)

// Describe lists what is pending, for whoever wants to know why nothing happens.
func (w *World) Describe() string {
	w.mu.Lock()
	defer w.unlock()
	var lines []string
	for i, e := range w.baton.engines {
		for _, k := range e.calls {
			lines = append(lines, fmt.Sprintf("loop %d: %s", i, k.describe()))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (k *call) describe() string {
	text := k.code.String()
	if k.over {
		text += " (has its result)"
	}
	switch {
	case k.d == nil:
	case k.d.l != nil:
		text += fmt.Sprintf(" %v, %d in the backlog", k.d.l.addr, len(k.d.l.backlog))
	default:
		c := k.d.c
		text += fmt.Sprintf(" %v->%v: %d bytes unread, %d on their way here, room for %d to send, end %v, error %v",
			c.local, c.remote, c.rx.n, c.under, c.space(), c.fin, c.failure)
	}
	return text
}
