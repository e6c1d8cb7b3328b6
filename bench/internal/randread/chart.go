package randread

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/figures"
)

// canvas is a drawing in SVG that grows as it is drawn.
type canvas struct {
	b             strings.Builder
	width, height float64
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

// text writes; anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, style, s string) {
	c.add(`<text x="%.1f" y="%.1f" text-anchor="%s" %s>%s</text>`, x, y, anchor, style, html.EscapeString(s))
}

// String is the drawing as an element of a page, or as a file of its own.
func (c *canvas) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" `+
		`font-family="sans-serif" font-size="11" fill="#222">`+"\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n%s</svg>\n",
		c.width, c.height, c.width, c.height, c.b.String())
}

const (
	barWidth   = 260.0 // the longest bar
	barPitch   = 17.0
	nameWidth  = 130.0
	valueWidth = 130.0
	headHeight = 34.0
)

// Colours of whose program it is.
const (
	colourURing = "#2b6cb0"
	colourEpoll = "#7aa5d2"
	colourOther = "#a0a0a0"
	colourFio   = "#c9a24b"
)

func (c Contender) colour() string {
	switch c.Engine {
	case "uring":
		return colourURing
	case "epoll":
		return colourEpoll
	case "fio":
		return colourFio
	}
	return colourOther
}

