package cluster

import (
	"math/bits"
	"slices"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster/maglev"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// view is what is known of a cluster at one moment, put together for choosing. It does not change.
type view struct {
	balance config.Balance
	groups  [2]group  // the second is asked when the first has none left
	slots   []*Server // all of the cluster's, also those that cannot be used; nil: free
	awaited bool      // there is no server, but the first lookup of a name has not ended

	// For Hash: the table's backends are the places of keyed.
	table *maglev.Table
	keyed []entry
}

// group is servers of one kind, any of which may serve a request: those that come first, or the backups.
type group struct {
	entries []entry
	coming  []coming // those of entries that come back
	draw    draw
}

// entry is a server in a view.
type entry struct {
	server *Server
	slot   int32 // where a Picker keeps what it knows of the server
	weight int32
	share  int64 // of fullShare: how much of the weight counts; 0 in keyed: cannot be used
}

// coming is a server that comes back. It may get a part of a loop's requests: with each of them it gains credit, and
// fullShare of credit is good for one request.
type coming struct {
	index  int
	credit int64 // for each request, of creditOne
}

// creditOne is the credit that one request takes, and creditMax what a server can have: more would be a burst for one that
// was not chosen for long, and with less random choices that miss it would keep it below its share.
const (
	creditOne = 1 << 32
	creditMax = 8 * creditOne
)

// newGroup makes a group of entries, of which it keeps the slice.
func newGroup(entries []entry) group {
	g := group{entries: entries, draw: newDraw(entries)}
	total := int64(0)
	for i := range entries {
		total += int64(entries[i].weight)
	}
	for i, e := range entries {
		if e.share < fullShare {
			g.coming = append(g.coming, coming{index: i, credit: creditOne / fullShare * e.share * int64(e.weight) / total})
		}
	}
	return g
}

// makeView puts a view together of what is known at a time.
func (c *Cluster) makeView(now time.Time) *view {
	cfg := c.cfg.Load()
	v := &view{balance: cfg.Balance, slots: slices.Clone(c.slots)}
	var first, backups []entry
	for _, s := range c.members {
		if !s.usable() {
			continue
		}
		e := entry{server: s, slot: s.slot, weight: s.weight, share: s.share(now, cfg.Eject.Return)}
		if s.backup {
			backups = append(backups, e)
		} else {
			first = append(first, e)
		}
	}
	if len(first)+len(backups) == 0 { // none can be used, so all are
		for _, s := range c.members {
			if !s.drained {
				first = append(first, entry{server: s, slot: s.slot, weight: s.weight, share: fullShare})
			}
		}
	}
	level(first)
	level(backups)
	v.groups = [2]group{newGroup(first), newGroup(backups)}
	v.awaited = len(first)+len(backups) == 0 && slices.ContainsFunc(c.names, (*name).isNew)
	if cfg.Balance == config.Hash {
		c.makeKeyed(v)
	} else {
		c.table = table{}
	}
	return v
}

// level raises shares so that the largest is full: when all servers come back there are no others to relieve them, and only
// the relation of their shares counts.
func level(entries []entry) {
	most := int64(0)
	for _, e := range entries {
		most = max(most, e.share)
	}
	for i := range entries {
		entries[i].share = entries[i].share * fullShare / most
	}
}

// makeKeyed adds what Hash needs: the table's servers with the shares that they have in the first group.
func (c *Cluster) makeKeyed(v *view) {
	shares := make([]int64, len(v.slots))
	for _, e := range v.groups[0].entries {
		shares[e.slot] = e.share
	}
	v.table = c.table.get(c.members)
	for _, s := range c.table.of {
		v.keyed = append(v.keyed, entry{server: s, slot: s.slot, share: shares[s.slot]})
	}
}

// table is a lookup table and the servers that it is for. It is made again only when they or their weights change: a server
// that cannot be used keeps its places, so that the keys of the others stay where they are.
type table struct {
	of       []*Server
	backends []maglev.Backend
	table    *maglev.Table
}

func (t *table) get(members []*Server) *maglev.Table {
	var of []*Server
	var backends []maglev.Backend
	for _, s := range members {
		if !s.backup && len(of) < maglev.BackendsMax {
			of = append(of, s)
			backends = append(backends, maglev.Backend{Name: s.Name + " " + s.Addr, Weight: int(s.weight)})
		}
	}
	if t.table == nil || !slices.Equal(backends, t.backends) {
		t.table, t.backends = maglev.New(backends), backends
	}
	t.of = of
	return t.table
}

// draw chooses by weight at random in constant time: Walker's alias method as Vose builds it, "A Linear Algorithm for
// Generating Random Numbers with a Given Distribution", 1991. In each column of equal width at most two entries share.
type draw struct {
	columns []column
}

type column struct {
	own   uint32 // below it the column's own entry is meant, of 1<<32 - 1
	other uint32
}

func newDraw(entries []entry) draw {
	n := len(entries)
	total := uint64(0)
	for i := range entries {
		total += uint64(entries[i].weight)
	}
	d := draw{columns: make([]column, n)}
	rest := make([]uint64, n) // of each entry, in units in which a column holds total
	var small, large []int
	for i := range entries {
		rest[i] = uint64(entries[i].weight) * uint64(n)
		if rest[i] < total {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		part, _ := bits.Div64(rest[s], 0, total)
		d.columns[s] = column{own: uint32(part >> 32), other: uint32(l)}
		if rest[l] -= total - rest[s]; rest[l] < total {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		d.columns[i] = column{own: 1<<32 - 1, other: uint32(i)}
	}
	return d
}

// at is the index that a random number draws. There has to be an entry.
func (d *draw) at(r uint64) int {
	i, low := bits.Mul64(r, uint64(len(d.columns)))
	c := &d.columns[i]
	if uint32(low>>32) < c.own {
		return int(i)
	}
	return int(c.other)
}
