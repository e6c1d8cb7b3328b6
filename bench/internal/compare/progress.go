package compare

import (
	"fmt"
	"io"
	"time"
)

// progress tells on one line of a terminal what a run is doing and how long it will still take. Elsewhere it
// prints notes only.
type progress struct {
	w        io.Writer
	terminal bool
	begin    time.Time
	steps    int // expected
	done     int
	drawn    bool
}

// step announces the next step.
func (p *progress) step(format string, args ...any) {
	p.done++
	if !p.terminal {
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s  %s", p.remaining(), fmt.Sprintf(format, args...))
	p.drawn = true
}

// remaining is the share that is done and the time that the rest will take at the pace so far.
func (p *progress) remaining() string {
	total := max(p.steps, p.done)
	left := time.Duration(float64(time.Since(p.begin)) / float64(p.done) * float64(total-p.done))
	return fmt.Sprintf("%3d%%  %v left", 100*p.done/total, left.Round(time.Second))
}

// note prints a line that stays.
func (p *progress) note(format string, args ...any) {
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// clear removes the progress line.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}