// bars draws one figure of a case: a bar for each contender, with the spread of the rounds.
func (c *canvas) bars(x, y float64, title string, rows []Row, figure func(*Row) figures.Spread, decimals int) {
	longest := 0.0
	for i := range rows {
		if s := figure(&rows[i]); s.Known() {
			longest = max(longest, s.Max)
		}
	}
	c.text(x+nameWidth, y+12, "start", `fill="#555"`, title)
	for i := range rows {
		top := y + 18 + float64(i)*barPitch
		s := figure(&rows[i])
		c.text(x+nameWidth-6, top+11, "end", "", rows[i].String())
		if !s.Known() || longest == 0 {
			c.text(x+nameWidth, top+11, "start", `fill="#888"`, "not measured")
			continue
		}
		at := func(v float64) float64 { return x + nameWidth + barWidth*v/longest }
		c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="12" fill="%s"/>`, x+nameWidth, top+1, at(s.Median)-x-nameWidth,
			rows[i].colour())
		c.add(`<path d="M%.1f %.1fH%.1f" stroke="#222" stroke-width="1"/>`, at(s.Min), top+7, at(s.Max))
		c.text(at(max(s.Max, s.Median))+5, top+11, "start", `fill="#444"`, figures.Number(s.Median, decimals))
	}
}

// barChart draws rate and CPU time of all cases.
func barChart(summaries []Summary) string {
	c := &canvas{width: 2*(nameWidth+barWidth+valueWidth) - 40}
	y := 10.0
	for i := range summaries {
		s := &summaries[i]
		c.text(10, y+14, "start", `font-size="14" font-weight="bold"`, s.Case.Title())
		c.bars(10, y+20, "thousands of reads per second", s.Rows,
			func(r *Row) figures.Spread { return r.Rate.Times(1e-3) }, 1)
		second, title := func(r *Row) figures.Spread { return r.CPUNs.Times(1e-3) }, "µs of CPU per read"
		if s.Case.Busy {
			second, title = func(r *Row) figures.Spread { return r.Spins }, "turns per µs of the computing goroutines"
		}
		c.bars(nameWidth+barWidth+valueWidth-20, y+20, title, s.Rows, second, 2)
		y += headHeight + 18 + float64(len(s.Rows))*barPitch
	}
	c.height = y
	return c.String()
}

const (
	tileColumns = 4 // how many heat maps stand beside each other
	tileWidth   = 240.0
	tileHeight  = 150.0
	tilePadX    = 62.0
	tilePadY    = 44.0
)

// heatMaps draws the heat maps of a case, one for each contender, all with the same axes.
func heatMaps(s *Summary) string {
	var rows []Row
	low, high := heatRows, 0
	for _, r := range s.Rows {
		has := false
		for i := range r.samples {
			for cell := range r.samples[i].Heat {
				low, high, has = min(low, cell[1]), max(high, cell[1]), true
			}
		}
		if has {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return ""
	}
	lines := (len(rows) + tileColumns - 1) / tileColumns
	c := &canvas{width: float64(tileColumns)*(tileWidth+tilePadX) + 10, height: float64(lines)*(tileHeight+tilePadY) + 10}
	for i := range rows {
		c.tile(tilePadX+float64(i%tileColumns)*(tileWidth+tilePadX), 24+float64(i/tileColumns)*(tileHeight+tilePadY), &rows[i], low, high)
	}
	return c.String()
}

// tile is one heat map: time to the right, latency upwards.
func (c *canvas) tile(x, y float64, r *Row, low, high int) {
	c.text(x, y-6, "start", `font-weight="bold"`, r.String())
	c.text(x+tileWidth, y-6, "end", `fill="#555"`, figures.Number(r.Rate.Median*1e-3, 0)+"k/s, p99.9 "+brief(r.P99_9))
	c.add(`<image x="%.1f" y="%.1f" width="%.0f" height="%.0f" preserveAspectRatio="none" style="image-rendering:pixelated" `+
		`href="data:image/png;base64,%s"/>`, x, y, tileWidth, tileHeight, heatPNG(r, low, high))
	c.add(`<rect x="%.1f" y="%.1f" width="%.0f" height="%.0f" fill="none" stroke="#888"/>`, x, y, tileWidth, tileHeight)
	span := float64(high - low + 1)
	for d := time.Microsecond; d <= 10*time.Second; d *= 10 {
		at := 1 + heatRowsPerDoubling*math.Log2(float64(d)/float64(heatFloor)) - float64(low)
		if at < 0 || at > span {
			continue
		}
		top := y + tileHeight*(1-at/span)
		c.add(`<path d="M%.1f %.1fh-4" stroke="#888"/>`, x, top)
		c.text(x-6, top+4, "end", "", brief(d))
	}
	for i := range r.samples {
		left := x + tileWidth*float64(i)/float64(len(r.samples))
		if i > 0 {
			c.add(`<path d="M%.1f %.1fv%.0f" stroke="#fff" stroke-width="1.5"/>`, left, y+0.5, tileHeight-1)
		}
		c.text(left+tileWidth/float64(len(r.samples))/2, y+tileHeight+12, "middle", `fill="#777" font-size="9"`,
			fmt.Sprintf("round %d", i+1))
	}
}

// brief prints a time for an axis.
func brief(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.3g µs", d.Seconds()*1e6)
}

// heatPNG is the picture of a heat map, in base64: a pixel per cell, one round after the other, its colour the logarithm
// of the count as a part of the contender's greatest.
func heatPNG(r *Row, low, high int) string {
	most := 1
	for i := range r.samples {
		for _, n := range r.samples[i].Heat {
			most = max(most, n)
		}
	}
	img := image.NewPaletted(image.Rect(0, 0, heatColumns*len(r.samples), high-low+1), heatPalette)
	for i := range r.samples {
		for cell, n := range r.samples[i].Heat {
			shade := 1 + int(math.Log(float64(n))/math.Log(float64(most)+1)*float64(len(heatPalette)-1))
			img.SetColorIndex(i*heatColumns+cell[0], high-cell[1], uint8(min(shade, len(heatPalette)-1)))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // the size is good, and memory takes all
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// heatPalette goes from white, nothing, over yellow and red to black.
var heatPalette = func() color.Palette {
	stops := [][3]float64{{255, 247, 200}, {254, 200, 90}, {240, 110, 50}, {190, 25, 60}, {60, 10, 60}}
	p := color.Palette{color.RGBA{R: 255, G: 255, B: 255, A: 255}}
	const shades = 40
	for i := range shades {
		at := float64(i) / (shades - 1) * float64(len(stops)-1)
		k := min(int(at), len(stops)-2)
		f := at - float64(k)
		var c [3]uint8
		for j := range c {
			c[j] = uint8(stops[k][j]*(1-f) + stops[k+1][j]*f)
		}
		p = append(p, color.RGBA{R: c[0], G: c[1], B: c[2], A: 255})
	}
	return p
}()
