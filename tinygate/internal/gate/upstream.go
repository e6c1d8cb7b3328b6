package gate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/stream"
)

// pool is the idle connections of one loop to one server, the one used last on top: a few connections
// stay hot and the others grow old and are closed.
type pool struct {
	sh     *shard
	group  *group // as of the last request
	server *cluster.Server
	idle   []*upstream
}

// upstream is a connection to a server.
type upstream struct {
	p      *pool
	c      stream.Conn
	in     source
	reused bool // it has served a request before
	expire func(*unio.Conn, error)
}

// pool is the loop's pool of a server.
func (sh *shard) pool(g *group, s *cluster.Server) *pool {
	p, _ := s.Pools[sh.loop].(*pool)
	if p == nil {
		p = &pool{sh: sh, server: s}
		s.Pools[sh.loop] = p
	}
	p.group = g
	return p
}

// get takes an idle connection or makes one.
func (p *pool) get(x *exchange, fresh bool) (*upstream, error) {
	for n := len(p.idle); n > 0 && !fresh; n = len(p.idle) {
		u := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		if u.c.Unawait() {
			u.reused = true
			p.server.SetIdle(p.sh.loop, len(p.idle))
			return u, nil
		}
	}
	return p.dial(x)
}

// dial makes a connection. The limit for it includes the TLS handshake.
func (p *pool) dial(x *exchange) (*upstream, error) {
	now := x.cl.raw.Now()
	by := x.tryBy(now, x.times.Connect)
	network, addr := "tcp", p.server.Addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	secure, err := p.secure()
	if err != nil {
		return nil, err
	}
	c, err := p.sh.g.rt.Dial(context.Background(), network, addr, &unio.DialOptions{Deadline: by})
	if err != nil {
		return nil, err
	}
	u := &upstream{p: p, c: stream.Plain(c)}
	if secure != nil {
		u.c = stream.Client(c, secure)
		if err := u.c.Handshake(time.Until(by)); err != nil {
			u.c.Abort()
			return nil, fmt.Errorf("%w: %w", errHandshake, err)
		}
	}
	p.sh.g.opened.Add(1)
	x.now = x.cl.raw.Now()
	p.count(1)
	u.in.c = u.c
	u.expire = u.expired
	return u, nil
}

// secure is the TLS configuration for the server; nil: plain. A reload while the request waited may have brought a server
// whose settings are not those of the request's group, or one that this group does not have.
func (p *pool) secure() (*tls.Config, error) {
	if p.server.TLS == nil {
		return nil, nil
	}
	for _, g := range []*group{p.group, p.sh.g.site.Load().group(p.group.Name)} {
		if g == nil || g.TLS == nil || *g.TLS != *p.server.TLS {
			continue
		}
		if c := g.tls[p.server.Host]; c != nil { // nil: the server is not one of that group, and plain it must not be
			return c, nil
		}
	}
	return nil, errSettings
}

// errSettings is for a request that meets a reload.
var errSettings = errors.New("the TLS settings of the upstream are being changed")

// errHandshake says that a connection was made, and that its TLS handshake failed.
var errHandshake = errors.New("the TLS handshake failed")

// put gives a connection back that may serve another request.
func (p *pool) put(u *upstream) {
	c := &p.group.Pool
	if len(u.in.bytes()) > 0 || len(p.idle) >= c.IdleMax || p.server.Gone() || u.c.Await(c.Idle, u.expire) != nil {
		u.close()
		return
	}
	p.idle = append(p.idle, u)
	p.server.SetIdle(p.sh.loop, len(p.idle))
}

// count counts a connection that was made, or with -1 one that has ended.
func (p *pool) count(n int) {
	p.sh.g.lasting.Add(int64(n))
	p.server.Connected(p.sh.loop, n)
	p.server.SetIdle(p.sh.loop, len(p.idle))
}

// expired is called when an idle connection was closed by the server, sent something unasked, or has
// not been used for long. It is closed when this returns.
func (u *upstream) expired(*unio.Conn, error) {
	if i := slices.Index(u.p.idle, u); i >= 0 {
		u.p.idle = slices.Delete(u.p.idle, i, i+1)
	}
	u.in.drop()
	u.p.count(-1)
	u.c.Close()
}

// close ends a connection that cannot be used again. Nobody reads from it any more.
func (u *upstream) close() {
	u.in.drop()
	u.p.count(-1)
	u.abort()
}

// abort closes the connection at once: what it has not taken yet is of no use to it.
func (u *upstream) abort() { u.c.Abort() }

// forget closes the idle connections to a server that is gone.
func (g *Gate) forget(s *cluster.Server) {
	for _, sh := range g.shards {
		// When the runtime is closed so are the connections.
		_ = g.rt.GoOn(sh.loop, func() {
			if p, _ := s.Pools[sh.loop].(*pool); p != nil {
				p.drain()
			}
		})
	}
}

// drain closes all idle connections. Closing waits, and others use the pool meanwhile.
func (p *pool) drain() {
	idle := p.idle
	p.idle = nil
	for _, u := range idle {
		if u.c.Unawait() {
			u.close()
		}
	}
	if t := p.group.turns; t != nil {
		t.all.Delete(p.server)
	}
}
