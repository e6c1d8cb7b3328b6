package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/admin"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/gate"
	"github.com/unio-go/unio/uniolog"
)

// program is a gate that serves until it is told to end.
type program struct {
	cfg            *config.Config
	file           string                         // "": there is none
	load           func() (*config.Config, error) // reads the file again
	stdout, stderr io.Writer
	what           string // that is served, for the greeting

	level   slog.LevelVar
	handler *uniolog.Handler
	log     *slog.Logger
	rt      *unio.Runtime
	gate    *gate.Gate
	admin   *admin.Server // nil: none
	started time.Time
	loaded  atomic.Int64 // when the configuration was taken, nanoseconds since 1970

	reloading sync.Mutex // from reading the file to taking it, so that the file read last is the one that holds
}

// serve runs the program until ctx is done.
func (p *program) serve(ctx context.Context) error {
	signals := heed()
	defer signals.stop()
	// A task that logs must not wait for the terminal or a disk.
	p.handler = uniolog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: &p.level}), nil)
	defer p.closeLog()
	p.log = slog.New(p.handler)
	p.level.UnmarshalText([]byte(p.cfg.LogLevel))
	for _, w := range p.cfg.Warnings {
		say(p.stderr, "warning: "+w+"\n")
	}
	if err := p.open(); err != nil {
		return err
	}
	defer func() {
		if err := p.gate.Close(); err != nil {
			p.log.Error("tinygate: the end", "error", err)
		}
	}()
	defer p.rt.Close()
	if p.cfg.Admin.Address != "" {
		var err error
		if p.admin, err = admin.Serve(p.cfg.Admin, adminGate{p}, p.gate.Metrics(), p.log); err != nil {
			return err
		}
		defer p.closeAdmin()
	}
	p.gate.Start()
	p.greet()
	go signals.obey(signals.reload, func() { p.reload() })
	go signals.obey(signals.reopen, p.reopen)
	select {
	case err := <-p.gate.Failed():
		return err
	case <-ctx.Done():
	}
	return p.end()
}

// unreadBytes is what a connection may have received that was not sent on. The uring engine receives a quarter of it at once,
// so this lets a response of 16 KiB with its head come whole: with the default of 64 KiB it came in two pieces, at a tenth
// more CPU. At 256 KiB nothing more was gained.
const unreadBytes = 128 << 10

// open makes the runtime and the gate.
func (p *program) open() (err error) {
	loops := p.cfg.Loops
	if loops == 0 {
		loops = runtime.GOMAXPROCS(0)
	}
	// A loop keeps its thread while it polls. One more lets the garbage collector and the log go on
	// beside busy loops.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), loops+1))
	engine := unio.Engine(p.cfg.Engine)
	if engine == "auto" {
		engine = ""
	}
	o := &unio.Options{Engine: engine, Loops: loops, UnreadBytes: unreadBytes, WaitInPlace: true, Logger: p.log}
	if p.rt, err = newRuntime(o, p.cfg.HugePages); err != nil {
		return err
	}
	if p.gate, err = gate.New(p.rt, p.cfg, p.log); err != nil {
		p.rt.Close()
		return err
	}
	p.started = time.Now()
	p.loaded.Store(p.started.UnixNano())
	return nil
}

// newRuntime makes a runtime with huge pages, without them, or with them where the kernel gives them.
func newRuntime(o *unio.Options, hugePages string) (*unio.Runtime, error) {
	o.HugePages = hugePages != "off"
	rt, err := unio.New(o)
	if err == nil || hugePages != "auto" {
		return rt, err
	}
	o.HugePages = false
	rt, again := unio.New(o)
	if again == nil {
		o.Logger.Debug("no huge pages", "reason", err)
	}
	return rt, again
}

