package config

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/unio-go/unio/tinygate/internal/authorities"
)

// Check reads the files that a Config names: certificates have to be readable and fit their keys, files of authorities
// have to hold certificates, and the access log has to be a file in a folder that exists. A certificate that has expired is
// a warning, since a gate that does not start serves nobody. The error is an *Error with the places where the files are
// named. Check blocks as long as the file system does.
func Check(cfg *Config) (warnings []string, err error) {
	c := &checker{cfg: cfg, r: &reader{file: cfg.file}, now: time.Now(), seen: map[string]bool{}}
	for _, l := range cfg.Listeners {
		if l.TLS == nil {
			continue
		}
		for _, p := range l.TLS.Certificates {
			c.pair(p.Cert, p.Key)
		}
		c.authorities(l.TLS.ClientCA)
	}
	for _, u := range cfg.Upstreams {
		if u.TLS == nil {
			continue
		}
		c.authorities(u.TLS.CA)
		if u.TLS.Cert != "" {
			c.pair(u.TLS.Cert, u.TLS.Key)
		}
	}
	c.accessLog(cfg.Access.Path)
	for _, w := range ordered(c.r.warnings) {
		warnings = append(warnings, w.in(cfg.file))
	}
	return warnings, newError(cfg.file, c.r.problems)
}

type checker struct {
	cfg  *Config
	r    *reader
	now  time.Time
	seen map[string]bool // files that are done: many upstreams name the same ones
}

// first reports whether files are to be looked at together for the first time.
func (c *checker) first(files ...string) bool {
	key := strings.Join(files, "\x00")
	seen := c.seen[key]
	c.seen[key] = true
	return !seen
}

// fail adds a problem of a file, at the place where the configuration names it.
func (c *checker) fail(file string, cause error, format string, args ...any) {
	p := c.cfg.places[file]
	c.r.problems = append(c.r.problems, Problem{p.line, p.column, fmt.Sprintf(format, args...), cause})
}

func (c *checker) read(file string) ([]byte, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		c.fail(file, err, "%v; write the path of a PEM file that the program's user may read", err)
		return nil, false
	}
	return b, true
}

func (c *checker) pair(certFile, keyFile string) {
	if !c.first(certFile, keyFile) {
		return
	}
	cert, ok1 := c.read(certFile)
	key, ok2 := c.read(keyFile)
	if !ok1 || !ok2 {
		return
	}
	if err := authorities.Whole(cert); err != nil {
		c.fail(certFile, err, "%s: %v", certFile, err)
		return
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		c.fail(certFile, err, "%s and %s are no pair: %v; write a certificate and its own key, both as PEM", certFile, keyFile, err)
		return
	}
	switch leaf := pair.Leaf; {
	case c.now.After(leaf.NotAfter):
		c.warn(certFile, "%s expired on %s; renew it", certFile, leaf.NotAfter.UTC().Format(time.DateOnly))
	case c.now.Before(leaf.NotBefore):
		c.warn(certFile, "%s is valid only from %s on; check the clock, or use another until then",
			certFile, leaf.NotBefore.UTC().Format(time.DateOnly))
	}
}

func (c *checker) warn(file, format string, args ...any) {
	c.r.warnAt(c.cfg.places[file], format, args...)
}

func (c *checker) authorities(file string) {
	if file == "" || !c.first(file) {
		return
	}
	b, ok := c.read(file)
	if !ok {
		return
	}
	if _, _, err := authorities.Parse(b); err != nil {
		c.fail(file, err, "%s: %v; write a PEM file with the certificates of the authorities", file, err)
	}
}

func (c *checker) accessLog(file string) {
	if file == "" || file == "stdout" || file == "stderr" {
		return
	}
	folder := filepath.Dir(file)
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		c.fail(file, err, "the folder of the access log: %v; make it, or write another path", err)
	case !info.IsDir():
		c.fail(file, nil, "the folder of the access log: %s is a file; write another path", folder)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		c.fail(file, nil, "the access log: %s is a folder; write the path of a file in it", file)
	}
}
