package cluster

import (
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster/maglev"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// Picker chooses servers for one loop.
type Picker struct {
	c      *Cluster
	view   *view
	state  []standing // by slot
	pass   uint64     // of the server that LeastConnections chose last
	random uint64

	requests uint64 // since the budget was asked last
	budget   budget

	loop, loops int
	_           [64]byte // others' Pickers are written by other loops
}

// standing is what a Picker knows of a server.
type standing struct {
	server  *Server
	current int64  // of smooth weighted round robin
	pass    uint64 // of LeastConnections among equals: when it is this server's turn
	credit  int64  // of one that comes back; see coming
}

// Key is a hash of what a Hash balance goes by, for Pick. It is the same in every process, so gates with the same servers
// agree.
func Key(b []byte) uint64 { return maglev.Hash(b) }

func newPicker(c *Cluster, loop, loops int) *Picker {
	return &Picker{c: c, loop: loop, loops: loops, random: rand.Uint64()}
}

// Pick chooses a server that was not tried for the request and adds it to tried. It is nil when there is none left; see
// the package comment. Tried may be nil, which means none and keeps no note; a request whose tried is empty is a new one
// in the eyes of the retry budget. Key is for Hash: equal keys get the same server; it need not be mixed.
//
// A server that is full is passed over while another of the same kind has room: backups are for servers that cannot be
// used, not for those that have much to do. With Hash none is passed over. A nil full means that no server is full.
func (p *Picker) Pick(key uint64, tried *Tried, full func(*Server) bool) *Server {
	v := p.c.view.Load()
	if v != p.view {
		p.adopt(v)
	}
	switch {
	case tried == nil:
		var none Tried
		p.requests++
		return p.pick(v, key, &none, full)
	case tried.n == 0:
		p.requests++
	case tried.n == triedMax:
		return nil
	}
	s := p.pick(v, key, tried, full)
	if s != nil {
		tried.add(s)
	}
	return s
}

// MayRetry reports whether the request may be sent again with a budget of so many percent (config.Retry.Budget), and takes
// that as done if so. The budget is shared out evenly: this loop may repeat that part of the requests that it picked
// servers for in the last ten seconds or so, and its share of ten a second beside that; up to ten seconds of it are good
// at once.
func (p *Picker) MayRetry(now time.Time, percent int) bool {
	n := p.requests
	p.requests = 0
	return p.budget.may(now, n, percent, p.loops)
}

func (p *Picker) pick(v *view, key uint64, tried *Tried, full func(*Server) bool) *Server {
	for i := range v.groups {
		s := p.pickOf(v, i, key, tried)
		if s == nil {
			continue
		}
		if full != nil && v.balance != config.Hash {
			return p.withRoom(v, i, s, tried, full)
		}
		return s
	}
	return nil
}

// withRoom goes on from a server that was chosen until one is not full, and after some of these takes whichever is not. Where all
// are it is the first. No balance with a key comes here.
func (p *Picker) withRoom(v *view, group int, first *Server, tried *Tried, full func(*Server) bool) *Server {
	passed := *tried
	for s := first; s != nil && passed.n < triedMax; s = p.pickOf(v, group, 0, &passed) {
		if !full(s) {
			return s
		}
		passed.add(s)
	}
	entries := v.groups[group].entries
	start, _ := bits.Mul64(p.next(), uint64(len(entries)))
	for i := range entries {
		s := entries[(int(start)+i)%len(entries)].server
		if !passed.Has(s) && !full(s) {
			return s
		}
	}
	return first
}

// pickOf chooses a server of a group.
func (p *Picker) pickOf(v *view, group int, key uint64, tried *Tried) *Server {
	g := &v.groups[group]
	if len(g.entries) == 0 {
		return nil
	}
	switch v.balance {
	case config.LeastConnections:
		return p.leastConnections(g, tried)
	case config.RandomTwo:
		return p.randomTwo(g, tried)
	case config.Hash:
		return p.byHash(v, group, key, tried)
	}
	return p.roundRobin(g, tried)
}

// adopt makes a new view the present one. What is known of servers that stay is kept, within the bounds of the new weights.
func (p *Picker) adopt(v *view) {
	first := p.view == nil || len(p.state) == 0
	p.view = v
	for len(p.state) < len(v.slots) {
		p.state = append(p.state, standing{})
	}
	for i, s := range v.slots {
		if st := &p.state[i]; st.server != s {
			*st = standing{server: s}
		}
	}
	for i := range v.groups {
		g := &v.groups[i]
		total := int64(0)
		for _, e := range g.entries {
			total += int64(e.weight) * e.share
		}
		for _, e := range g.entries {
			st := &p.state[e.slot]
			st.current = min(max(st.current, -total), total)
			if e.share == fullShare {
				st.credit = 0
			}
		}
		if first {
			p.goAhead(g)
		}
	}
}

// goAhead skips a part of a round, so that loops that start together do not all choose the same server first.
func (p *Picker) goAhead(g *group) {
	round, weight := int64(0), int64(0)
	for _, e := range g.entries {
		round += int64(e.weight)
		weight = gcd(weight, int64(e.weight))
	}
	if weight == 0 {
		return
	}
	var none Tried
	steps := min(round/weight, offsetStepsMax) * int64(p.loop) / int64(p.loops)
	for range steps {
		p.roundRobin(g, &none)
	}
	for i := range g.entries {
		p.state[g.entries[(i+p.loop)%len(g.entries)].slot].pass = p.pass + uint64(i)
	}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// roundRobin is smooth weighted round robin as in nginx (ngx_http_upstream_round_robin.c): each server gains its weight,
// the one that has most is chosen and pays for all. Weights of 5, 1, 1 give a a b a c a a.
func (p *Picker) roundRobin(g *group, tried *Tried) *Server {
	var best *standing
	total := int64(0)
	for i := range g.entries {
		e := &g.entries[i]
		if tried.n > 0 && tried.Has(e.server) {
			continue
		}
		st := &p.state[e.slot]
		w := int64(e.weight) * e.share
		total += w
		if st.current += w; best == nil || st.current > best.current {
			best = st
		}
	}
	if best == nil {
		return nil
	}
	best.current -= total
	return best.server
}

// leastConnections chooses the server with the fewest requests in flight by weight. Among equals turns come by weight
// (stride scheduling: Waldspurger and Weihl, 1995): the one whose turn is next is chosen, and its next turn is the later
// the less its weight is. A server that was not among the equals for long does not catch up.
func (p *Picker) leastConnections(g *group, tried *Tried) *Server {
	p.gain(g)
	best, bestPass := p.fewest(g, tried, len(g.coming) > 0)
	if best == nil && len(g.coming) > 0 {
		best, bestPass = p.fewest(g, tried, false)
	}
	if best == nil {
		return nil
	}
	p.pass = bestPass
	p.state[best.slot].pass = bestPass + uint64(strideOne/int64(best.weight))
	if p.pass > passMax {
		p.rebase()
	}
	p.spend(best)
	return best.server
}

// strideOne is the stride of weight 1, so that the quotients by weights are exact to a thousandth. passMax is where passes
// are counted anew, long before they would wrap.
const (
	strideOne = 1 << 20
	passMax   = 1 << 62
)

// rebase counts passes from the present one.
func (p *Picker) rebase() {
	for i := range p.state {
		st := &p.state[i]
		st.pass = max(st.pass, p.pass) - p.pass
	}
	p.pass = 0
}

// fewest finds the best server and when its turn is. With admit those that come back need credit.
func (p *Picker) fewest(g *group, tried *Tried, admit bool) (best *entry, pass uint64) {
	var n int64
	for i := range g.entries {
		e := &g.entries[i]
		if tried.n > 0 && tried.Has(e.server) || admit && !p.admits(e) {
			continue
		}
		in := e.server.inFlight.Load()
		turn := p.pass
		if !admit || e.share == fullShare {
			turn = max(turn, p.state[e.slot].pass)
		} // else credit makes it the server's turn
		if best != nil {
			a, b := in*int64(best.weight), n*int64(e.weight)
			if a > b || a == b && turn >= pass {
				continue
			}
		}
		best, n, pass = e, in, turn
	}
	return best, pass
}

// randomTwo draws two servers by weight and takes the one with fewer requests in flight by weight: Mitzenmacher, "The
// Power of Two Choices in Randomized Load Balancing", 2001; nginx has it as "random two least_conn".
func (p *Picker) randomTwo(g *group, tried *Tried) *Server {
	p.gain(g)
	a := p.drawn(g, tried, nil)
	if a == nil {
		return nil
	}
	if b := p.drawn(g, tried, a); b != nil {
		if b.server.inFlight.Load()*int64(a.weight) < a.server.inFlight.Load()*int64(b.weight) {
			a = b
		}
	}
	p.spend(a)
	return a.server
}

// drawn draws a server that is not but. When luck does not find one, servers are gone through from a random one on, and
// in the end, for the first choice, those that come back count as others.
func (p *Picker) drawn(g *group, tried *Tried, but *entry) *entry {
	n := len(g.entries)
	if but != nil && n == 1 {
		return nil
	}
	for range drawsMax {
		e := &g.entries[g.draw.at(p.next())]
		if e != but && !tried.Has(e.server) && p.admits(e) {
			return e
		}
	}
	first, _ := bits.Mul64(p.next(), uint64(n))
	var coming *entry
	for i := range n {
		e := &g.entries[(int(first)+i)%n]
		switch {
		case e == but || tried.Has(e.server):
		case p.admits(e):
			return e
		case but == nil && coming == nil:
			coming = e
		}
	}
	return coming
}

// byHash asks the table. A key whose server cannot be used, was tried or does not take it yet goes to the place of its
// next hash, so that the keys of one server are spread over all others by weight, and no other key moves.
func (p *Picker) byHash(v *view, group int, key uint64, tried *Tried) *Server {
	h := maglev.Mix(key)
	if group == 0 && v.table != nil {
		for range hashProbesMax {
			e := &v.keyed[v.table.Lookup(h)]
			if e.share > 0 && !tried.Has(e.server) && (e.share == fullShare || e.wants(key)) {
				return e.server
			}
			h = maglev.Mix(h)
		}
	}
	g := &v.groups[group]
	first := g.draw.at(h)
	for i := range g.entries {
		e := &g.entries[(first+i)%len(g.entries)]
		if !tried.Has(e.server) {
			return e.server
		}
	}
	return nil
}

// wants reports whether a server that comes back takes a key already: with each step it takes some more, and leaves none.
func (e *entry) wants(key uint64) bool {
	return int64(maglev.Mix(key^e.server.hash)%fullShare) < e.share
}

// gain gives those that come back their credit for a request. What is not used at once is kept, so that choices
// which fall on others lose nothing.
func (p *Picker) gain(g *group) {
	for _, b := range g.coming {
		st := &p.state[g.entries[b.index].slot]
		st.credit = min(st.credit+b.credit, creditMax)
	}
}

// admits reports whether the server may get a request: it has its full share, or credit for one.
func (p *Picker) admits(e *entry) bool {
	return e.share == fullShare || p.state[e.slot].credit >= creditOne
}

// spend pays for a request.
func (p *Picker) spend(e *entry) {
	if e.share < fullShare {
		st := &p.state[e.slot]
		st.credit = max(st.credit-creditOne, 0)
	}
}

// next is a random number: wyrand, by Wang Yi, which is fast and good enough to draw servers.
func (p *Picker) next() uint64 {
	p.random += 0xa0761d6478bd642f
	hi, lo := bits.Mul64(p.random, p.random^0xe7037ed1a0b428db)
	return hi ^ lo
}
