package cluster

import (
	"errors"
	"sync/atomic"
	"syscall"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// Outcome is how a request to a server ended. nginx has the same distinctions in proxy_next_upstream.
type Outcome uint8

// The outcomes. ConnectFailed to StatusRetried are failures for Eject; OK forgets those before; the others say nothing
// about the server's health.
const (
	OK Outcome = iota
	// ConnectFailed: no connection could be made.
	ConnectFailed
	// TLSFailed: the handshake failed.
	TLSFailed
	// Reset: the connection ended before the response did. That a server closes a connection which was kept idle is not
	// meant: the request goes on with another connection to it, and has one outcome.
	Reset
	// Timeout: the server did not go on in time.
	Timeout
	// BadResponse: what came is no response that could be passed on.
	BadResponse
	// StatusRetried: the response has a status that its route names for retries (Retry.Status). The owner of the route has
	// said that such a response means a server that cannot, and so does nginx (proxy_next_upstream http_503 counts for
	// max_fails).
	StatusRetried
	// Status5xx: another response with a status from 500 on. It may be one page of many that is broken, so it is counted
	// and no more: it neither adds to the failures in a row nor ends them.
	Status5xx
	// ClientGone: the client ended the request.
	ClientGone
	// NoTurn: what the request needs of the gate did not come in time, its turn with the server (Pool.Wait) or memory.
	NoTurn
	// NoDescriptor: no connection could be made since there are no descriptors left here.
	NoDescriptor

	outcomes = iota
)

// IsNoDescriptor recognises that a connection could not be made because this process or machine has no descriptors left. That
// says nothing about the server.
func IsNoDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Failed reports whether the outcome counts against the server.
func (o Outcome) Failed() bool { return o >= ConnectFailed && o <= StatusRetried }

// Server is one address that requests can be sent to. Its fields do not change, and what they point to is not
// changed either, but for Pools.
type Server struct {
	Name    string // as configured: "web-1:8080"
	Addr    string // where to connect to: "10.1.2.3:8080", "[2001:db8::1]:8080" or "unix:/path"
	Host    string // the host of Name, without the port; "" for unix
	TLS     *config.ClientTLS
	Cluster *Cluster

	// Pools has a place for each loop, in which the tasks of that loop keep what they have for this server, such as
	// idle connections. This package does not look at it.
	Pools []any

	hash  uint64 // names the server for a table
	loops []counters

	// inFlight is one number for all loops on a cache line of its own. Two loops that do nothing but count pay 20 ns for
	// each addition and would pay 3 ns for one to numbers of their own; but least connections reads it of every server for
	// every request, and to add up the numbers of 16 loops takes 30 ns for each server.
	_        [64]byte
	inFlight atomic.Int64
	_        [64]byte

	// These are read by every request and seldom written.
	failures atomic.Int32 // in a row
	suspect  atomic.Bool  // somebody is about to judge the server, or it is ejected
	gone     atomic.Bool

	// What follows is the business of the cluster, under its lock.
	condition
}

// counters is what one loop counts. A loop writes none of another's cache lines; two are fetched at a time.
type counters struct {
	_        [(128 - 8*(outcomes+4)%128) % 128]byte // in front: an empty one at the end would take room
	began    atomic.Uint64
	outcomes [outcomes]atomic.Uint64
	retries  atomic.Uint64
	conns    atomic.Int64 // open, idle ones included
	idle     atomic.Int64
}

// Gone reports whether the server was removed. It gets no more requests; those in flight may end.
func (s *Server) Gone() bool { return s.gone.Load() }

// Began says that a request, or another try of one, is about to be sent to the server. Each call is followed by one of
// Ended. The loop is the one of the caller.
func (s *Server) Began(loop int) {
	s.inFlight.Add(1)
	s.loops[loop].began.Add(1)
}

// Ended says how a request that began ended, on the same loop.
func (s *Server) Ended(loop int, o Outcome) {
	s.inFlight.Add(-1)
	s.loops[loop].outcomes[o].Add(1)
	switch {
	case o == OK:
		if s.failures.Load() != 0 {
			s.failures.Store(0)
		}
	case o.Failed():
		s.failed()
	}
}

// Retried says that a request that began was sent to another server before.
func (s *Server) Retried(loop int) { s.loops[loop].retries.Add(1) }

// Connected counts connections of a loop to the server that were made, or with -1 one that has ended.
func (s *Server) Connected(loop, n int) { s.loops[loop].conns.Add(int64(n)) }

// SetIdle says how many of the loop's connections serve no request.
func (s *Server) SetIdle(loop, n int) { s.loops[loop].idle.Store(int64(n)) }

// failed counts a failure, and has the server judged when there were enough.
func (s *Server) failed() {
	limit := s.Cluster.failuresMax.Load()
	if limit == 0 || s.failures.Add(1) < limit {
		return
	}
	if s.suspect.CompareAndSwap(false, true) {
		go s.Cluster.judge()
	}
}
