package progress

import (
	"bytes"
	"strings"
	"testing"
)

func TestLineOnATerminal(t *testing.T) {
	var b bytes.Buffer
	l := Line{W: &b, Terminal: true}
	l.Begin(4)
	l.Step("one of %d", 4)
	if !strings.Contains(b.String(), " 25%") || !strings.Contains(b.String(), "one of 4") {
		t.Errorf("%q", b.String())
	}
	l.Steps(3, "all")
	if !strings.Contains(b.String(), "100%  0s left  all") {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	l.Note("something")
	if b.String() != "\r\x1b[Ksomething\n" {
		t.Errorf("%q", b.String())
	}
}

func TestElsewhereOnlyNotesArePrinted(t *testing.T) {
	var b bytes.Buffer
	l := Line{W: &b}
	l.Begin(2)
	l.Step("one")
	l.Note("something")
	l.Clear()
	if b.String() != "something\n" {
		t.Errorf("%q", b.String())
	}
}
