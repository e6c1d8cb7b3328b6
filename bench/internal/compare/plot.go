package compare

import "github.com/unio-go/unio/bench/internal/bars"

// WritePlot draws one chart per case into an SVG file: CPU per message as a ratio to the base's, median with the spread of the
// rounds. Cases without the base have no ratio and no chart.
func WritePlot(name string, summaries []Summary) error {
	var charts []bars.Chart
	for i := range summaries {
		s := &summaries[i]
		if s.Row(s.Case.suite().Base) == nil {
			continue
		}
		c := bars.Chart{Title: s.Case.Title(), Axis: "CPU per message, ratio to net"}
		for _, r := range s.Rows {
			c.Bars = append(c.Bars, bars.Bar{Name: r.Contender.String(), Spread: r.VsNet})
		}
		charts = append(charts, c)
	}
	return bars.Write(name, charts)
}
