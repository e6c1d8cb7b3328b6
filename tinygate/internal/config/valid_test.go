package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// valid is what the gate relies on of a Config.
func valid(c *Config) error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(len(c.Listeners) == 0, "no listener")
	wrong(len(c.Routes) == 0, "no route")
	wrong(c.Drain <= 0, "no drain")
	wrong(c.Loops < 0, "%d loops", c.Loops)
	wrong(!slices.Contains([]string{"auto", "uring", "epoll", "std"}, c.Engine), "engine %q", c.Engine)
	wrong(!slices.Contains([]string{"auto", "on", "off"}, c.HugePages), "huge pages %q", c.HugePages)
	wrong(!slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "level %q", c.LogLevel)
	wrong(c.Access.Path != "" && c.Access.Format == "", "a log without a format")
	l := c.Limits
	wrong(l.HeadBytes <= 0 || l.LineBytes <= 0 || l.LineBytes > l.HeadBytes || l.Headers <= 0, "limits %+v", l)
	wrong(l.BodyBytes < 0 || l.Connections < 0 || l.PerClient < 0 || l.RequestsMax < 0, "limits %+v", l)
	wrong(!full(c.Times), "times %+v", c.Times)
	for _, x := range c.Listeners {
		wrong(x.Address == "", "a listener without an address")
		wrong(x.ProxyProtocol != (len(x.ProxyFrom) > 0 || x.ProxyUnix), "PROXY protocol from %v", x.ProxyFrom)
		wrong(x.TLS != nil && !validTLS(x.TLS), "TLS %+v", x.TLS)
	}
	names := map[string]bool{}
	for _, u := range c.Upstreams {
		wrong(names[u.Name], "two upstreams %q", u.Name)
		names[u.Name] = true
		errs = append(errs, validUpstream(u))
	}
	wrong(!slices.IsSortedFunc(c.Upstreams, func(a, b *Upstream) int { return strings.Compare(a.Name, b.Name) }), "no order")
	names = map[string]bool{}
	for _, r := range c.Routes {
		wrong(r.Name == "" || names[r.Name], "the name %q is empty or taken", r.Name)
		names[r.Name] = true
		wrong(r.Upstream != nil && !slices.Contains(c.Upstreams, r.Upstream), "an upstream that is not in the list")
		errs = append(errs, validRoute(r))
	}
	return errors.Join(errs...)
}

func full(t Times) bool {
	for _, d := range []time.Duration{t.Handshake, t.Header, t.Idle, t.Body, t.Connect, t.Response, t.Tunnel} {
		if d <= 0 {
			return false
		}
	}
	return t.Try >= 0 && t.Total >= 0
}

func validTLS(t *ServerTLS) bool {
	for _, c := range t.Certificates {
		if c.Cert == "" || c.Key == "" {
			return false
		}
	}
	return len(t.Certificates) > 0 && (t.MinVersion == tls.VersionTLS12 || t.MinVersion == tls.VersionTLS13) &&
		(t.ClientAuth == ClientAuthNone) == (t.ClientCA == "") && t.TicketTime >= 0
}

func validUpstream(u *Upstream) error {
	serve := false
	for _, s := range u.Servers {
		if s.Address == "" || s.Weight < 1 || s.Weight > 1000 {
			return fmt.Errorf("server %+v", s)
		}
		serve = serve || !s.Backup
	}
	h, p, e := u.Health, u.Pool, u.Eject
	switch {
	case u.Name == "" || !serve || u.DNS <= 0:
		return fmt.Errorf("upstream %+v", u)
	case (u.HashName != "") != (u.Balance == Hash && (u.HashKey == HashHeader || u.HashKey == HashCookie)):
		return fmt.Errorf("hash of %+v", u)
	case h != nil && (h.Interval <= 0 || h.Timeout <= 0 || h.Timeout > h.Interval || h.Rise < 1 || h.Fall < 1):
		return fmt.Errorf("health %+v", h)
	case h != nil && h.HTTP && (h.Path == "" || h.StatusMin < 200 || h.StatusMax < h.StatusMin || h.StatusMax > 599):
		return fmt.Errorf("health %+v", h)
	case p.Idle <= 0 || p.IdleMax < 0 || p.Max < 0 || p.Wait <= 0:
		return fmt.Errorf("pool %+v", p)
	case e.Failures < 0 || e.For <= 0 || e.Return < 0 || e.Percent < 1 || e.Percent > 100:
		return fmt.Errorf("eject %+v", e)
	case u.TLS != nil && (u.TLS.MinVersion < tls.VersionTLS12 || (u.TLS.Cert == "") != (u.TLS.Key == "")):
		return fmt.Errorf("TLS %+v", u.TLS)
	}
	return nil
}

func validRoute(r *Route) error {
	actions := 0
	for _, there := range []bool{r.Upstream != nil, r.Redirect != nil, r.Answer != nil} {
		if there {
			actions++
		}
	}
	switch {
	case actions != 1:
		return fmt.Errorf("%s: %d actions", r.Name, actions)
	case !full(r.Times):
		return fmt.Errorf("%s: times %+v", r.Name, r.Times)
	case (r.Path.Kind == PathAny) != (r.Path.Text == "") || r.Path.Text != "" && r.Path.Text[0] != '/':
		return fmt.Errorf("%s: path %+v", r.Name, r.Path)
	case r.Retry.Tries < 1 || r.Retry.Budget < 1 || r.Retry.Budget > 100:
		return fmt.Errorf("%s: retry %+v", r.Name, r.Retry)
	case r.Buffer.Bytes <= 0 || r.BodyBytes < 0:
		return fmt.Errorf("%s: buffer %+v, body %d", r.Name, r.Buffer, r.BodyBytes)
	case r.Redirect != nil && (r.Redirect.HTTPS != (r.Redirect.To == "") || r.Redirect.Status/100 != 3):
		return fmt.Errorf("%s: redirect %+v", r.Name, r.Redirect)
	case r.Redirect != nil && r.Redirect.HTTPS && r.Scheme != "http":
		return fmt.Errorf("%s: https is redirected to itself", r.Name)
	case r.Answer != nil && (r.Answer.Status < 200 || r.Answer.Status > 599 || r.Answer.Body != "" && r.Answer.Type == ""):
		return fmt.Errorf("%s: answer %+v", r.Name, r.Answer)
	}
	for _, h := range r.Hosts {
		if h == "" || h != strings.ToLower(h) || strings.Contains(strings.TrimPrefix(h, "*."), "*") {
			return fmt.Errorf("%s: host %q", r.Name, h)
		}
	}
	for _, m := range append(slices.Clone(r.Headers), r.Query...) {
		if m.Name == "" || m.Any && m.Absent || (m.Any || m.Absent) && m.Value != "" {
			return fmt.Errorf("%s: condition %+v", r.Name, m)
		}
	}
	for _, f := range slices.Concat(r.Request.Set, r.Request.Add, r.Response.Set, r.Response.Add) {
		if !isToken(f.Name) || controlAt(f.Value) >= 0 || slices.Contains(ownFields, strings.ToLower(f.Name)) {
			return fmt.Errorf("%s: field %+v", r.Name, f)
		}
	}
	return nil
}
