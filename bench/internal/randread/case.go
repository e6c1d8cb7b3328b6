package randread

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// blockBytes is what is read at a time.
const blockBytes = 4096

// Cache says where the data are that are read.
type Cache string

// The states of the page cache. A mix is named after the percentage of the reads that find their data in it.
const (
	Direct Cache = "direct" // it is bypassed with O_DIRECT
	Cold   Cache = "cold"   // nothing of what is read is in it
	Cached Cache = "cached" // all is in it
	Mix50  Cache = "mix50"
	Mix90  Cache = "mix90"
	Mix99  Cache = "mix99"
)

// hot is the percentage of the reads that go to the resident part of the data.
func (c Cache) hot() int {
	switch c {
	case Cached:
		return 100
	case Direct, Cold:
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(string(c), "mix"))
	return n
}

// mixed reports whether some reads find their data in the page cache and some do not.
func (c Cache) mixed() bool { return strings.HasPrefix(string(c), "mix") }

// Mode is how a ring is driven.
type Mode string

// The modes. The kernel's manual page of io_uring_setup(2) has them as IORING_SETUP_IOPOLL and IORING_SETUP_SQPOLL.
const (
	ModeDefault Mode = "default"
	ModeIOPoll  Mode = "iopoll" // completions are polled for at the device
	ModeSQPoll  Mode = "sqpoll" // a thread of the kernel polls for submissions
)

// Case is one row of conditions that all contenders meet.
type Case struct {
	Cache Cache
	Depth int  // reads in flight
	Busy  bool // beside a goroutine per P that computes
	Mode  Mode
}

// Depths are those of the published comparison.
var Depths = []int{8, 32, 512}

// midDepth is the depth of the cases that are shown at one depth: half cached, and beside computing goroutines.
const midDepth = 32

// Cases lists all in the order of the tables.
func Cases(mode Mode) []Case {
	var all []Case
	for _, cache := range []Cache{Direct, Cold, Mix50, Mix90, Mix99, Cached} {
		for _, depth := range Depths {
			if cache == Mix50 && depth != midDepth {
				continue // between cold and 90 %, it is shown at one depth
			}
			all = append(all, Case{Cache: cache, Depth: depth, Mode: mode})
		}
	}
	for _, cache := range []Cache{Direct, Cold} {
		all = append(all, Case{Cache: cache, Depth: midDepth, Busy: true, Mode: mode})
	}
	return all
}

// String is the case's part of a sample's name.
func (c Case) String() string {
	s := fmt.Sprintf("cache=%s/depth=%d", c.Cache, c.Depth)
	if c.Busy {
		s += "/busy=yes"
	}
	if c.Mode != ModeDefault {
		s += "/mode=" + string(c.Mode)
	}
	return s
}

// Title is the case for a reader.
func (c Case) Title() string {
	s := map[Cache]string{Direct: "O_DIRECT", Cold: "cold, through the page cache", Cached: "all cached"}[c.Cache]
	if c.Cache.mixed() {
		s = fmt.Sprintf("%d %% cached", c.Cache.hot())
	}
	s += fmt.Sprintf(", %d in flight", c.Depth)
	if c.Busy {
		s += ", a computing goroutine per P"
	}
	if c.Mode != ModeDefault {
		s += ", " + string(c.Mode)
	}
	return s
}

// parseCase undoes String.
func parseCase(s string) (Case, error) {
	c := Case{Mode: ModeDefault}
	for part := range strings.SplitSeq(s, "/") {
		key, value, _ := strings.Cut(part, "=")
		ok := true
		switch key {
		case "cache":
			c.Cache = Cache(value)
			ok = slices.Contains([]Cache{Direct, Cold, Mix50, Mix90, Mix99, Cached}, c.Cache)
		case "depth":
			var err error
			c.Depth, err = strconv.Atoi(value)
			ok = err == nil && c.Depth > 0
		case "busy":
			c.Busy, ok = true, value == "yes"
		case "mode":
			c.Mode = Mode(value)
			ok = c.Mode == ModeIOPoll || c.Mode == ModeSQPoll
		default:
			ok = false
		}
		if !ok {
			return Case{}, fmt.Errorf("case %q: what is %q", s, part)
		}
	}
	if c.Cache == "" || c.Depth == 0 {
		return Case{}, fmt.Errorf("case %q: incomplete", s)
	}
	return c, nil
}
