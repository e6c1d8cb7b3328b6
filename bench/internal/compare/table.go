package compare

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Legend says what the columns of a table are.
const Legend = `CPU        µs of CPU per message, server and ksoftirqd: median of the rounds (least..greatest)
poller     the part of it that was the kernel's thread which looks for submissions (SQPOLL)
of net     that CPU as a ratio to package net's in the same round: below 1 needs less
of C       the same to the C server on the same kernel interface (io_uring for uring, else epoll)
enters     kernel entries per message; "-" where the contender does not count them
P          GOMAXPROCS, the one of 1 and 2 with the lower median; "-" for C
p50..      latency in µs, medians of the rounds; in a closed loop it is mostly queueing
`

// WriteTable prints one case for a terminal.
func WriteTable(w io.Writer, s Summary) error {
	fmt.Fprintf(w, "\n%s\n", s.Case.Title())
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "server\tP\tCPU\t(spread)\tpoller\tof net\t(spread)\tof C\t(spread)\tenters"+
		"\tmsg/s\tp50\tp99\tp99.9\t")
	for _, r := range s.Rows {
		procs := "-"
		if r.Procs > 0 {
			procs = fmt.Sprint(r.Procs)
		}
		poller := "-"
		if r.Poller.Median > 0 {
			poller = figures.Number(r.Poller.Median/1e3, 3)
		}
		cpu := r.CPUNs.Times(1e-3)
		fmt.Fprintf(tw, "%v\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t%s\t%s\t%s\t\n", r.Contender, procs,
			figures.Number(cpu.Median, 3), cpu.Limits(3), poller, figures.Number(r.VsNet.Median, 2), r.VsNet.Limits(2),
			figures.Number(r.VsFloor.Median, 2), r.VsFloor.Limits(2), figures.Number(r.Enters.Median, 2),
			r.Rate.Median, micros(r.P50), micros(r.P99), micros(r.P99_9))
	}
	return tw.Flush()
}

func micros(d time.Duration) string {
	return fmt.Sprintf("%.0f", float64(d)/float64(time.Microsecond))
}
