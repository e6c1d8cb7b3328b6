package cluster

import (
	"log/slog"
	"time"
)

// ejection is what failed requests have done to a server, under its cluster's lock.
type ejection struct {
	until  time.Time // zero: not ejected
	since  time.Time // when the last ejection ended
	level  int       // how often the time of the next ejection is doubled
	ejects uint64
	spared time.Time // when it was last logged that the server is not ejected
}

func (e *ejection) ejected() bool { return !e.until.IsZero() }

// judge looks at the servers that had many failures. It runs on a goroutine of its own, which a loop starts.
func (c *Cluster) judge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	now, changed := time.Now(), false
	for _, s := range c.members {
		if s.suspect.Load() && !s.ejected() && c.sentence(s, now) {
			changed = true
		}
	}
	if changed {
		c.publish(now)
	}
}

// sentence ejects a suspect if it has failed often enough and the others can do without it. It stays a suspect while it is
// ejected, so that requests still in flight do not have it judged again.
func (c *Cluster) sentence(s *Server, now time.Time) (ejected bool) {
	e := &c.cfg.Load().Eject
	failures := s.failures.Load()
	switch {
	case e.Failures <= 0 || failures < int32(e.Failures):
		s.suspect.Store(false) // a success came first, or the configuration changed
		return false
	case !c.canSpare(s, e.Percent):
		s.failures.Store(0)
		s.suspect.Store(false)
		if now.Sub(s.spared) >= e.For {
			s.spared = now
			s.logger().Warn("tinygate: a server fails but is not ejected: the others are too few",
				slog.Int("failures", int(failures)))
		}
		return false
	}
	if now.Sub(s.since) >= e.For<<ejectDoublings {
		s.level = 0
	}
	d := e.For << s.level
	s.until = now.Add(d)
	s.level = min(s.level+1, ejectDoublings)
	s.ejects++
	s.logger().Warn("tinygate: a server is ejected", slog.Int("failures", int(failures)), slog.Duration("for", d))
	return true
}

// canSpare reports whether the cluster can do without one more server.
func (c *Cluster) canSpare(s *Server, percent int) bool {
	ejected, another := 1, false
	for _, o := range c.members {
		if o.ejected() {
			ejected++
		}
		if o != s && o.usable() {
			another = true
		}
	}
	return another && ejected*100 <= percent*len(c.members)
}

// readmit ends an ejection whose time is over.
func (c *Cluster) readmit(s *Server, now time.Time) {
	if !s.ejected() || now.Before(s.until) {
		return
	}
	s.until = time.Time{}
	s.since, s.back = now, now
	s.failures.Store(0)
	s.suspect.Store(false)
	s.logger().Info("tinygate: an ejected server comes back")
}

func (s *Server) logger() *slog.Logger {
	return s.Cluster.log.With(slog.String("server", s.Name), slog.String("address", s.Addr))
}
