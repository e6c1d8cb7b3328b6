package randread

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Legend says what the columns of a table are.
const Legend = `read/s     thousands of reads per second: median of the rounds (least..greatest)
of os      that rate as a ratio to os.File.ReadAt's in the same round; of mmap, of fio alike
CPU        µs of CPU per read, of all threads of the process, the kernel's workers in it included; fio's is its own account,
           with sqpoll the process'
of os      that CPU as a ratio to os.File.ReadAt's in the same round: below 1 needs less; of fio alike
process    fio's CPU by the resource usage of its process, less what it takes to start
p50..max   latency in µs, medians of the rounds and the greatest of all: from the end of a read to the end of the next of the
           same closed loop, so the wait for a CPU is in it; of a batch, the batch's; of fio, from submission to completion
threads    the most threads at a time: the process' own + the kernel's workers
enters     system calls per read
csw        context switches per read
spins      turns per µs of the goroutines that compute: what the reads have left to others
fio is io_uring with registered buffers and files, one by one, where there is one, else plain io_uring
`

// fioBase is the fio that a case is compared with.
func fioBase(s *Summary) Contender {
	if s.Row(contenderFioFixed) != nil {
		return contenderFioFixed
	}
	return contenderFio
}

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

// tableOf is the table of a case, its head first. A column in which nothing is known is left out.
func tableOf(s *Summary) [][]string {
	head := []string{"", "read/s", "(spread)", "of os", "of mmap", "of fio", "CPU", "(spread)", "of os", "of fio", "process",
		"p50", "p90", "p99", "p99.9", "p99.99", "max", "threads", "enters", "csw", "spins"}
	rows := [][]string{head}
	fio := fioBase(s)
	ratio := func(c, base Contender, figure func(*Sample) float64) string {
		return figures.Number(s.Ratio(c, base, figure).Median, 2)
	}
	for i := range s.Rows {
		r := &s.Rows[i]
		rate, cpu := r.Rate.Times(1e-3), r.CPUNs.Times(1e-3)
		c := r.Contender
		rows = append(rows, []string{c.String(), figures.Number(rate.Median, 1), rate.Limits(1),
			ratio(c, contenderOS, rateOf), ratio(c, contenderMmap, rateOf), ratio(c, fio, rateOf),
			figures.Number(cpu.Median, 2), cpu.Limits(2), ratio(c, contenderOS, cpuOf), ratio(c, fio, cpuOf),
			figures.Number(r.Process.Median*1e-3, 2),
			micros(r.P50), micros(r.P90), micros(r.P99), micros(r.P99_9), micros(r.P99_99), micros(r.Max),
			r.threadText(), figures.Number(r.Enters.Median, 3), figures.Number(r.Switches.Median, 3),
			figures.Number(r.Spins.Median, 1)})
	}
	return withoutEmptyColumns(rows)
}

// withoutEmptyColumns leaves out what no row knows.
func withoutEmptyColumns(rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for column := range rows[0] {
		known := false
		for _, row := range rows[1:] {
			known = known || row[column] != "-" && row[column] != ""
		}
		for i, row := range rows {
			if known {
				out[i] = append(out[i], row[column])
			}
		}
	}
	return out
}

func (r *Row) threadText() string {
	if math.IsNaN(r.Threads) {
		return "-"
	}
	if r.Workers > 0 {
		return fmt.Sprintf("%.0f+%.0f", r.Threads, r.Workers)
	}
	return fmt.Sprintf("%.0f", r.Threads)
}

// micros prints a time in microseconds, with a digit behind the point where it is short.
func micros(d time.Duration) string {
	us := float64(d) / float64(time.Microsecond)
	if us < 10 {
		return fmt.Sprintf("%.1f", us)
	}
	return fmt.Sprintf("%.0f", us)
}
