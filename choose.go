package unio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/epollengine"
	"github.com/unio-go/unio/internal/engine/guest"
	"github.com/unio-go/unio/internal/engine/stdengine"
	"github.com/unio-go/unio/internal/engine/uringengine"
)

// EngineVariable is the environment variable by which an operator chooses the engine of programs that do not choose
// one themselves.
const EngineVariable = "UNIO_ENGINE"

// candidate is an engine that may be chosen. Available does what the engine needs and says why it cannot work here.
type candidate struct {
	name      Engine
	available func() error
	open      func(engine.Config) (engine.Engine, error)
	listen    func(network, addr string) (net.Listener, error) // nil: package net does it
}

// candidates are in the order of preference.
var candidates = []candidate{
	{Uring, uringengine.Available, func(c engine.Config) (engine.Engine, error) { return uringengine.New(c) }, nil},
	{Epoll, epollengine.Available, func(c engine.Config) (engine.Engine, error) { return epollengine.New(c) }, nil},
	{Std, func() error { return nil }, func(c engine.Config) (engine.Engine, error) { return stdengine.New(c) }, nil},
}

// choice is an engine with the reason why it was taken.
type choice struct {
	candidate
	shared   candidate // for the connections of goroutines
	reason   string
	rejected []string // why better ones were not taken
	wisher   string   // who has chosen; empty: nobody
}

// choose finds the engine: what the program wishes, else what the environment wishes, else the first that works.
func choose(wish Engine) (choice, error) {
	from := "Options.Engine"
	if wish == Auto {
		wish, from = Engine(os.Getenv(EngineVariable)), "the environment variable "+EngineVariable
	}
	if wish == Auto || wish == "auto" {
		return chooseFirst(candidates, nil)
	}
	g, isGuest, err := guest.Find(string(wish))
	if err != nil {
		return choice{}, fmt.Errorf("unio: engine %s, chosen by %s: %w", wish, from, err)
	}
	if isGuest {
		c := candidate{name: Sim, open: g.Open, listen: g.Listen}
		return wished(c, from), nil
	}
	if wish == Sim {
		return choice{}, fmt.Errorf("unio: engine sim, chosen by %s, is for tests, and not part of this program: "+
			"a test gets it by importing package uniotest", from)
	}
	for _, c := range candidates {
		if c.name != wish {
			continue
		}
		if err := c.available(); err != nil {
			return choice{}, cannotWork(wish, from, err)
		}
		return wished(c, from), nil
	}
	return choice{}, fmt.Errorf("unio: %s names the engine %q; there are uring, epoll and std, and nothing or "+
		"auto for the best that works", from, wish)
}

// sharedBy is the engine for the connections of goroutines where nobody has chosen: epoll instead of uring when goroutines
// may run on several threads, because a ring completes a request on the thread that submitted it (decision 0007).
func sharedBy(c candidate) candidate {
	if c.name != Uring || runtime.GOMAXPROCS(0) == 1 {
		return c
	}
	for _, o := range candidates {
		if o.name == Epoll && o.available() == nil {
			return o
		}
	}
	return c
}

// wished is the choice of somebody.
func wished(c candidate, wisher string) choice {
	return choice{candidate: c, shared: c, reason: "chosen by " + wisher, wisher: wisher}
}

// cannotWork is the error for who has chosen an engine.
func cannotWork(name Engine, wisher string, err error) error {
	return fmt.Errorf("unio: engine %s, chosen by %s, cannot work here: %w", name, wisher, err)
}

// chooseFirst takes the first of some candidates that works; rejected are those before them.
func chooseFirst(from []candidate, rejected []string) (choice, error) {
	var errs []error
	for _, c := range from {
		err := c.available()
		if err == nil {
			reason := "the best engine that works here"
			if len(rejected) > 0 {
				reason += " (" + strings.Join(rejected, "; ") + ")"
			}
			return choice{candidate: c, shared: sharedBy(c), reason: reason, rejected: rejected}, nil
		}
		if err := noDescriptors(c.name, err); err != nil {
			return choice{}, err
		}
		rejected = append(rejected, rejection(c.name, err))
		errs = append(errs, err)
	}
	return choice{}, fmt.Errorf("unio: no engine works here: %w", errors.Join(errs...))
}

// after is the choice when the engine of c could not be made although it had seemed to work, as where the limit of locked memory lets
// a ring be tried, and no ring of a loop.
func (c choice) after(err error) (choice, error) {
	if c.wisher != "" {
		return choice{}, cannotWork(c.name, c.wisher, err)
	}
	if err := noDescriptors(c.name, err); err != nil {
		return choice{}, err
	}
	at := slices.IndexFunc(candidates, func(o candidate) bool { return o.name == c.name })
	if at+1 == len(candidates) {
		return choice{}, err
	}
	return chooseFirst(candidates[at+1:], append(c.rejected, rejection(c.name, err)))
}

// noDescriptors is the error where descriptors are lacking: whatever could still be made would fail at its first connection.
func noDescriptors(name Engine, err error) error {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
		return nil
	}
	return fmt.Errorf("unio: engine %s: no descriptors are left; raise the limit (ulimit -n): %w", name, err)
}

// rejection says why an engine was not taken.
func rejection(name Engine, err error) string {
	why := strings.TrimPrefix(err.Error(), "engine "+string(name)+": ") // which an engine says of itself
	return fmt.Sprintf("not %s: %s", name, why)
}
