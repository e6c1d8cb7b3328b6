package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is what a server is at the moment.
type State string

// The states; the first that fits is told.
const (
	Draining  State = "draining"  // it gets no new requests, by Drain
	Down      State = "down"      // a check says so
	Ejected   State = "ejected"   // its requests failed
	Up        State = "up"        //
	Resolving State = "resolving" // a name that has no address yet
)

// Status is what is known of a server. Counters are since the server was made.
type Status struct {
	Upstream string
	Server   string // as configured
	Addr     string // "" when the name was not resolved yet
	Backup   bool
	State    State
	Reason   string    // of Down, or why the last lookup of the name failed
	Since    time.Time // when State began
	Until    time.Time // of Ejected

	Weight    int     // as configured
	WeightNow float64 // less while it comes back; 0 when it gets no requests

	InFlight     int64
	Connections  int64            // open, idle ones included
	Idle         int64            // those that serve no request
	Requests     uint64           // ended or in flight
	Retries      uint64           // those of Requests that were sent elsewhere before
	Outcomes     [outcomes]uint64 // by Outcome
	Failures     uint64           // those of Outcomes that count against the server
	Ejections    uint64
	ChecksFailed uint64
}

// Status tells of all servers, in the order of upstreams' names and of the configuration. It takes locks.
func (s *Set) Status() []Status {
	var all []Status
	for _, c := range s.all() {
		all = append(all, c.status()...)
	}
	return all
}

func (c *Cluster) status() (all []Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	members := c.members
	for _, n := range c.names {
		if len(n.addrs) == 0 {
			st := Status{Upstream: c.name, Server: n.Address, Backup: n.Backup, State: Resolving, Weight: n.Weight}
			if n.err != nil {
				st.Reason = n.err.Error()
			}
			all = append(all, st)
		}
		for ; len(members) > 0 && members[0].Name == n.Address; members = members[1:] {
			st := members[0].status(now)
			if n.err != nil && st.Reason == "" {
				st.Reason = n.err.Error()
			}
			all = append(all, st)
		}
	}
	return all
}

func (s *Server) status(now time.Time) Status {
	st := Status{
		Upstream: s.Cluster.name, Server: s.Name, Addr: s.Addr, Backup: s.backup,
		State: s.state(), Since: s.changed, Reason: s.reason, Weight: int(s.weight),
		InFlight: s.inFlight.Load(), Ejections: s.ejects, ChecksFailed: s.checksFailed,
	}
	switch st.State {
	case Ejected:
		st.Until = s.until
	case Up:
		share := s.share(now, s.Cluster.cfg.Load().Eject.Return)
		st.WeightNow = float64(s.weight) * float64(share) / fullShare
	}
	for i := range s.loops {
		st.Requests += s.loops[i].began.Load() // InFlight and Outcomes are read at two times: their sum would go down again
		for o := range st.Outcomes {
			n := s.loops[i].outcomes[o].Load()
			st.Outcomes[o] += n
			if Outcome(o).Failed() {
				st.Failures += n
			}
		}
		st.Retries += s.loops[i].retries.Load()
		st.Connections += s.loops[i].conns.Load()
		st.Idle += s.loops[i].idle.Load()
	}
	return st
}

// state is the first of the states that fits.
func (s *Server) state() State {
	switch {
	case s.drained:
		return Draining
	case !s.up:
		return Down
	case s.ejected():
		return Ejected
	}
	return Up
}

// Drain stops new requests to a server, or with on false lets them begin again. Server is a name as configured, for all of
// its addresses and those that DNS will bring, or one address. It holds until it is taken back or the server is removed.
func (s *Set) Drain(upstream, server string, on bool) error {
	c := s.Cluster(upstream)
	if c == nil {
		return fmt.Errorf("there is no upstream %s, only %s", upstream, strings.Join(s.names(), ", "))
	}
	return c.drain(server, on)
}

func (c *Cluster) drain(server string, on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	isName := slices.ContainsFunc(c.names, func(n *name) bool { return n.Address == server })
	known := isName
	now := time.Now()
	for _, s := range c.members {
		if s.Name != server && s.Addr != server {
			continue
		}
		known = true
		if s.drained && !on {
			s.back = now
		}
		s.drained = on
	}
	if !known {
		return fmt.Errorf("upstream %s has no server %s, only %s", c.name, server, c.serverNames())
	}
	if isName {
		c.drained[server] = on
	}
	c.publish(now)
	return nil
}