// greet says what to try, and which engine runs and why.
func (p *program) greet() {
	urls := p.gate.URLs()
	try := urls[0]
	if scheme, path, ok := strings.Cut(try, "://unix:"); ok {
		try = "--unix-socket " + strings.TrimSuffix(path, ":/") + " " + scheme + "://localhost/"
	}
	r := p.rt.Report()
	loops := "loops"
	if r.Loops == 1 {
		loops = "loop"
	}
	say(p.stdout, fmt.Sprintf("tinygate serves %s on %s - try: curl -i %s\nengine %s on %d %s, %s %s: %s\n",
		p.what, strings.Join(urls, ", "), try, r.Engine, r.Loops, loops, runtime.GOOS, r.Kernel, r.Reason))
}

// hangWait is how long the reader of stdout or stderr is waited for. One that hangs, as a log shipper may, keeps the program
// neither from serving nor from ending.
const hangWait = time.Second

// say writes what is for people.
func say(to io.Writer, text string) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		io.WriteString(to, text)
	}()
	select {
	case <-written:
	case <-time.After(hangWait):
	}
}

// closeLog writes what is left of the program's own log.
func (p *program) closeLog() {
	ctx, cancel := context.WithTimeout(context.Background(), hangWait)
	defer cancel()
	_ = p.handler.Close(ctx) // it could only be told there
}

// linesAtOnce is how many lines a reload logs before it waits for the log to have written them.
const linesAtOnce = 256

// tell logs the lines of a reload, which may be more than the log has room for. It waits for the log now and then, unless
// that hangs.
func (p *program) tell(log func(msg string, args ...any), lines []string) {
	hangs := false
	for i, line := range lines {
		log("tinygate: reload: " + line)
		if i%linesAtOnce == linesAtOnce-1 && !hangs {
			ctx, cancel := context.WithTimeout(context.Background(), hangWait)
			hangs = p.handler.Flush(ctx) != nil
			cancel()
		}
	}
}

func (p *program) reopen() {
	if err := p.gate.ReopenLog(); err != nil {
		p.log.Error("tinygate: the access log goes on as it was", "error", err)
	}
}

// reload reads the file again and takes it when it is good.
func (p *program) reload() ([]string, error) {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	changes, err := p.take()
	if err != nil {
		p.log.Error("tinygate: the configuration stays as it was", "error", err)
		return nil, err
	}
	if len(changes) == 0 {
		changes = []string{"nothing has changed"}
	}
	p.tell(p.log.Info, changes)
	return changes, nil
}

var errNoFile = errors.New("there is no file to read again: tinygate was started with flags; use tinygate run FILE")

func (p *program) take() ([]string, error) {
	if p.load == nil {
		return nil, errNoFile
	}
	cfg, err := p.load()
	if err != nil {
		p.gate.Refused()
		return nil, err
	}
	changes, err := p.gate.Reload(cfg)
	if err == nil {
		p.tell(p.log.Warn, cfg.Warnings)
		p.level.UnmarshalText([]byte(cfg.LogLevel))
		p.loaded.Store(time.Now().UnixNano())
	}
	return changes, err
}

// end lets requests in flight finish.
func (p *program) end() error {
	limit := p.gate.Config().Drain
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	began := time.Now()
	p.gate.Drain()
	say(p.stdout, fmt.Sprintf("tinygate ends: requests in flight get up to %v\n", limit))
	if err := p.rt.Shutdown(ctx); err != nil {
		return fmt.Errorf("some requests were cut short after %v: %w", time.Since(began).Round(time.Millisecond), err)
	}
	return nil
}

// adminEnd is how long requests to the admin API may still take when all that is served has ended, for the answer to a command
// that ends just then.
const adminEnd = time.Second

// closeAdmin ends the admin API.
func (p *program) closeAdmin() {
	ctx, cancel := context.WithTimeout(context.Background(), adminEnd)
	defer cancel()
	if err := p.admin.Close(ctx); err != nil {
		p.log.Warn("tinygate: the end", "error", err)
	}
}

// hint adds what can be done about an address that is taken.
func (p *program) hint(err error, cure string) error {
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%w (%s)", err, cure)
	}
	return err
}
