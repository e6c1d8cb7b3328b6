package accesslog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// piece is a part of a text line: a variable, or what stands between two.
type piece struct {
	literal string
	write   func(w *Writer, b []byte, e *Entry) []byte
}

// format is a format that was compiled once.
type format struct {
	json   bool
	pieces []piece
	fixed  int // bytes of a line that do not depend on texts, at most
	times  int // how often one text can be in a line
	names  int // how many variables there are
}

// text makes the writer of a text.
func text(get func(e *Entry) []byte) func(w *Writer, b []byte, e *Entry) []byte {
	return func(_ *Writer, b []byte, e *Entry) []byte { return orDash(b, get(e)) }
}

func orDash(b, s []byte) []byte {
	if len(s) == 0 {
		return append(b, '-')
	}
	return appendText(b, s)
}

// number makes the writer of a number.
func number(get func(e *Entry) int64) func(w *Writer, b []byte, e *Entry) []byte {
	return func(_ *Writer, b []byte, e *Entry) []byte { return appendCount(b, get(e)) }
}

// variables are the names of text formats.
var variables = map[string]func(w *Writer, b []byte, e *Entry) []byte{
	"time":           func(w *Writer, b []byte, e *Entry) []byte { return w.clock.appendUTC(b, e.Time) },
	"local_time":     func(w *Writer, b []byte, _ *Entry) []byte { return append(b, w.clock.local...) },
	"client":         text(func(e *Entry) []byte { return e.Client }),
	"method":         text(func(e *Entry) []byte { return e.Method }),
	"host":           text(func(e *Entry) []byte { return e.Host }),
	"path":           text(func(e *Entry) []byte { return e.Path }),
	"query":          text(func(e *Entry) []byte { return e.Query }),
	"protocol":       text(func(e *Entry) []byte { return bytesOf(e.Protocol) }),
	"request":        func(_ *Writer, b []byte, e *Entry) []byte { return appendRequest(b, e) },
	"status":         number(func(e *Entry) int64 { return int64(e.Status) }),
	"bytes_sent":     number(func(e *Entry) int64 { return e.BytesSent }),
	"bytes_received": number(func(e *Entry) int64 { return e.BytesReceived }),
	"duration":       func(_ *Writer, b []byte, e *Entry) []byte { return appendSeconds(b, e.Duration) },
	"route":          text(func(e *Entry) []byte { return bytesOf(e.Route) }),
	"upstream":       text(func(e *Entry) []byte { return bytesOf(e.Upstream) }),
	"server":         text(func(e *Entry) []byte { return bytesOf(e.Server) }),
	"upstream_duration": func(_ *Writer, b []byte, e *Entry) []byte {
		if e.Tries == 0 {
			return append(b, '-')
		}
		return appendSeconds(b, e.UpstreamDuration)
	},
	"tries":      number(func(e *Entry) int64 { return int64(e.Tries) }),
	"request_id": text(func(e *Entry) []byte { return e.RequestID }),
	"user_agent": text(func(e *Entry) []byte { return e.UserAgent }),
	"referer":    text(func(e *Entry) []byte { return e.Referer }),
	"tls":        text(func(e *Entry) []byte { return bytesOf(tlsName(e.TLS)) }),
	"error":      text(func(e *Entry) []byte { return bytesOf(e.Error) }),
}

// appendRequest appends the request line.
func appendRequest(b []byte, e *Entry) []byte {
	b = append(orDash(b, e.Method), ' ')
	b = orDash(b, e.Path)
	if len(e.Query) > 0 {
		b = appendText(append(b, '?'), e.Query)
	}
	return orDash(append(b, ' '), bytesOf(e.Protocol))
}

// compile makes a format of its text.
func compile(f string) (*format, error) {
	switch f {
	case "", "json":
		return &format{json: true, fixed: jsonFixed, times: 1}, nil
	case "combined":
		f = "${combined}"
	}
	f = strings.ReplaceAll(f, "${combined}", config.LogCombined)
	if len(f) > config.LogFormatMax {
		return nil, fmt.Errorf("access log: the format has %d bytes, and %d are the most", len(f), config.LogFormatMax)
	}
	if i := strings.IndexFunc(f, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
		return nil, fmt.Errorf("access log: the format has the control character %q: each request is one line", f[i])
	}
	out := &format{times: 1, fixed: 2 * numberMax} // of which the line about lost ones may be one
	seen := map[string]int{}
	for f != "" {
		literal, rest, found := strings.Cut(f, "${")
		out.literal(literal)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("access log: %q in the format is not closed by }", "${"+rest)
		}
		f = after
		if "${"+name+"}" == config.Dollar {
			out.literal("$")
			continue
		}
		if err := out.variable(name); err != nil {
			return nil, err
		}
		seen[name]++
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("access log: the format has no ${name}, so all lines would be the same; there are %s, "+
			"and the formats json and combined", names())
	}
	for _, n := range seen {
		out.times = max(out.times, n+seen["request"])
	}
	out.literal("\n")
	return out, nil
}

func (f *format) literal(s string) {
	if s != "" {
		f.pieces = append(f.pieces, piece{literal: s})
		f.fixed += len(s)
	}
}

func (f *format) variable(name string) error {
	write, ok := variables[name]
	if !ok {
		return fmt.Errorf("access log: the format has ${%s}, which is not known; there are %s", name, names())
	}
	f.pieces = append(f.pieces, piece{write: write})
	if f.names == config.LogVariablesMax {
		return fmt.Errorf("access log: the format has more than %d names", config.LogVariablesMax)
	}
	f.fixed += numberMax
	f.names++
	return nil
}

// names lists what can be in a format.
func names() string {
	all := []string{"${combined}"}
	for n := range variables {
		all = append(all, "${"+n+"}")
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// bound is the most bytes that a line for e can have.
func (f *format) bound(e *Entry) int { return f.fixed + escapedMax*f.times*e.textBytes() }

// textMax is how long texts may be so that any line fits a buffer.
func (f *format) textMax() int { return (bufBytes - f.fixed) / (escapedMax * f.times * entryTexts) }

// append appends the line for e.
func (f *format) append(b []byte, w *Writer, e *Entry, truncated bool) []byte {
	w.clock.set(e.Time)
	if f.json {
		return w.appendJSONLine(b, e, truncated)
	}
	if w.lost > 0 {
		b = append(strconv.AppendUint(append(b, "# "...), w.lost, 10), " lines dropped\n"...)
	}
	for i := range f.pieces {
		if p := &f.pieces[i]; p.write != nil {
			b = p.write(w, b, e)
		} else {
			b = append(b, p.literal...)
		}
	}
	return b
}
