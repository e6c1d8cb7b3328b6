package uniolog

import (
	"context"
	"log/slog"
	"slices"
)

// Options of New; nil is good.
type Options struct {
	// Records is how many can wait, rounded up to a power of two; 0 or less is 1024, which take 330 KiB.
	Records int
}

const recordsDefault = 1024

// Handler is a slog.Handler whose methods, except Flush and Close, wait for nothing and may be called from anywhere. Those
// that WithAttrs and WithGroup return share its queue, so that order is kept between them.
type Handler struct {
	to slog.Handler
	q  *queue
}

// New makes a Handler before h and starts its goroutine, which ends with Close. h is called by that goroutine, one
// record at a time, but for Enabled, WithAttrs and WithGroup, which the caller's calls pass on. It panics if h is nil, as
// slog.New does.
func New(h slog.Handler, o *Options) *Handler {
	if h == nil {
		panic("uniolog: New of a nil Handler")
	}
	n := recordsDefault
	if o != nil && o.Records > 0 {
		n = o.Records
	}
	q := newQueue(h, n)
	go q.run()
	return &Handler{to: h, q: q}
}

// Enabled is the wrapped handler's answer.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

// Handle queues the record, or drops it if the queue is full (ErrFull) or closed (ErrClosed). A slog.LogValuer among its
// values is resolved now, by the caller, since what it shows may be gone later; other values are formatted later and must
// not be changed after the call, so pass a copy of a buffer that is used again. The wrapped handler gets ctx's values
// without its cancellation.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	return h.q.put(h.to, context.WithoutCancel(ctx), resolved(r))
}

// WithAttrs resolves the values now, as Handle does.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{to: h.to.WithAttrs(resolvedAttrs(attrs)), q: h.q}
}

// WithGroup opens a group in the wrapped handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{to: h.to.WithGroup(name), q: h.q}
}

// Flush waits until all that was queued before has been handled: a task parks, a goroutine blocks. The error is the first
// of the wrapped handler since the last Flush that reported one, or else says that ctx was done before.
func (h *Handler) Flush(ctx context.Context) error { return h.q.flush(ctx, h.q.tail.Load()&^closedBit) }

// Close takes no more records, waits like Flush, and has the goroutine end. When ctx is done before, the goroutine still
// ends with the last record. A second Close waits too. It closes all handlers that share the queue, and not the wrapped
// handler or its file.
func (h *Handler) Close(ctx context.Context) error { return h.q.close(ctx) }

// Stats counts since New.
func (h *Handler) Stats() Stats {
	return Stats{
		Handled: h.q.handled.Load(), Dropped: h.q.dropped.Load(), Failed: h.q.failed.Load(),
		Waiting: h.q.waiting(),
	}
}

// Stats are a Handler's counters.
type Stats struct {
	Handled uint64 // given to the wrapped handler, without the records that tell of dropped ones
	Dropped uint64 // because the queue was full or closed
	Failed  uint64 // of those handled: the wrapped handler returned an error, panicked or called runtime.Goexit
	Waiting int    // in the queue now
}

// resolved is the record with no LogValuer in it, sharing nothing with the caller's.
func resolved(r slog.Record) slog.Record {
	plain := true
	r.Attrs(func(a slog.Attr) bool {
		plain = isPlain(a)
		return plain
	})
	if plain {
		return r.Clone()
	}
	c := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		c.AddAttrs(resolvedAttr(a))
		return true
	})
	return c
}

// isPlain reports whether there is nothing to resolve.
func isPlain(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindLogValuer:
		return false
	case slog.KindGroup:
		return !slices.ContainsFunc(a.Value.Group(), func(a slog.Attr) bool { return !isPlain(a) })
	}
	return true
}

func resolvedAttrs(attrs []slog.Attr) []slog.Attr {
	all := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		all[i] = resolvedAttr(a)
	}
	return all
}

func resolvedAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		v = slog.GroupValue(resolvedAttrs(v.Group())...)
	}
	return slog.Attr{Key: a.Key, Value: v}
}
