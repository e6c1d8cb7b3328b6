package randread

import (
	"fmt"
	"strings"
)

// Contender is a way to read.
type Contender struct {
	Engine string // unio's engine, or whose program it is
	API    string // the call
}

// The contenders that others are compared with.
var (
	contenderOS       = Contender{"os", "readat"}
	contenderMmap     = Contender{"mmap", "copy"}
	contenderAIO      = Contender{"aio", "loop"}
	contenderFio      = Contender{"fio", "io_uring"}
	contenderFioFixed = Contender{"fio", "io_uring-fixed"}
	contenderFioBatch = Contender{"fio", "io_uring-batch"}
	contenderFioAIO   = Contender{"fio", "libaio"}
	contenderFioSync  = Contender{"fio", "psync"}
	contenderFioMmap  = Contender{"fio", "mmap"}
)

// The names of unio's calls.
const (
	apiReadAt  = "readat"
	apiReadBuf = "readbuf"
	apiBatch   = "batch"
	apiTask    = "task"
	apiMap     = "map"
)

// Contenders lists all in the order of the tables.
func Contenders() []Contender {
	var all []Contender
	for _, engine := range []string{"uring", "epoll"} {
		for _, api := range []string{apiReadAt, apiReadBuf, apiBatch, apiTask, apiMap} {
			all = append(all, Contender{engine, api})
		}
	}
	return append(all, contenderOS, contenderMmap, contenderAIO, contenderFio, contenderFioFixed, contenderFioBatch,
		contenderFioAIO, contenderFioSync, contenderFioMmap)
}

// String is the contender's name in tables and flags.
func (c Contender) String() string { return c.Engine + "/" + c.API }

// contenderOf undoes String.
func contenderOf(s string) (Contender, error) {
	engine, api, ok := strings.Cut(s, "/")
	if !ok || engine == "" || api == "" {
		return Contender{}, fmt.Errorf("contender %q: want engine/api", s)
	}
	return Contender{engine, api}, nil
}

// unio reports whether the contender is this library.
func (c Contender) unio() bool { return c.Engine == "uring" || c.Engine == "epoll" }

// fits says why a contender has no part in a case; empty: it has.
func (c Contender) fits(cs Case) string {
	switch {
	case cs.Mode == ModeSQPoll && c.Engine == "uring" && c.API != apiTask:
		return "unio's option SQPoll is for the rings of loops, where tasks read"
	case cs.Mode == ModeIOPoll && c.Engine == "uring":
		return "unio has no option for rings that poll the device"
	case cs.Mode == ModeSQPoll && c != (Contender{"uring", apiTask}) && !strings.HasPrefix(c.API, "io_uring"):
		return "it has no ring that a thread of the kernel could poll"
	case cs.Mode == ModeIOPoll && !strings.HasPrefix(c.API, "io_uring"):
		return "it has no ring that could poll the device"
	case cs.Mode == ModeIOPoll && cs.Cache != Direct:
		return "the device is polled for O_DIRECT only"
	case (c == contenderMmap || c.API == apiMap) && cs.Cache == Direct:
		return "a mapping is the page cache"
	case c == contenderAIO && cs.Cache.mixed():
		return "its calls block on what is not O_DIRECT; cold and cached show it"
	case c.Engine == "epoll" && (c.API == apiReadBuf || c.API == apiBatch) && cs.Cache.hot() > 0:
		return "epoll's ReadAt and tasks show it"
	case c.Engine == "fio":
		return c.fioFits(cs)
	}
	return ""
}

// fioFits is fits for what concerns only fio.
func (c Contender) fioFits(cs Case) string {
	switch {
	case cs.Busy:
		return "fio has no goroutines to compete with"
	case cs.Cache.mixed():
		return "fio keeps no hit rate"
	case c == contenderFioMmap && cs.Cache == Direct:
		return "a mapping is the page cache"
	case cs.Cache == Cached && c == contenderFioMmap:
		return "fio maps the beginning of a file whatever its offset says, which is not the resident part"
	case cs.Cache == Cached && c != contenderFio && cs.Depth*filesInSet > fioFilesMax:
		return "so many threads cannot have all files open, and a few are not as much data"
	case cs.Cache != Direct && c != contenderFio && c != contenderFioMmap && c != contenderFioSync:
		return "shown with O_DIRECT"
	}
	return ""
}

// benchName is a sample's name in the Go benchmark format, without "Benchmark".
func benchName(c Contender, cs Case) string {
	return fmt.Sprintf("%s/engine=%s/api=%s/%v", benchPrefix, c.Engine, c.API, cs)
}

// benchPrefix heads the names of samples.
const benchPrefix = "RandRead"

// parseBenchName undoes benchName.
func parseBenchName(name string) (c Contender, cs Case, err error) {
	parts := strings.SplitN(name, "/", 4)
	if len(parts) != 4 || parts[0] != benchPrefix {
		return c, cs, fmt.Errorf("benchmark name %q: not one of ours", name)
	}
	engine, isEngine := strings.CutPrefix(parts[1], "engine=")
	api, isAPI := strings.CutPrefix(parts[2], "api=")
	if !isEngine || !isAPI || engine == "" || api == "" {
		return c, cs, fmt.Errorf("benchmark name %q: want engine and api", name)
	}
	if cs, err = parseCase(parts[3]); err != nil {
		return c, cs, fmt.Errorf("benchmark name %q: %w", name, err)
	}
	return Contender{engine, api}, cs, nil
}
