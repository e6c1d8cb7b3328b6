// Command tinygate is a reverse proxy for HTTP/1.1 on unio. Without arguments it starts a small upstream
// of its own and serves it on 127.0.0.1:8080.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/demo"
	"github.com/unio-go/unio/tinygate/internal/gate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "tinygate:", err)
		os.Exit(1)
	}
}

// errUsage is for command lines that have been answered with what would be right.
var errUsage = errors.New("wrong usage")

// settings are the command line.
type settings struct {
	listen string
	to     string
	engine string
	loops  int
	grace  time.Duration
}

const usage = `tinygate [flags]: a reverse proxy for HTTP/1.1

Without --to it starts a demo upstream of its own. SIGTERM and SIGINT end it gently: it stops listening, lets the
requests in flight finish, and closes the rest. A second signal ends it at once.

`

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("tinygate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.listen, "listen", "127.0.0.1:8080", "serve clients on `ADDR`")
	f.StringVar(&s.to, "to", "", "forward to `HOST:PORT[,HOST:PORT...]`, in turn")
	f.StringVar(&s.engine, "engine", "auto", "`ENGINE` for I/O: auto, uring, epoll or std; auto follows "+
		unio.EngineVariable+", else takes the best that works here")
	f.IntVar(&s.loops, "loops", 0, "`N` loops, each a thread (default: as many as CPUs may be used)")
	f.DurationVar(&s.grace, "grace", 30*time.Second, "at the end, let requests in flight finish for so `long`")
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, errUsage
	}
	if f.NArg() > 0 {
		fmt.Fprintf(stderr, "tinygate: unexpected argument %q: flags begin with --, and addresses follow --to\n",
			f.Arg(0))
		return s, errUsage
	}
	if s.loops < 0 {
		fmt.Fprintf(stderr, "tinygate: --loops %d: it is a number of threads, 0 for as many as CPUs\n", s.loops)
		return s, errUsage
	}
	if s.grace < 0 {
		fmt.Fprintf(stderr, "tinygate: --grace %v: it is a time to wait, such as 30s, or 0\n", s.grace)
		return s, errUsage
	}
	switch s.engine {
	case "auto":
		s.engine = ""
	case string(unio.Uring), string(unio.Epoll), string(unio.Std):
	default:
		fmt.Fprintf(stderr, "tinygate: --engine %s: there are auto, uring, epoll and std\n", s.engine)
		return s, errUsage
	}
	return s, nil
}

// run is the program, until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if s.loops == 0 {
		s.loops = runtime.GOMAXPROCS(0)
	}
	// A loop keeps its thread while it polls. One more lets the garbage collector and the log go on
	// beside busy loops.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), s.loops+1))
	rt, err := unio.New(&unio.Options{Engine: unio.Engine(s.engine), Loops: s.loops, Logger: log})
	if err != nil {
		return err
	}
	defer rt.Close()
	upstreams, err := upstreamsOf(s.to)
	if err != nil {
		return err
	}
	g, err := gate.New(rt, gate.Config{Upstreams: upstreams, Logger: log})
	if err != nil {
		return err
	}
	ln, err := rt.Listen("tcp", s.listen, g.ListenOptions())
	if err != nil {
		return fmt.Errorf("%w (another address can be given with --listen)", err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(ln) }()
	greet(stdout, ln.Addr(), upstreams, s.to == "", rt.Report())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	return end(rt, g, s.grace, stdout)
}

// upstreamsOf splits --to, or starts the demo.
func upstreamsOf(to string) ([]string, error) {
	if to == "" {
		addr, err := demo.Start()
		return []string{addr}, err
	}
	var all []string
	for u := range strings.SplitSeq(to, ",") {
		all = append(all, strings.TrimSpace(u))
	}
	return all, nil
}

// greet says what to try, and which engine runs and why.
func greet(w io.Writer, addr net.Addr, upstreams []string, demo bool, r unio.Report) {
	what := strings.Join(upstreams, ", ")
	if demo {
		what = "a demo upstream on " + what
	}
	fmt.Fprintf(w, "tinygate serves %s on http://%s/ - try: curl -i http://%s/\n", what, addr, addr)
	loops := "loops"
	if r.Loops == 1 {
		loops = "loop"
	}
	fmt.Fprintf(w, "engine %s on %d %s, %s %s: %s\n", r.Engine, r.Loops, loops, runtime.GOOS, r.Kernel, r.Reason)
}

// end lets requests in flight finish.
func end(rt *unio.Runtime, g *gate.Gate, grace time.Duration, stdout io.Writer) error {
	fmt.Fprintf(stdout, "tinygate ends: requests in flight get up to %v\n", grace)
	g.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := rt.Shutdown(ctx); err != nil {
		return fmt.Errorf("some requests were cut short: %w", err)
	}
	return nil
}
