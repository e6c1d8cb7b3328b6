package trial

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/unio-go/unio/bench/internal/bars"
	"github.com/unio-go/unio/bench/internal/figures"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/rounds"
)

//go:embed report.html
var reportText string

var reportPage = template.Must(template.New("report").Parse(reportText))

// reportData is what the page is made of.
type reportData struct {
	Name, File, About string
	Tables            []reportTable
	Findings          [][]string
	Drawing           template.HTML
	Legend            string
	Facts             []host.Fact
}

// reportTable is a case in it; the first row is the head.
type reportTable struct {
	Title string
	Rows  [][]string
}

// WriteReport makes the page and the drawing of a run, beside its raw file, and names both.
func WriteReport(w io.Writer, name string, run *Record) error {
	s, base := run.Suite, rounds.Base(name)
	data := reportData{Name: s.Name, File: s.File, About: s.About, Legend: s.Legend, Facts: run.Facts, Findings: s.findings(run.Samples)}
	for _, cs := range s.Cases {
		if rows := s.rows(cs, run.Samples); len(rows) > 1 {
			data.Tables = append(data.Tables, reportTable{cs.Title, rows})
		}
	}
	if err := bars.Write(base+".svg", s.charts(run.Samples)); err != nil && !errors.Is(err, bars.ErrNothing) {
		return err
	} else if err == nil {
		drawing, err := os.ReadFile(base + ".svg")
		if err != nil {
			return err
		}
		data.Drawing = template.HTML(drawing[strings.Index(string(drawing), "<svg"):])
		fmt.Fprintf(w, "drawing: %s.svg\n", base)
	}
	f, err := os.Create(base + ".html")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "report: %s.html\n", base)
	return errors.Join(reportPage.Execute(f, data), f.Close())
}

// charts draw the first of the columns that are ratios, but for the base, which is one.
func (s *Suite) charts(samples []Sample) (all []bars.Chart) {
	i := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Ratio })
	if i < 0 {
		return nil
	}
	for _, cs := range s.Cases {
		chart := bars.Chart{Title: cs.Title, Axis: s.Columns[i].Head + ", of " + s.Base + "'s"}
		for _, c := range cs.Contenders {
			if c != s.Base {
				chart.Bars = append(chart.Bars, bars.Bar{Name: c, Spread: ratio(samples, cs.Name, c, s.Base, s.Columns[i].Unit)})
			}
		}
		all = append(all, chart)
	}
	return all
}

// findings are the lines of the check, with a head.
func (s *Suite) findings(samples []Sample) [][]string {
	all := [][]string{{"case", "what", "bound", "seen", ""}}
	for _, b := range s.Bounds {
		seen, verdict := s.verdict(&b, samples)
		all = append(all, []string{b.Case, b.String(), b.limit(), figures.Number(seen, 3), verdict})
	}
	return all
}

// verdict holds one bound against a run.
func (s *Suite) verdict(b *Bound, samples []Sample) (seen float64, verdict string) {
	seen = s.seen(b, samples)
	switch {
	case math.IsNaN(seen):
		return seen, "not measured"
	case b.broken(seen):
		return seen, broken
	}
	return seen, "holds"
}

// broken is the verdict over a bound that was broken.
const broken = "BROKEN"
