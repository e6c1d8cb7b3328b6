package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/unio-go/unio/tinygate/internal/admin"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// adminGate is the program as the admin API sees it.
type adminGate struct{ *program }

// Status says what runs.
func (g adminGate) Status() admin.Status {
	r, cfg := g.rt.Report(), g.gate.Config()
	s := admin.Status{
		Version: g.gate.Version(), Started: g.started, Draining: g.gate.Draining(), Loops: r.Loops,
		Engine:      admin.Engine{Name: string(r.Engine), Reason: r.Reason, Kernel: r.Kernel, Rejected: r.Rejected, Limits: r.Limits},
		Connections: g.gate.Connections(),
		Config:      admin.Config{File: g.file, Loaded: time.Unix(0, g.loaded.Load())},
	}
	for _, l := range cfg.Listeners {
		s.Listeners = append(s.Listeners, admin.Listener{Address: l.Address, TLS: l.TLS != nil, ProxyProtocol: l.ProxyProtocol})
	}
	for _, c := range g.gate.Certificates() {
		a := admin.Certificate{File: c.Cert, Names: c.Names, NotAfter: c.NotAfter}
		if c.Err != nil {
			a.Error = c.Err.Error()
		}
		s.Certificates = append(s.Certificates, a)
	}
	return s
}

// Upstreams says what is known of servers.
func (g adminGate) Upstreams() (all []admin.Upstream) {
	for _, s := range g.gate.Servers() {
		if n := len(all); n == 0 || all[n-1].Name != s.Upstream {
			all = append(all, admin.Upstream{Name: s.Upstream})
		}
		u := &all[len(all)-1]
		u.Servers = append(u.Servers, serverOf(s))
	}
	return all
}

func serverOf(s cluster.Status) admin.ServerStatus {
	a := admin.ServerStatus{
		Address: s.Server, State: string(s.State), Since: s.Since, Reason: s.Reason, Weight: s.Weight, Backup: s.Backup,
		InFlight: s.InFlight, Connections: s.Connections, Idle: s.Idle,
	}
	if s.Addr != "" && s.Addr != s.Server {
		a.Address = s.Server + " (" + s.Addr + ")"
	}
	if s.State == cluster.Ejected {
		a.Reason = "requests failed; until " + s.Until.Format(time.TimeOnly)
	}
	return a
}

// InFlight lists the requests that are being served.
func (g adminGate) InFlight() []admin.Request {
	all, err := g.gate.InFlight()
	if err != nil {
		g.log.Warn("tinygate: not all requests in flight can be listed", "error", err)
	}
	return all
}

// Drain takes a server out, or back in.
func (g adminGate) Drain(upstream, server string, on bool) error {
	if err := g.gate.DrainServer(upstream, server, on); err != nil {
		return unknown{err}
	}
	return nil
}

// unknown is an error about a name that there is not.
type unknown struct{ error }

func (unknown) Is(target error) bool { return target == admin.ErrUnknown }

// errSlow is for a reload that is not waited for any longer.
var errSlow = errors.New("the reload takes long and goes on; the log will tell what became of it")

// Reload reads the file again.
func (g adminGate) Reload(ctx context.Context) admin.Reload {
	done := make(chan admin.Reload, 1)
	go func() { done <- g.result(g.reload()) }()
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
		return g.result(nil, errSlow)
	}
}

// result is what the API tells of a reload.
func (g adminGate) result(changes []string, err error) admin.Reload {
	r := admin.Reload{OK: err == nil, Changes: changes}
	if bad, ok := errors.AsType[*config.Error](err); ok {
		for _, p := range bad.Problems {
			r.Problems = append(r.Problems, admin.Problem{Place: place(bad.File, p), Message: p.Text})
		}
	} else if err != nil {
		r.Problems = []admin.Problem{{Message: err.Error()}}
	}
	return r
}

// place is FILE:LINE:COLUMN.
func place(file string, p config.Problem) string {
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
}

// LogLevel is that of the program's log.
func (g adminGate) LogLevel() string { return strings.ToLower(g.level.Level().String()) }

// SetLogLevel changes it until the next reload.
func (g adminGate) SetLogLevel(level string) error {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil || strings.ContainsAny(level, "+-") {
		return fmt.Errorf("log level %q: there are debug, info, warn and error", level)
	}
	g.level.Set(l)
	return nil
}

// Draining reports whether the program is ending.
func (g adminGate) Draining() bool { return g.gate.Draining() }
