package bars

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio/bench/internal/figures"
)

func TestChartsAreDrawn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "charts.svg")
	err := Write(name, []Chart{{Title: "a case", Axis: "of b", Bars: []Bar{
		{"one", figures.SpreadOf([]float64{0.5, 0.6})}, {"unknown", figures.SpreadOf(nil)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for want, there := range map[string]bool{"<svg": true, "a case": true, "of b": true, ">one<": true, "nothing known": false} {
		if bytes.Contains(text, []byte(want)) != there {
			t.Errorf("%q: want %v in\n%s", want, there, text)
		}
	}
	if err := Write(name, nil); !errors.Is(err, ErrNothing) {
		t.Errorf("a drawing of nothing: %v, want %v", err, ErrNothing)
	}
}
