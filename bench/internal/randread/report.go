package randread

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/figures"
	"github.com/unio-go/unio/bench/internal/host"
)

//go:embed report.html
var reportText string

var reportPage = template.Must(template.New("report").Parse(reportText))

// reportCase is a case in the report.
type reportCase struct {
	Title string
	ID    string
	Table [][]string
	Heat  template.HTML
}

// reportData is what the page is made of.
type reportData struct {
	Facts        []host.Fact
	Verdicts     []string
	Bars         template.HTML
	Cases        []reportCase
	Findings     [][]string
	Published    [][]string
	PublishedURL string
	PublishedOn  string
	Legend       []string
}

// WriteReport writes the report of a run as base.html, and its drawing of rates and CPU times as base.svg. Both stand
// alone.
func WriteReport(base string, run *Record) error {
	summaries := Summarise(run.Samples)
	bars := barChart(summaries)
	data := reportData{
		Facts: run.Facts, Bars: template.HTML(bars), Published: publishedTable(summaries), PublishedURL: publishedURL,
		PublishedOn: publishedOn, Verdicts: verdicts(summaries), Legend: strings.Split(strings.TrimSpace(Legend), "\n"),
	}
	for _, f := range Check(summaries) {
		data.Findings = append(data.Findings, []string{f.Case.Title(), f.What, limitText(f.Limit, f.Bound), limitText(f.Limit, f.Goal),
			figures.Number(f.Seen, 3), f.Verdict()})
	}
	for i := range summaries {
		s := &summaries[i]
		data.Cases = append(data.Cases, reportCase{Title: s.Case.Title(), ID: strings.NewReplacer("/", "-", "=", "-").Replace(
			s.Case.String()), Table: tableOf(s), Heat: template.HTML(heatMaps(s))})
	}
	f, err := os.Create(base + ".html")
	if err != nil {
		return err
	}
	err = errors.Join(reportPage.Execute(f, data), f.Close())
	if err != nil {
		return err
	}
	return os.WriteFile(base+".svg", []byte(bars), 0o644)
}

// verdicts says in sentences who is ahead of whom where the published comparison has its question: io_uring or mmap.
func verdicts(summaries []Summary) (all []string) {
	for i := range summaries {
		s := &summaries[i]
		if s.Case.Mode != ModeDefault || s.Case.Busy {
			continue
		}
		r := s.Ratio(uringReadAt, contenderMmap, rateOf)
		if !r.Known() {
			continue
		}
		who, ratio := "unio's ReadAt on io_uring is ahead of mmap", r.Median
		if r.Median < 1 {
			who, ratio = "mmap stays ahead of unio's ReadAt on io_uring", 1/r.Median
		}
		all = append(all, fmt.Sprintf("%s: %s, %.2f times its rate.", s.Case.Title(), who, ratio))
	}
	return all
}

// publishedTable has the published figures and ours beside each other: the cold case is the one that was published.
func publishedTable(summaries []Summary) [][]string {
	rows := [][]string{{"", "read/s", "p50 µs", "p90 µs", "p99.9 µs", "p99.99 µs", "max µs", "rate of mmap"}}
	line := func(name string, rate float64, p50, p90, p999, p9999, most time.Duration, of float64) []string {
		return []string{name, figures.Number(rate, 0), micros(p50), micros(p90), micros(p999), micros(p9999), micros(most),
			figures.Number(of, 2)}
	}
	for _, depth := range Depths {
		for _, p := range published {
			if p.depth == depth {
				of := 1.0
				if !p.mmap {
					of = publishedRatio(depth)
				}
				rows = append(rows, line("published: "+p.name, p.rate, p.p50, p.p90, p.p999, p.p9999, p.max, of))
			}
		}
		i := slices.IndexFunc(summaries, func(s Summary) bool { return s.Case == Case{Cache: Cold, Depth: depth, Mode: ModeDefault} })
		if i < 0 {
			continue
		}
		for _, c := range []Contender{uringReadAt, uringTask, contenderOS, contenderMmap, contenderFioMmap} {
			if r := summaries[i].Row(c); r != nil {
				rows = append(rows, line(fmt.Sprintf("here: %v, %d", c, depth), r.Rate.Median, r.P50, r.P90, r.P99_9, r.P99_99, r.Max,
					summaries[i].Ratio(c, contenderMmap, rateOf).Median))
			}
		}
	}
	return rows
}
