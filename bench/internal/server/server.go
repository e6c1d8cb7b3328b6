package server

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/unio-go/unio"
)

// Verb is the hidden command by which a bench binary becomes one of the servers.
const Verb = "__serve"

// echoBytes is the receive buffer of contenders that bring their own: at least one message, and what the
// other contenders take at once.
const echoBytes = 64 << 10

// Running is a server that listens.
type Running struct {
	Addr net.Addr
	// TLSAddr is where an HTTP server listens for TLS; nil where there is none.
	TLSAddr net.Addr
	// Enters counts how often the server has entered the kernel; nil where the contender does not count.
	Enters func() uint64
	// Stop ends the server.
	Stop func() error
}

// starters are the contenders by "engine/api".
var starters = map[string]func() (*Running, error){
	"uring/recv":        startUnio(unio.Uring, serveRecv),
	"uring/readwrite":   startUnio(unio.Uring, serveReadWrite),
	"uring/goroutine":   startUnio(unio.Uring, serveGoroutine),
	"uring-huge/recv":   startHuge(unio.Uring),
	"uring-sqpoll/recv": startSQPoll,
	"epoll/recv":        startUnio(unio.Epoll, serveRecv),
	"epoll/readwrite":   startUnio(unio.Epoll, serveReadWrite),
	"epoll/goroutine":   startUnio(unio.Epoll, serveGoroutine),
	"epoll-huge/recv":   startHuge(unio.Epoll),
	"std/recv":          startUnio(unio.Std, serveRecv),
	"std/readwrite":     startUnio(unio.Std, serveReadWrite),
	"std/goroutine":     startUnio(unio.Std, serveGoroutine),
	"uring/nethttp":     startHTTP(unio.Uring, serveNetHTTP),
	"epoll/nethttp":     startHTTP(unio.Epoll, serveNetHTTP),
	"net/nethttp":       startHTTP("", serveNetHTTP),
	"uring/fasthttp":    startHTTP(unio.Uring, serveFastHTTP),
	"epoll/fasthttp":    startHTTP(unio.Epoll, serveFastHTTP),
	"net/fasthttp":      startHTTP("", serveFastHTTP),
	"uring/task":        startTask(unio.Uring),
	"epoll/task":        startTask(unio.Epoll),
	"net/goroutine":     startNet,
	"gnet/event":        startGnet,
}

// Names lists the contenders that this package has, sorted.
func Names() []string {
	return slices.Sorted(maps.Keys(starters))
}

// Serve runs one contender until in ends. Once the server listens it writes "ready PORT", with the port for TLS behind it if
// there is one, and then for each line of in "stats N" with the kernel entries so far, or "stats -".
func Serve(name string, in io.Reader, out io.Writer) error {
	start, ok := starters[name]
	if !ok {
		return fmt.Errorf("no server is called %q; there are %s", name, strings.Join(Names(), ", "))
	}
	s, err := start()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	ready := "ready"
	for _, a := range []net.Addr{s.Addr, s.TLSAddr} {
		if a != nil {
			ready += fmt.Sprintf(" %d", a.(*net.TCPAddr).Port)
		}
	}
	if _, err := fmt.Fprintln(out, ready); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if s.Enters == nil {
			_, err = fmt.Fprintln(out, "stats -")
		} else {
			_, err = fmt.Fprintf(out, "stats %d\n", s.Enters())
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return s.Stop()
}
