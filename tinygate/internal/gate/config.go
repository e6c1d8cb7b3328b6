package gate

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// Config is what a Gate does. Upstreams is required; zero values mean the defaults.
type Config struct {
	// Upstreams are the addresses, HOST:PORT, among which requests are spread in turn.
	Upstreams []string
	// Limits bound request and response heads.
	Limits http1.Limits
	// Times bound the waits.
	Times Times
	// Logger hears of requests that failed on our side or the upstream's. nil means slog.Default().
	Logger *slog.Logger
}

// Times are limits of waiting. Zero means the default.
type Times struct {
	Head     time.Duration // for the rest of a request head, from its first byte: 10 s
	Idle     time.Duration // for the next request of a client: 75 s
	Body     time.Duration // for the next piece of a body, either way: 60 s
	Connect  time.Duration // for a connection to an upstream: 5 s
	Response time.Duration // for a response head after the request was sent: 60 s
	Pooled   time.Duration // how long an idle upstream connection is kept: 60 s
	Tunnel   time.Duration // for silence on both sides after a change of protocol: 1 h
}

// timesDefault stands beside the meaning of each in Times. Head and Idle are what nginx uses or a little
// stricter, since a head comes in one piece from honest clients; Pooled is below the 75 s after which
// nginx as an upstream closes an idle connection, so that we are the one who closes. Tunnel is what
// haproxy's manual recommends for WebSocket.
var timesDefault = Times{
	Head: 10 * time.Second, Idle: 75 * time.Second, Body: 60 * time.Second,
	Connect: 5 * time.Second, Response: 60 * time.Second, Pooled: 60 * time.Second,
	Tunnel: time.Hour,
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Upstreams) == 0 {
		return c, errors.New("tinygate: no upstream: give at least one HOST:PORT")
	}
	for _, u := range c.Upstreams {
		if _, port, err := net.SplitHostPort(u); err != nil || port == "" {
			return c, fmt.Errorf("tinygate: upstream %q is not HOST:PORT", u)
		}
	}
	d := timesDefault
	for _, p := range []struct{ v, def *time.Duration }{
		{&c.Times.Head, &d.Head}, {&c.Times.Idle, &d.Idle}, {&c.Times.Body, &d.Body},
		{&c.Times.Connect, &d.Connect}, {&c.Times.Response, &d.Response}, {&c.Times.Pooled, &d.Pooled},
		{&c.Times.Tunnel, &d.Tunnel},
	} {
		if *p.v == 0 {
			*p.v = *p.def
		}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}
