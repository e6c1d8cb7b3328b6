package gate

import (
	"context"
	"slices"
	"time"

	"github.com/unio-go/unio"
)

// pool is the idle connections of one loop to one upstream, the one used last on top: a few connections
// stay hot and the others grow old and are closed.
type pool struct {
	sh   *shard
	addr string
	idle []*upstream
	down time.Time // until then others are tried first, since no connection could be made
}

// upstream is a connection to an upstream.
type upstream struct {
	p      *pool
	c      *unio.Conn
	in     source
	reused bool // it has served a request before
	expire func(*unio.Conn, error)
}

// downTime is how long an upstream that could not be reached is asked only after the others. It is what
// nginx has (fail_timeout).
const downTime = 10 * time.Second

// connect takes a connection to the upstream whose turn it is, or to another one where that fails.
func (x *exchange) connect(fresh bool) (err error) {
	sh := x.sh
	first := sh.turn
	sh.turn = (sh.turn + 1) % len(sh.pools)
	var failed []*pool
	for _, down := range [2]bool{false, true} {
		for i := range sh.pools {
			p := sh.pools[(first+i)%len(sh.pools)]
			if p.isDown() != down || slices.Contains(failed, p) {
				continue
			}
			if x.up, err = p.get(fresh); err == nil {
				p.down = time.Time{}
				return nil
			}
			failed = append(failed, p)
			p.down = time.Now().Add(downTime)
			if len(sh.pools) > 1 {
				sh.log.warn("tinygate: an upstream cannot be reached", "upstream", p.addr, "error", err)
			}
		}
	}
	return err
}

func (p *pool) isDown() bool { return !p.down.IsZero() && time.Now().Before(p.down) }

// get takes an idle connection or makes one.
func (p *pool) get(fresh bool) (*upstream, error) {
	for n := len(p.idle); n > 0 && !fresh; n = len(p.idle) {
		u := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		if u.c.Unawait() {
			u.reused = true
			return u, nil
		}
	}
	g := p.sh.g
	c, err := g.rt.Dial(context.Background(), "tcp", p.addr, &unio.DialOptions{Timeout: g.cfg.Times.Connect})
	if err != nil {
		return nil, err
	}
	g.opened.Add(1)
	u := &upstream{p: p, c: c}
	u.in.c = c
	u.expire = u.expired
	return u, nil
}

// put gives a connection back that may serve another request.
func (p *pool) put(u *upstream) {
	if len(u.in.bytes()) > 0 || u.c.Await(p.sh.g.cfg.Times.Pooled, u.expire) != nil {
		u.close()
		return
	}
	p.idle = append(p.idle, u)
}

// expired is called when an idle connection was closed by the upstream, sent something unasked, or has
// not been used for long. It is closed when this returns.
func (u *upstream) expired(*unio.Conn, error) {
	if i := slices.Index(u.p.idle, u); i >= 0 {
		u.p.idle = slices.Delete(u.p.idle, i, i+1)
	}
	u.in.drop()
}

// close ends a connection that cannot be used again. Nobody reads from it any more.
func (u *upstream) close() {
	u.in.drop()
	u.abort()
}

// abort closes the connection at once: what it has not taken yet is of no use to it.
func (u *upstream) abort() {
	u.c.SetWriteDeadline(time.Unix(1, 0))
	u.c.Close()
}
