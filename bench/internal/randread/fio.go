package randread

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// fioOutput is what we take from the output of "fio --output-format=json": fio(1), "JSON output".
type fioOutput struct {
	Version string `json:"fio version"`
	Jobs    []struct {
		Error    int     `json:"error"`
		Runtime  float64 `json:"job_runtime"` // milliseconds, of all threads
		User     float64 `json:"usr_cpu"`     // percent of it
		System   float64 `json:"sys_cpu"`
		Switches float64 `json:"ctx"`
		Read     fioRead `json:"read"`
	} `json:"jobs"`
}

type fioRead struct {
	Runtime float64 `json:"runtime"` // milliseconds
	Reads   int     `json:"total_ios"`
	Latency struct {
		Max        float64            `json:"max"`
		Percentile map[string]float64 `json:"percentile"`
	} `json:"lat_ns"`
}

// parseFio makes a sample of fio's output. Warnings may stand before the JSON.
func parseFio(text []byte) (Sample, error) {
	start := bytes.IndexByte(text, '{')
	if start < 0 {
		return Sample{}, fmt.Errorf("fio: no JSON in its output %q", text[:min(len(text), 200)])
	}
	var out fioOutput
	if err := json.NewDecoder(bytes.NewReader(text[start:])).Decode(&out); err != nil {
		return Sample{}, fmt.Errorf("fio: output: %w", err)
	}
	if len(out.Jobs) != 1 {
		return Sample{}, fmt.Errorf("fio: %d groups of jobs in its output, want one", len(out.Jobs))
	}
	job := &out.Jobs[0]
	read := &job.Read
	if job.Error != 0 {
		return Sample{}, fmt.Errorf("fio: error %d", job.Error)
	}
	if read.Reads == 0 || read.Runtime == 0 {
		return Sample{}, fmt.Errorf("fio: %d reads in %v ms", read.Reads, read.Runtime)
	}
	s := emptySample()
	s.Reads = read.Reads
	s.Rate = float64(read.Reads) / read.Runtime * 1e3
	s.CPUNs = (job.User + job.System) / 100 * job.Runtime * float64(time.Millisecond) / float64(read.Reads)
	s.Switches = job.Switches / float64(read.Reads)
	for name, at := range map[string]*time.Duration{"50.000000": &s.P50, "90.000000": &s.P90, "99.000000": &s.P99,
		"99.900000": &s.P99_9, "99.990000": &s.P99_99} {
		v, ok := read.Latency.Percentile[name]
		if !ok {
			return Sample{}, fmt.Errorf("fio: no percentile %s in its output", name)
		}
		*at = time.Duration(v)
	}
	s.Max = time.Duration(read.Latency.Max)
	return s, nil
}

// fioFilesMax bounds the files that all threads of a run of fio have open together.
const fioFilesMax = 8192

const (
	// fioCoarse is the log2 of how many bins of fio's histogram are added up to one in its log.
	fioCoarse = 2
	// fioGroupBits: fio's histogram has 64 bins between a power of two and the next (FIO_IO_U_PLAT_BITS in its stat.h).
	fioGroupBits = 6
)

// fioBin is the middle of a bin of fio's histogram (plat_idx_to_val in its stat.c).
func fioBin(i int) time.Duration {
	if i < 2<<fioGroupBits {
		return time.Duration(i)
	}
	shift := i>>fioGroupBits - 1
	base := 1 << (shift + fioGroupBits)
	return time.Duration(base + (i&(1<<fioGroupBits-1))<<shift + 1<<shift/2)
}

// parseFioHist makes a heat map of a log of histograms (fio's option write_hist_log): lines of milliseconds, direction,
// size, and the counts of the bins since the line before.
func parseFioHist(r io.Reader, slice time.Duration) (Heat, error) {
	heat := new(heatCounter)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ", ")
		if len(fields) < 4 {
			return nil, fmt.Errorf("fio: line %q of its histogram log", lines.Text())
		}
		ms, err := strconv.Atoi(fields[0])
		if err != nil {
			return nil, fmt.Errorf("fio: histogram log: %w", err)
		}
		// The line tells of the time before it.
		share := float64(time.Duration(ms)*time.Millisecond)/float64(slice) - 0.5/heatColumns
		for i, field := range fields[3:] {
			n, err := strconv.Atoi(strings.Trim(field, " ,"))
			if err != nil {
				return nil, fmt.Errorf("fio: histogram log: %w", err)
			}
			if n > 0 {
				heat.add(share, fioBin(i<<fioCoarse+1<<fioCoarse/2), n)
			}
		}
	}
	return heat.heat(), lines.Err()
}
