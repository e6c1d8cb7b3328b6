package randread

import "time"

// publishedRow is a line of the comparison of io_uring with mmap that skyzh published with uring-positioned-io.
type publishedRow struct {
	name  string
	depth int
	mmap  bool
	rate  float64 // reads per second
	p50   time.Duration
	p90   time.Duration
	p999  time.Duration
	p9999 time.Duration
	max   time.Duration
}

// The source of the published figures, and what they were measured on.
const (
	publishedURL = "https://www.skyzh.dev/blog/2021-01-30-async-random-read-with-rust/"
	publishedOn  = "aligned random reads of 4 KiB over 128 files of 1 GiB through the page cache, 32 GiB of memory, a 1 TB NVMe " +
		"drive; mmap with a thread per read in flight, io_uring (uring-positioned-io on Tokio) with 8 threads"
)

// published is the table of that page, in its order: reads per second and nanoseconds.
var published = []publishedRow{
	{"uring_8", 8, false, 104085.77710777053, 83166, 109183, 246416, 3105883, 14973666},
	{"uring_32", 32, false, 227097.61356918357, 142869, 212730, 1111491, 3321889, 14336132},
	{"uring_512", 512, false, 212076.5160505447, 1973421, 3521119, 19478348, 25551700, 35433481},
	{"mmap_8", 8, true, 109697.87025744558, 78971, 107021, 204211, 1787823, 18522047},
	{"mmap_32", 32, true, 312829.53428971884, 100336, 178914, 419955, 4408214, 55129932},
	{"mmap_512", 512, true, 235368.9890904751, 2556429, 3265266, 15946744, 50029659, 156095218},
}

// publishedRatio is io_uring's rate to mmap's in the published table.
func publishedRatio(depth int) float64 {
	var uring, mmap float64
	for _, r := range published {
		if r.depth != depth {
			continue
		}
		if r.mmap {
			mmap = r.rate
		} else {
			uring = r.rate
		}
	}
	if mmap == 0 {
		return none
	}
	return uring / mmap
}
