// Package guest lets a program bring an engine that unio itself does not have. It is how the engine sim gets into tests,
// by package uniotest, and stays out of every other program.
package guest

import (
	"net"
	"sync"

	"github.com/unio-go/unio/internal/engine"
)

// Guest is an engine for one runtime, with the listeners that go with it.
type Guest struct {
	// Open makes an engine. It is called once for each loop.
	Open func(engine.Config) (engine.Engine, error)
	// Listen makes a listener that the engines attach as an [engine.Socket] with a Listener.
	Listen func(network, addr string) (net.Listener, error)
}

var guests = struct {
	mu  sync.Mutex
	all map[string]func() (Guest, error)
}{all: map[string]func() (Guest, error){}}

// Invite has runtimes whose Options.Engine is name use what invite makes for each. It returns how to take that back.
func Invite(name string, invite func() (Guest, error)) (leave func()) {
	guests.mu.Lock()
	defer guests.mu.Unlock()
	guests.all[name] = invite
	return func() {
		guests.mu.Lock()
		defer guests.mu.Unlock()
		delete(guests.all, name)
	}
}

// Find makes a guest for a runtime; known says whether there is one of that name.
func Find(name string) (g Guest, known bool, err error) {
	guests.mu.Lock()
	invite := guests.all[name]
	guests.mu.Unlock()
	if invite == nil {
		return Guest{}, false, nil
	}
	g, err = invite()
	return g, true, err
}
