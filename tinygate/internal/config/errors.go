package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// problemsMax is how many problems of a file are told: more than one screen of them have one cause.
const problemsMax = 50

// Problem is one thing that is wrong in a file.
type Problem struct {
	Line, Column int    // from 1; 0: it does not come from a file
	Text         string // what is wrong; what would be right
	Err          error  // the cause outside of the file, such as that of an open; may be nil
}

// Error is all that is wrong in a file.
type Error struct {
	File     string
	Problems []Problem // by place; at most 50
	More     int       // how many there are beside these
}

// Error returns a line for each problem, FILE:LINE:COLUMN: what is wrong; what would be right.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.in(e.File))
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", e.File, e.More)
	}
	return b.String()
}

// Unwrap returns the causes, for errors.Is.
func (e *Error) Unwrap() []error {
	var all []error
	for _, p := range e.Problems {
		if p.Err != nil {
			all = append(all, p.Err)
		}
	}
	return all
}

// in is the line of a problem.
func (p Problem) in(file string) string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", file, p.Line, p.Column, p.Text)
}

// newError sorts problems by place and keeps the first. It returns nil when there is none.
func newError(file string, problems []Problem) error {
	problems = ordered(problems)
	if len(problems) == 0 {
		return nil
	}
	e := &Error{File: file, Problems: problems}
	if e.More = len(problems) - problemsMax; e.More > 0 {
		e.Problems = problems[:problemsMax]
	} else {
		e.More = 0
	}
	return e
}

// ordered sorts by place and takes out what is said twice, which happens where an anchor is used more than once.
func ordered(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(problems, func(a, b Problem) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Text == b.Text
	})
}
