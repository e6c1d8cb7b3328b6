package proxies

import (
	_ "embed"
	"errors"
	"html/template"
	"os"
	"strings"

	"github.com/unio-go/unio/bench/internal/bars"
	"github.com/unio-go/unio/bench/internal/figures"
)

//go:embed report.html
var reportText string

var reportPage = template.Must(template.New("report").Parse(reportText))

// reportCase is a case in the report.
type reportCase struct {
	Title, ID string
	Table     [][]string
}

// reportData is what the page is made of.
type reportData struct {
	*Record
	Bars         template.HTML
	ProfileTitle string
	Cases        []reportCase
	Findings     [][]string
	Legend       string
}

// WriteReport writes the report of a run as base.html, and its drawing of CPU times as base.svg. Both stand alone. Without a round
// in which nginx was measured, too, there is no drawing.
func WriteReport(base string, run *Record) error {
	summaries := Summarise(run.Samples)
	data := reportData{Record: run, Legend: Legend, ProfileTitle: Small.Title()}
	if err := writePlot(base+".svg", summaries); err == nil {
		svg, err := os.ReadFile(base + ".svg")
		if err != nil {
			return err
		}
		data.Bars = template.HTML(svg[strings.Index(string(svg), "<svg"):]) // without what makes it a file of its own
	} else if !errors.Is(err, bars.ErrNothing) {
		return err
	}
	for _, f := range Check(summaries) {
		data.Findings = append(data.Findings, []string{f.Case.Title(), f.What, figures.Number(f.Bound, 2), figures.Number(f.Goal, 2),
			figures.Number(f.Seen, 3), f.Verdict()})
	}
	for i := range summaries {
		s := &summaries[i]
		data.Cases = append(data.Cases, reportCase{Title: s.Case.Title(), ID: string(s.Case), Table: tableOf(s)})
	}
	f, err := os.Create(base + ".html")
	if err != nil {
		return err
	}
	return errors.Join(reportPage.Execute(f, data), f.Close())
}

// writePlot draws CPU per request as a ratio to nginx's, one chart per case.
func writePlot(name string, summaries []Summary) error {
	var charts []bars.Chart
	for i := range summaries {
		s := &summaries[i]
		c := bars.Chart{Title: s.Case.Title(), Axis: "CPU per request, ratio to nginx"}
		for _, r := range s.Rows {
			c.Bars = append(c.Bars, bars.Bar{Name: string(r.Contender), Spread: r.VsNginx})
		}
		charts = append(charts, c)
	}
	return bars.Write(name, charts)
}
