// Package progress tells on one line of a terminal what a command is doing and how long it will still take. Elsewhere it
// prints notes only.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Line is a line of progress. W and Terminal are set before use.
type Line struct {
	W        io.Writer
	Terminal bool // W is a terminal: the line is drawn over itself

	begin time.Time
	steps int // expected
	done  int
	drawn bool
}

// IsTerminal reports whether a file is a terminal, or another device of characters.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Begin starts the account of time: so many steps are expected.
func (l *Line) Begin(steps int) { l.begin, l.steps, l.done = time.Now(), steps, 0 }

// Step announces the next step.
func (l *Line) Step(format string, args ...any) { l.Steps(1, format, args...) }

// Steps announces some steps at once.
func (l *Line) Steps(n int, format string, args ...any) {
	l.done += n
	if !l.Terminal {
		return
	}
	fmt.Fprintf(l.W, "\r\x1b[K%s  %s", l.remaining(), fmt.Sprintf(format, args...))
	l.drawn = true
}

// remaining is the share that is done and the time that the rest will take at the pace so far.
func (l *Line) remaining() string {
	total := max(l.steps, l.done, 1)
	left := time.Duration(float64(time.Since(l.begin)) / float64(max(l.done, 1)) * float64(total-l.done))
	return fmt.Sprintf("%3d%%  %v left", 100*l.done/total, left.Round(time.Second))
}

// Note prints a line that stays.
func (l *Line) Note(format string, args ...any) {
	l.Clear()
	fmt.Fprintf(l.W, format+"\n", args...)
}

// Clear removes the line of progress.
func (l *Line) Clear() {
	if l.drawn {
		fmt.Fprint(l.W, "\r\x1b[K")
		l.drawn = false
	}
}
