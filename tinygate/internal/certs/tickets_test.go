package certs_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/uniotest"
)

// resumes makes a connection with the session that a client has, and reports whether that was taken. The client keeps
// what it had.
func resumes(t testing.TB, addr string, cfg *tls.Config, kept *session) bool {
	t.Helper()
	cfg.ClientSessionCache = kept
	c := open(t, addr, cfg)
	return c.ConnectionState().DidResume
}

// session is a cache that keeps the first session that it gets.
type session struct{ state *tls.ClientSessionState }

// Get gives the session.
func (s *session) Get(string) (*tls.ClientSessionState, bool) { return s.state, s.state != nil }

// Put keeps the session.
func (s *session) Put(_ string, state *tls.ClientSessionState) {
	if s.state == nil {
		s.state = state
	}
}

func TestSessionsResumeAcrossTwoRotations(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s := newSite(t)
			s.add("only", s.ECDSA(t, "www.example.com"))
			uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
				tickets := certs.NewTickets(time.Hour)
				defer tickets.Close()
				addr := serve(t, rt, s.open(t, tickets), make(chan error, 100))
				cfg := s.client("www.example.com")
				cfg.MaxVersion = version
				kept := new(session)
				if resumes(t, addr, cfg, kept) {
					t.Error("the first connection was resumed")
				}
				for rotations, want := range []bool{true, true, true, false} {
					if rotations > 0 {
						tickets.Rotate()
					}
					if got := resumes(t, addr, cfg, kept); got != want {
						t.Errorf("after %d rotations: resumed %v, want %v", rotations, got, want)
					}
				}
			})
		})
	}
}

// A reload makes a new Server, and a change of files a new configuration. Sessions survive both.
func TestSessionsSurviveAReload(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		tickets := certs.NewTickets(time.Hour)
		defer tickets.Close()
		first := s.open(t, tickets)
		kept := new(session)
		cfg := s.client("www.example.com")
		resumes(t, serve(t, rt, first, make(chan error, 1)), cfg, kept)
		first.Close()
		tickets.Rotate()
		second := s.open(t, tickets)
		addr := serve(t, rt, second, make(chan error, 1))
		if !resumes(t, addr, cfg, kept) {
			t.Error("a session did not survive a reload")
		}
		s.ECDSA(t, "www.example.com").Write(t, s.folder, "only")
		if !second.Poll() {
			t.Error("the new certificate was not taken")
		}
		if !resumes(t, addr, cfg, kept) {
			t.Error("a session did not survive a new certificate")
		}
		tickets.Rotate()
		tickets.Rotate()
		if resumes(t, addr, cfg, kept) {
			t.Error("the configuration of new files has old keys for ever")
		}
		alone := serve(t, rt, s.open(t, nil), make(chan error, 1))
		if resumes(t, alone, cfg, kept) {
			t.Error("a Server with keys of its own took another's session")
		}
	})
}

func TestKeysChangeInTime(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		tickets := certs.NewTickets(10 * time.Millisecond)
		defer tickets.Close()
		addr := serve(t, rt, s.open(t, tickets), make(chan error, 1))
		kept := new(session)
		cfg := s.client("www.example.com")
		resumes(t, addr, cfg, kept)
		eventually(t, "a change of keys", func() bool { return !resumes(t, addr, cfg, kept) })
	})
}

func TestNoTicketsWithoutATime(t *testing.T) {
	s := newSite(t)
	s.add("only", s.ECDSA(t, "www.example.com"))
	s.cfg.TicketTime = 0
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		tickets := certs.NewTickets(time.Hour)
		defer tickets.Close()
		addr := serve(t, rt, s.open(t, tickets), make(chan error, 1))
		kept := new(session)
		for range 2 {
			if resumes(t, addr, s.client("www.example.com"), kept) || kept.state != nil {
				t.Error("there was a ticket")
			}
		}
	})
}
