package gate

import (
	"sync/atomic"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// Gate forwards requests. It is made by New and used by giving Serve a listener; it ends with its runtime.
type Gate struct {
	rt     *unio.Runtime
	cfg    Config
	shards []*shard
	opened atomic.Int64 // upstream connections made
	ending atomic.Bool
}

// shard is what belongs to one loop.
type shard struct {
	g     *Gate
	pools []*pool
	log   limitedLog
	turn  int         // whose turn it is among the upstreams
	spare []*exchange // not in use
}

// New checks the configuration.
func New(rt *unio.Runtime, cfg Config) (*Gate, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	g := &Gate{rt: rt, cfg: cfg}
	for range rt.Report().Loops {
		sh := &shard{g: g, log: limitedLog{to: cfg.Logger}}
		for _, u := range cfg.Upstreams {
			sh.pools = append(sh.pools, &pool{sh: sh, addr: u})
		}
		g.shards = append(g.shards, sh)
	}
	return g, nil
}

// ListenOptions are the options with which a Gate's listener has to be opened: a task begins with the
// first byte.
func (g *Gate) ListenOptions() *unio.ListenOptions {
	return &unio.ListenOptions{OnFirstByte: true, FirstByteLimit: g.cfg.Times.Idle}
}

// Serve serves the clients of a listener until it is closed.
func (g *Gate) Serve(ln *unio.Listener) error { return ln.Serve(g.serve) }

// Drain has every response from now on end its connection, so that clients go elsewhere.
func (g *Gate) Drain() { g.ending.Store(true) }

// Opened is how many upstream connections have been made.
func (g *Gate) Opened() int64 { return g.opened.Load() }

// exchangesSpareMax bounds the exchanges that a loop keeps for later: as many as a busy loop has in flight.
const exchangesSpareMax = 256

// get takes an exchange.
func (sh *shard) get() *exchange {
	if n := len(sh.spare); n > 0 {
		x := sh.spare[n-1]
		sh.spare = sh.spare[:n-1]
		return x
	}
	x := &exchange{sh: sh}
	x.req.Init(sh.g.cfg.Limits)
	x.resp.Init(sh.g.cfg.Limits, http1.MethodOther)
	return x
}

// put gives an exchange back.
func (sh *shard) put(x *exchange) {
	if len(sh.spare) < exchangesSpareMax {
		sh.spare = append(sh.spare, x)
	}
}
