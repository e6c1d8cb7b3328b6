package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/unio-go/unio/tinygate/internal/authorities"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// sessionsKept is how many sessions with servers are kept for resumption, one for each name.
const sessionsKept = 64

// Clients makes TLS towards the servers of a configuration. Each file is read once and shared by all: thousands of servers may
// have one bundle of authorities, of which a copy takes a megabyte and some milliseconds. It is for one goroutine at a time.
type Clients struct {
	pools map[string]*x509.CertPool
	pairs map[config.Certificate]*tls.Certificate
}

// NewClients makes Clients that have read no file yet.
func NewClients() *Clients {
	return &Clients{pools: map[string]*x509.CertPool{}, pairs: map[config.Certificate]*tls.Certificate{}}
}

// Config is TLS towards the servers of an upstream. Their certificate has to be for host, which is that of their address,
// unless the configuration has another name. Connections share it, and with it the sessions that they resume.
func (c *Clients) Config(cfg *config.ClientTLS, host string) (*tls.Config, error) {
	t := &tls.Config{
		ServerName:         cfg.ServerName,
		InsecureSkipVerify: cfg.Insecure,
		MinVersion:         max(cfg.MinVersion, tls.VersionTLS12),
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionsKept),
	}
	if t.ServerName == "" {
		t.ServerName = host
	}
	if t.ServerName == "" && !cfg.Insecure {
		return nil, errors.New("tls: the upstream's certificate is to be checked and there is no name: give a server name")
	}
	if cfg.CA != "" {
		pool, err := c.authorities(cfg.CA)
		if err != nil {
			return nil, err
		}
		t.RootCAs = pool
	}
	if cfg.Cert != "" || cfg.Key != "" {
		cert, err := c.certificate(config.Certificate{Cert: cfg.Cert, Key: cfg.Key})
		if err != nil {
			return nil, err
		}
		t.Certificates = []tls.Certificate{*cert}
	}
	return t, nil
}

func (c *Clients) authorities(file string) (*x509.CertPool, error) {
	if pool := c.pools[file]; pool != nil {
		return pool, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tls: certificates of authorities: %w", err)
	}
	pool, _, err := authorities.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("tls: certificates of authorities: %s: %w", file, err)
	}
	c.pools[file] = pool
	return pool, nil
}

func (c *Clients) certificate(files config.Certificate) (*tls.Certificate, error) {
	if cert := c.pairs[files]; cert != nil {
		return cert, nil
	}
	p := newPair(files)
	if p.poll(); p.err != nil {
		return nil, fmt.Errorf("tls: %w", p.err)
	}
	c.pairs[files] = p.good
	return p.good, nil
}
