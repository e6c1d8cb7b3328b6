package gate

import (
	"log/slog"
	"time"
)

// linesPerSecond is how much a loop logs. A failing upstream would else have every request write a line,
// and writing holds the loop.
const linesPerSecond = 20

// limitedLog is the log of one loop.
type limitedLog struct {
	to      *slog.Logger
	since   time.Time
	lines   int
	dropped int
}

// warn writes a line, unless there were too many within a second. How many were left out is told by the
// next one.
func (l *limitedLog) warn(msg string, attrs ...any) {
	if now := time.Now(); now.Sub(l.since) >= time.Second {
		l.since, l.lines = now, 0
	}
	if l.lines == linesPerSecond {
		l.dropped++
		return
	}
	l.lines++
	if l.dropped > 0 {
		attrs = append(attrs, slog.Int("lines_left_out", l.dropped))
		l.dropped = 0
	}
	l.to.Warn(msg, attrs...)
}
