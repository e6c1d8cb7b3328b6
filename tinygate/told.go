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

// told is the program as the admin API sees it.
type told struct{ *program }

// Status says what runs.
func (t told) Status() admin.Status {
	r, cfg := t.rt.Report(), t.gate.Config()
	s := admin.Status{
		Version: t.gate.Version(), Started: t.started, Draining: t.gate.Draining(), Loops: r.Loops,
		Engine:      admin.Engine{Name: string(r.Engine), Reason: r.Reason, Kernel: r.Kernel, Rejected: r.Rejected, Limits: r.Limits},
		Connections: t.gate.Connections(),
		Config:      admin.Config{File: t.file, Loaded: time.Unix(0, t.loaded.Load())},
	}
	for _, l := range cfg.Listeners {
		s.Listeners = append(s.Listeners, admin.Listener{Address: l.Address, TLS: l.TLS != nil, ProxyProtocol: l.ProxyProtocol})
	}
	for _, c := range t.gate.Certificates() {
		a := admin.Certificate{File: c.Cert, Names: c.Names, NotAfter: c.NotAfter}
		if c.Err != nil {
			a.Error = c.Err.Error()
		}
		s.Certificates = append(s.Certificates, a)
	}
	return s
}

// Upstreams says what is known of servers.
func (t told) Upstreams() (all []admin.Upstream) {
	for _, s := range t.gate.Servers() {
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
func (t told) InFlight() []admin.Request {
	all, err := t.gate.InFlight()
	if err != nil {
		t.log.Warn("tinygate: not all requests in flight can be listed", "error", err)
	}
	return all
}

// Drain takes a server out, or back in.
func (t told) Drain(upstream, server string, on bool) error {
	if err := t.gate.DrainServer(upstream, server, on); err != nil {
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
func (t told) Reload(ctx context.Context) admin.Reload {
	done := make(chan admin.Reload, 1)
	go func() { done <- t.result(t.reload()) }()
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
		return t.result(nil, errSlow)
	}
}

// result is what the API tells of a reload.
func (t told) result(changes []string, err error) admin.Reload {
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
func (t told) LogLevel() string { return strings.ToLower(t.level.Level().String()) }

// SetLogLevel changes it until the next reload.
func (t told) SetLogLevel(level string) error {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil || strings.ContainsAny(level, "+-") {
		return fmt.Errorf("log level %q: there are debug, info, warn and error", level)
	}
	t.level.Set(l)
	return nil
}

// Draining reports whether the program is ending.
func (t told) Draining() bool { return t.gate.Draining() }
