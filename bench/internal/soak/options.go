package soak

import (
	"fmt"
	"time"
)

// Options are the settings of a soak.
type Options struct {
	Duration time.Duration // of each engine's run, without the wait for its end
	Conns    int           // held at a time
	Rude     int           // percent of the connections that break the conversation
	Think    time.Duration // between a client's messages, at most; the mean is half of it
	Engine   string
	Seed     uint64
	Tick     time.Duration // between lines of progress
}

// filesWanted is how many descriptors each of the processes may come to need at ten thousand connections.
const filesWanted = 40_000

// filesPerConn is what a connection costs the server at most on average, proxies included.
const filesPerConn = 2

func (o *Options) check() error {
	switch {
	case o.Duration <= 0:
		return fmt.Errorf("soak: a duration of %v: it must be positive", o.Duration)
	case o.Conns <= 0:
		return fmt.Errorf("soak: %d connections: there must be some", o.Conns)
	case o.Rude < 0 || o.Rude > 100:
		return fmt.Errorf("soak: %d percent are rude: it is a part of a hundred", o.Rude)
	case o.Think < 0:
		return fmt.Errorf("soak: %v to think: it must not be negative", o.Think)
	}
	return nil
}
