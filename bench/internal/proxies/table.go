package proxies

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Legend says what the columns of a table are.
const Legend = `CPU         µs of CPU per request, of all processes of the proxy and of ksoftirqd: median of the rounds (least..greatest)
of nginx    that CPU as a ratio to nginx's in the same round: below 1 needs less
of haproxy  the same to haproxy's
req/s       requests a second; in an open loop those that were asked for, as far as the proxy kept up
p50..       latency in µs, medians of the rounds; in a closed loop it is mostly queueing, in an open one it counts from the due time
RSS         MiB in RAM, the most of the rounds; pages that processes of one proxy share count for each
void        rounds in which a request failed or a byte was wrong; they have no figures
`

// WriteTable prints one case for a terminal.
func WriteTable(w io.Writer, s *Summary) error {
	fmt.Fprintf(w, "\n%s\n", s.Case.Title())
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range tableOf(s) {
		for _, cell := range row {
			fmt.Fprintf(tw, "%s\t", cell)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// tableOf is the table of a case, its head first.
func tableOf(s *Summary) [][]string {
	rows := [][]string{{"", "CPU", "(spread)", "of nginx", "(spread)", "of haproxy", "(spread)", "req/s", "(spread)",
		"p50", "p99", "p99.9", "RSS", "void"}}
	for i := range s.Rows {
		r := &s.Rows[i]
		cpu := r.CPUNs.Times(1e-3)
		rows = append(rows, []string{string(r.Contender), figures.Number(cpu.Median, 2), cpu.Limits(2),
			figures.Number(r.VsNginx.Median, 2), r.VsNginx.Limits(2), figures.Number(r.VsHap.Median, 2), r.VsHap.Limits(2),
			figures.Number(r.Rate.Median, 0), r.Rate.Limits(0), micros(r.P50), micros(r.P99), micros(r.P99_9),
			figures.Number(r.Resident/(1<<20), 1), errorText(r.Errors)})
	}
	return rows
}

// micros prints nanoseconds in microseconds.
func micros(ns float64) string { return figures.Number(ns/1e3, 0) }

func errorText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
