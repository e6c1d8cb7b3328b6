package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// pollEvery is how often files are looked at. A look costs a stat of each file.
const pollEvery = 3 * time.Second

// Server is TLS towards clients, from files that may change.
type Server struct {
	cfg     *config.ServerTLS
	tickets *Tickets // nil: none
	own     bool     // nobody else has them
	log     *slog.Logger
	now     atomic.Pointer[tls.Config]
	stop    chan struct{}
	polls   sync.WaitGroup

	mu     sync.Mutex // of whoever looks at files
	pairs  []*pair
	ca     *authorityFile // nil: clients are not asked for certificates
	logged map[string]string
	closed bool
}

// NewServer reads the files of a configuration and goes on looking at them until Close. The ring of keys is kept by whoever
// wants sessions to be resumed by the next Server too; nil is one for this Server alone. Without a TicketTime there are
// no tickets, whatever the ring. The error tells all files that cannot be used.
func NewServer(cfg *config.ServerTLS, tickets *Tickets, log *slog.Logger) (*Server, error) {
	s := &Server{cfg: cfg, log: log, stop: make(chan struct{}), logged: map[string]string{}}
	if len(cfg.Certificates) == 0 {
		return nil, errors.New("tls: no certificate: give at least one pair of files")
	}
	var errs []error
	for _, c := range cfg.Certificates {
		p := newPair(c)
		p.poll()
		errs = append(errs, p.err)
		s.pairs = append(s.pairs, p)
	}
	if cfg.ClientAuth != config.ClientAuthNone {
		s.ca = &authorityFile{file: file{name: cfg.ClientCA}}
		s.ca.poll()
		errs = append(errs, s.ca.err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if cfg.TicketTime > 0 {
		if s.tickets = tickets; tickets == nil {
			s.tickets, s.own = NewTickets(cfg.TicketTime), true
		}
	}
	s.publish()
	s.warn()
	s.polls.Go(s.watch)
	return s, nil
}

// warn tells what is allowed and most likely not meant.
func (s *Server) warn() {
	for i, p := range s.pairs {
		leaf := p.good.Leaf
		if i > 0 && len(leaf.DNSNames) == 0 {
			s.log.Warn("tls: a certificate has no DNS names (subjectAltName), so no client gets it", "file", p.cert.name)
		}
		s.warnOfEnd(p.cert.name, leaf)
	}
}

// warnOfEnd warns of a certificate that has expired.
func (s *Server) warnOfEnd(name string, leaf *x509.Certificate) {
	if time.Now().After(leaf.NotAfter) {
		s.log.Warn("tls: a certificate has expired", "file", name, "not_after", leaf.NotAfter)
	}
}

// Close ends the looks at files. Connections go on, and so does what Config has returned.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.polls.Wait()
	if s.tickets != nil {
		s.tickets.detach(s.now.Load())
	}
	if s.own {
		s.tickets.Close()
	}
}

// Config is the configuration for the next connection: it is asked for each one, since the next may have new files. It is
// not to be changed. Its callbacks do not block.
func (s *Server) Config() *tls.Config { return s.now.Load() }

// publish makes the configuration for the next connections of what has been read.
func (s *Server) publish() {
	cfg := &tls.Config{
		MinVersion:             max(s.cfg.MinVersion, tls.VersionTLS12),
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: s.tickets == nil,
	}
	if len(s.pairs) == 1 {
		cfg.Certificates = []tls.Certificate{*s.pairs[0].good} // without a callback, for which uniotls leaves the loop
	} else {
		all := make([]*tls.Certificate, len(s.pairs))
		for i, p := range s.pairs {
			all[i] = p.good
		}
		cfg.GetCertificate = newTable(all).choose
	}
	if s.ca != nil {
		cfg.ClientCAs = s.ca.pool
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
		if s.cfg.ClientAuth == config.ClientAuthRequired {
			cfg.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	if s.tickets != nil {
		s.tickets.attach(cfg)
	}
	if old := s.now.Swap(cfg); old != nil && s.tickets != nil {
		s.tickets.detach(old)
	}
}

func (s *Server) watch() {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.Poll()
		}
	}
}

// Poll looks at the files now, as happens every few seconds, and reports whether Config has changed.
func (s *Server) Poll() (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	for _, p := range s.pairs {
		taken := p.poll()
		changed = changed || taken
		s.tell(p.cert.name, taken, p.good.Leaf, p.err)
	}
	if s.ca != nil {
		taken := s.ca.poll()
		changed = changed || taken
		s.tell(s.ca.name, taken, nil, s.ca.err)
	}
	if changed {
		s.publish()
	}
	return changed
}

// tell logs what has become of files, each failure once.
func (s *Server) tell(name string, taken bool, leaf *x509.Certificate, err error) {
	if err != nil {
		if text := err.Error(); s.logged[name] != text {
			s.logged[name] = text
			s.log.Error("tls: files have changed and cannot be used; the old ones stay in use", "file", name, "error", err)
		}
		return
	}
	delete(s.logged, name)
	switch {
	case taken && leaf != nil:
		s.log.Info("tls: a new certificate is in use", "file", name, "names", leaf.DNSNames, "not_after", leaf.NotAfter)
		s.warnOfEnd(name, leaf)
	case taken:
		s.log.Info("tls: new authorities are in use", "file", name)
	}
}

// Status tells about a certificate in use, or about the authorities of clients, which have no Key and no Names.
type Status struct {
	Cert, Key string    // the files
	Names     []string  // for which clients get it
	NotAfter  time.Time // when it ends; of authorities, when the first one does
	Err       error     // why what is in the files now is not in use; nil: it is
}

// Status tells about all files, in the order of the configuration.
func (s *Server) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Status
	for _, p := range s.pairs {
		leaf := p.good.Leaf
		all = append(all, Status{p.cert.name, p.key.name, leaf.DNSNames, leaf.NotAfter, p.err})
	}
	if s.ca != nil {
		all = append(all, Status{Cert: s.ca.name, NotAfter: s.ca.notAfter, Err: s.ca.err})
	}
	return all
}
