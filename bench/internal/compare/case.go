package compare

import (
	"fmt"
	"strconv"
	"strings"
)

// Case is one shape of load.
type Case struct {
	Conns int // connections
	Size  int // bytes of a message
	Depth int // messages under way on each connection; 0: an open loop at half of net's capacity

	// Proto is empty for echoed messages; else a message is an HTTP request, and Size that of the answer's body.
	Proto Proto
}

// Proto is how a server is spoken to.
type Proto string

// The protocols other than echo.
const (
	HTTP  Proto = "http"
	HTTPS Proto = "https"
)

// The cases that the check speaks of.
var (
	caseSmall = Case{Conns: 50, Size: 64, Depth: 1}
	caseMany  = Case{Conns: 1000, Size: 64, Depth: 1}
	caseLarge = Case{Conns: 50, Size: 16 << 10, Depth: 1}
	caseOne   = Case{Conns: 1, Size: 64, Depth: 1}
	caseBulk  = Case{Conns: 200, Size: 16 << 10, Depth: 4}
	caseOpen  = Case{Conns: 50, Size: 64}
)

// echoCases lists what a full run measures.
func echoCases() []Case {
	var cases []Case
	for _, depth := range []int{1, 16} {
		for _, size := range []int{64, 1 << 10, 16 << 10} {
			for _, conns := range []int{1, 50, 1000} {
				cases = append(cases, Case{Conns: conns, Size: size, Depth: depth})
			}
		}
	}
	return append(cases, caseBulk, caseOpen)
}

// String is the case's part of a benchmark name.
func (c Case) String() string {
	if c.Proto != "" {
		return fmt.Sprintf("conns=%d/size=%d/depth=%d/proto=%s", c.Conns, c.Size, c.Depth, c.Proto)
	}
	if c.Depth == 0 {
		return fmt.Sprintf("conns=%d/size=%d/rate=half", c.Conns, c.Size)
	}
	return fmt.Sprintf("conns=%d/size=%d/depth=%d", c.Conns, c.Size, c.Depth)
}

// Title says the case in words.
func (c Case) Title() string {
	conns := fmt.Sprintf("%d connections", c.Conns)
	if c.Conns == 1 {
		conns = "1 connection"
	}
	size := fmt.Sprintf("%d B", c.Size)
	if c.Size >= 1<<10 && c.Size%(1<<10) == 0 {
		size = fmt.Sprintf("%d KiB", c.Size>>10)
	}
	switch {
	case c.Proto != "":
		return fmt.Sprintf("%s, body of %s, %s", conns, size, c.Proto)
	case c.Depth == 0:
		return fmt.Sprintf("%s, %s, open loop at half of net's capacity", conns, size)
	case c.Depth == 1:
		return fmt.Sprintf("%s, %s, ping-pong", conns, size)
	}
	return fmt.Sprintf("%s, %s, %d deep", conns, size, c.Depth)
}

// Contender is one server program.
type Contender struct {
	Engine string // uring, uring-huge, uring-sqpoll, epoll, epoll-huge, std, net, gnet, c-uring, c-epoll
	API    string // how the program does its I/O: recv, readwrite, goroutine, event; of HTTP: nethttp, fasthttp, task
}

// The contenders that others are compared with.
var (
	contenderNet       = Contender{"net", "goroutine"}
	contenderGnet      = Contender{"gnet", "event"}
	contenderUringHuge = Contender{"uring-huge", "recv"}
	contenderEpollHuge = Contender{"epoll-huge", "recv"}
	contenderSQPoll    = Contender{"uring-sqpoll", "recv"}
	contenderCUring    = Contender{"c-uring", "event"}
	contenderCEpoll    = Contender{"c-epoll", "event"}
)

// echoContenders lists all in the order of the tables.
func echoContenders() []Contender {
	var all []Contender
	for _, engine := range []string{"uring", "epoll", "std"} {
		for _, api := range []string{"recv", "readwrite", "goroutine"} {
			all = append(all, Contender{engine, api})
		}
	}
	return append(all, contenderUringHuge, contenderEpollHuge, contenderSQPoll,
		contenderNet, contenderGnet, contenderCUring, contenderCEpoll)
}

// String is the contender's name in tables, flags and the server protocol.
func (c Contender) String() string { return c.Engine + "/" + c.API }

// InC reports whether the contender is one of the floors.
func (c Contender) InC() bool { return strings.HasPrefix(c.Engine, "c-") }

// Floor is the floor that a contender stands on: the same kernel interface without anything above it.
func (c Contender) Floor() Contender {
	if strings.HasPrefix(c.Engine, "uring") || c == contenderCUring {
		return contenderCUring
	}
	return contenderCEpoll
}

// benchName is the sample's name in the Go benchmark format, without "Benchmark". procs 0 leaves GOMAXPROCS
// out.
func benchName(c Contender, cs Case, procs int) string {
	name := fmt.Sprintf("%s/engine=%s/api=%s/%v", cs.suite().Name, c.Engine, c.API, cs)
	if procs > 0 {
		name += fmt.Sprintf("-%d", procs)
	}
	return name
}

// parseBenchName undoes benchName.
func parseBenchName(name string) (c Contender, cs Case, procs int, err error) {
	bad := func(why string) (Contender, Case, int, error) {
		return Contender{}, Case{}, 0, fmt.Errorf("benchmark name %q: %s", name, why)
	}
	suite, rest, _ := strings.Cut(name, "/")
	if suite != Echo.Name && suite != HTTPSuite.Name {
		return bad("not one of ours")
	}
	if i := strings.LastIndexByte(rest, '-'); i > strings.LastIndexByte(rest, '/') {
		if procs, err = strconv.Atoi(rest[i+1:]); err != nil || procs < 1 {
			return bad("bad GOMAXPROCS")
		}
		rest = rest[:i]
	}
	half := false
	for part := range strings.SplitSeq(rest, "/") {
		key, value, _ := strings.Cut(part, "=")
		number, numErr := strconv.Atoi(value)
		switch key {
		case "engine":
			c.Engine, numErr = value, nil
		case "api":
			c.API, numErr = value, nil
		case "conns":
			cs.Conns = number
		case "size":
			cs.Size = number
		case "depth":
			cs.Depth = number
		case "proto":
			cs.Proto, numErr = Proto(value), nil
		case "rate":
			half, numErr = value == "half", nil
		default:
			return bad("unknown key " + key)
		}
		if numErr != nil {
			return bad("bad value of " + key)
		}
	}
	if (cs.Proto != "") != (suite == HTTPSuite.Name) {
		return bad("wrong protocol")
	}
	if c.Engine == "" || c.API == "" || cs.Conns < 1 || cs.Size < 1 || half == (cs.Depth > 0) {
		return bad("incomplete")
	}
	return c, cs, procs, nil
}
