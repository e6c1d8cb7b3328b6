// Package bars draws ratios as bars: one chart per case, with the spread of the rounds, and a line where the ratio is one.
package bars

import (
	"errors"
	"fmt"
	"image/color"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/unio-go/unio/bench/internal/figures"
)

const (
	plotColumns    = 3
	plotTileWidth  = 11 * vg.Centimeter
	plotBarPitch   = 0.55 * vg.Centimeter // height of a tile per bar
	plotTileMargin = 2.2 * vg.Centimeter  // title and axis of a tile
	plotBarWidth   = 0.36 * vg.Centimeter
	plotPad        = vg.Centimeter / 2
)

// Chart is one drawing: a bar for each name, the first uppermost.
type Chart struct {
	Title string
	Axis  string // what the length of a bar is
	Bars  []Bar
}

// Bar is a ratio: its median and the spread of the rounds.
type Bar struct {
	Name string
	figures.Spread
}

// ErrNothing says that there is nothing to draw.
var ErrNothing = errors.New("no case has a ratio to draw")

// Write draws charts into an SVG file. A bar that is not known is left out, and a chart that has no other.
func Write(name string, charts []Chart) error {
	charts = slices.DeleteFunc(slices.Clone(charts), func(c Chart) bool {
		return !slices.ContainsFunc(c.Bars, func(b Bar) bool { return b.Known() })
	})
	if len(charts) == 0 {
		return fmt.Errorf("%s: %w", name, ErrNothing)
	}
	bars := 0
	for _, c := range charts {
		bars = max(bars, len(c.Bars))
	}
	columns := min(plotColumns, len(charts))
	rows := (len(charts) + columns - 1) / columns
	svg := vgsvg.New(vg.Length(columns)*plotTileWidth,
		vg.Length(rows)*(plotTileMargin+vg.Length(bars)*plotBarPitch))
	tiles := draw.Tiles{Cols: columns, Rows: rows, PadX: plotPad, PadY: plotPad,
		PadLeft: plotPad, PadRight: plotPad, PadTop: plotPad, PadBottom: plotPad}
	page := draw.New(svg)
	for i, c := range charts {
		p, err := chart(c)
		if err != nil {
			return err
		}
		p.Draw(tiles.At(page, i%columns, i/columns))
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := svg.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// ratios gives gonum the bars of a chart with their error bars, the first uppermost.
type ratios []Bar

func (r ratios) Len() int { return len(r) }

func (r ratios) Value(i int) float64 { return r[len(r)-1-i].Median }

func (r ratios) XY(i int) (x, y float64) { return r.Value(i), float64(i) }

func (r ratios) XError(i int) (low, high float64) {
	s := r[len(r)-1-i].Spread
	return s.Median - s.Min, s.Max - s.Median
}

func chart(c Chart) (*plot.Plot, error) {
	rows := ratios(slices.DeleteFunc(slices.Clone(c.Bars), func(b Bar) bool { return !b.Known() }))
	p := plot.New()
	p.Title.Text = c.Title
	p.X.Label.Text = c.Axis
	p.X.Min = 0
	bars, err := plotter.NewBarChart(rows, plotBarWidth)
	if err != nil {
		return nil, err
	}
	bars.Horizontal = true
	bars.LineStyle.Width = 0
	bars.Color = color.RGBA{R: 0x4c, G: 0x82, B: 0xb8, A: 0xff}
	spread, err := plotter.NewXErrorBars(rows)
	if err != nil {
		return nil, err
	}
	one, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.5}, {X: 1, Y: float64(len(rows)) - 0.5}})
	if err != nil {
		return nil, err
	}
	one.Color = color.RGBA{R: 0xb0, G: 0x30, B: 0x30, A: 0xff}
	p.Add(bars, spread, one)
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[len(rows)-1-i].Name
	}
	p.NominalY(names...)
	return p, nil
}
