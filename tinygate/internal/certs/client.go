package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"github.com/unio-go/unio/tinygate/internal/authorities"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// sessionsKept is how many sessions with servers are kept for resumption, one for each name.
const sessionsKept = 64

// NewClient is TLS towards the servers of an upstream: host is the one of their address, for which the certificate has to
// be unless the configuration has another name. Connections share it, and with it the sessions that they resume.
func NewClient(cfg *config.ClientTLS, host string) (*tls.Config, error) {
	c := &tls.Config{
		ServerName:         cfg.ServerName,
		InsecureSkipVerify: cfg.Insecure,
		MinVersion:         max(cfg.MinVersion, tls.VersionTLS12),
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionsKept),
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	if c.ServerName == "" && !cfg.Insecure {
		return nil, errors.New("tls: the upstream's certificate is to be checked and there is no name: give a server name")
	}
	if cfg.CA != "" {
		text, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, fmt.Errorf("tls: certificates of authorities: %w", err)
		}
		if c.RootCAs, _, err = authorities.Parse(text); err != nil {
			return nil, fmt.Errorf("tls: certificates of authorities: %s: %w", cfg.CA, err)
		}
	}
	if cfg.Cert != "" || cfg.Key != "" {
		p := newPair(config.Certificate{Cert: cfg.Cert, Key: cfg.Key})
		if p.poll(); p.err != nil {
			return nil, fmt.Errorf("tls: %w", p.err)
		}
		c.Certificates = []tls.Certificate{*p.good}
	}
	return c, nil
}
