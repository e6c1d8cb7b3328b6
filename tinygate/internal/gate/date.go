package gate

import (
	"net/http"
	"time"
)

// date is the Date field of responses (RFC 9110 6.6.1) that a loop makes itself, or passes on for a server that has sent none. It
// is written once a second.
type date struct {
	line  []byte
	until time.Time // of the turn's clock
}

// append appends the field line with its CRLF. now is the time of the turn: it says when a second is over. The date itself
// is asked of the system's clock, which may have been set since.
func (d *date) append(dst []byte, now time.Time) []byte {
	if !now.Before(d.until) {
		t := time.Now()
		d.line = t.UTC().AppendFormat(append(d.line[:0], "Date: "...), http.TimeFormat)
		d.line = append(d.line, "\r\n"...)
		d.until = now.Add(time.Second - time.Duration(t.Nanosecond()))
	}
	return append(dst, d.line...)
}
