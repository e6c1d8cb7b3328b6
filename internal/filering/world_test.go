//go:build linux && !unio_nouring

package filering

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio/internal/fileio"
)

// world plays a flow on a ring that a test invents: each actor is a coroutine that stops before every step that others can
// see, and what decides which actor steps next decides the order of all that happens.
type world struct {
	f      flow
	r      Ring
	actors []*actor
	now    *actor // the one that steps
	plan   plan
	ops    []*fileio.Op
	done   []int // how often each operation has completed
	trace  []string

	// The ring.
	filled, taken, completed []*fileio.Op
	slots                    int
	nBegun, nEnded           uint32
	quiet, signalled         bool
	refusals, repeats, fails int
	lulls                    int
	lates, falls             int
}

// plan is what happens in a world.
type plan struct {
	callers  []call // one goroutine each
	slots    int
	refusals int  // how often the kernel lacks memory
	repeats  int  // how often an operation has to be submitted again
	fails    int  // how often an enter fails for good: 0 or 1
	lulls    int  // how often the reaper finds that it was not signalled for a while
	pump     bool // whether callers may leave operations to the pump
	lates    int  // how often the pump sleeps in vain
	falls    int  // how often it finds that Ps are free
	bounds   bounds
}

// call is what a goroutine does: Do of each operation, or Start of all.
type call struct {
	ops   int
	start bool
}

// actor is a coroutine. request is what it stands before.
type actor struct {
	name    string
	yield   func(request) bool
	next    func() (request, bool)
	stop    func()
	request request
	ended   bool
	past    uint64 // a hash of what it has seen and may still know: it stands for its local variables
	base    uint64 // past when the call of submit or reap began that it is in
	trying  uint64 // past when it began to try for a lock
	last    point
	pumps   bool // has the pump perform what it does now
	answer  int
}

// request is what an actor waits for: its turn, one of n choices, or an event.
type request struct {
	what    int // a point, or what stands behind them
	choices int
	ready   func() bool // nil: at once
}

// What an actor stands before, besides the flow's points.
const (
	whatBegin = 100 + iota
	whatIdle
	whatChoice
	whatEntered
	whatAwait
)

var errStopped = errors.New("stopped")

func newWorld(p plan) *world {
	w := &world{plan: p, slots: p.slots, refusals: p.refusals, repeats: p.repeats, fails: p.fails, lulls: p.lulls,
		lates: p.lates, falls: p.falls}
	w.f.side, w.f.bounds = w, p.bounds
	w.f.held, w.f.wanted = w.held, make(chan struct{}, 1)
	w.f.kicked, w.f.called = make(chan struct{}, 1), make(chan struct{}, 1)
	w.f.step = w.step
	for i, c := range p.callers {
		var ops []*fileio.Op
		for range c.ops {
			ops = append(ops, w.newOp())
		}
		w.act(fmt.Sprintf("caller%d", i), func() { w.call(c, ops) })
	}
	w.act("helper", func() {
		for {
			w.idle(func() bool { return len(w.f.kicked) > 0 })
			<-w.f.kicked
			w.f.help(func(int) {})
		}
	})
	w.act("reaper", func() {
		for {
			w.idle(func() bool { return len(w.f.called) > 0 })
			<-w.f.called
			for w.reapAWhile(); !w.f.rest(); w.reapAWhile() {
			}
		}
	})
	w.act("pump", func() {
		for {
			w.idle(func() bool { return len(w.f.wanted) > 0 })
			<-w.f.wanted
			w.f.pump()
		}
	})
	w.act("kernel", func() {
		for {
			w.idle(func() bool { return len(w.taken) > 0 })
			w.complete(w.choose(len(w.taken)))
		}
	})
	return w
}

// reapAWhile is the reaper's part between a call, or a lull, and the next lull.
func (w *world) reapAWhile() {
	for {
		w.signalled = false
		if w.f.reap(w.f.reaps) {
			w.f.kick()
		}
		w.idle(func() bool { return w.signalled || w.lulls > 0 })
		if !w.signalled || w.lulls > 0 && w.choose(2) == 1 {
			w.lulls--
			return
		}
	}
}

func (w *world) newOp() *fileio.Op {
	i := len(w.ops)
	op := &fileio.Op{Wake: make(chan struct{}, 1), Done: func(*fileio.Op) { w.done[i]++ }}
	w.ops, w.done = append(w.ops, op), append(w.done, 0)
	return op
}

func (w *world) call(c call, ops []*fileio.Op) {
	if c.start {
		for _, op := range ops {
			op.State.Store(stateStarted)
		}
		newest, oldest, _ := link(ops)
		if w.pumps() {
			w.f.leave(newest, oldest)
		} else {
			w.f.start(newest, oldest)
		}
		return
	}
	for _, op := range ops {
		op.State.Store(stateWaiting)
		if w.pumps() {
			w.f.entrust(op)
		} else {
			w.f.perform(op, op)
			w.f.wait(op, stateParked)
		}
		w.done[slices.Index(w.ops, op)]++
	}
}

// pumps chooses who performs.
func (w *world) pumps() bool {
	w.now.pumps = w.plan.pump && w.choose(2) == 1
	return w.now.pumps
}

func (w *world) act(name string, fn func()) {
	a := &actor{name: name}
	a.next, a.stop = iter.Pull(func(yield func(request) bool) {
		defer func() {
			if e := recover(); e != nil && e != errStopped {
				panic(e)
			}
		}()
		a.yield = yield
		w.pass(request{what: whatBegin})
		fn()
	})
	w.actors = append(w.actors, a)
	w.now = a
	a.request, _ = a.next()
}

// pass stops the actor until it is chosen to go on.
func (w *world) pass(q request) int {
	a := w.now
	if !a.yield(q) {
		panic(errStopped)
	}
	return a.answer
}

// saw adds what an actor has found out to its past.
func (w *world) saw(values ...int) {
	for _, v := range values {
		w.now.past = mix(w.now.past, uint64(v))
	}
}

// mix makes a hash of a hash and one more word, as splitmix64 does.
func mix(h, v uint64) uint64 {
	h ^= v + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *world) idle(ready func() bool) {
	w.now.past = 0
	w.pass(request{what: whatIdle, ready: ready})
}

func (w *world) choose(n int) int {
	k := 0
	if n > 1 {
		k = w.pass(request{what: whatChoice, choices: n})
	}
	w.saw(n, k)
	return k
}

// step is what the flow calls before its steps. What has ended leaves nothing of its past but its result.
func (w *world) step(p point, op *fileio.Op) {
	a := w.now
	switch {
	case p == pointTurn || p == pointPush || p == pointPark:
		a.past = mix(uint64(p), uint64(w.chain(op)))
	case p == pointTry && a.last == pointMark:
		a.past = a.trying
	case p == pointTry:
		a.trying = a.past
	case p == pointSubmit || p == pointReapAll:
		a.base = a.past
	case p >= pointReaped:
		a.past = mix(a.base, uint64(p))
	default:
		w.saw(int(p), w.chain(op))
	}
	if a.last = p; p >= pointTurn {
		return
	}
	q := request{what: int(p)}
	switch p {
	case pointWake:
		q.ready = func() bool { return len(op.Wake) > 0 }
	case pointCalled:
		q.ready = func() bool { return len(w.f.wanted) > 0 }
	}
	w.pass(q)
}

// The ring.

func (w *world) room() int {
	w.saw(bit(w.slots > 0))
	return w.slots
}

func (w *world) begun() uint32 {
	w.saw(int(w.nBegun))
	return w.nBegun
}

func (w *world) ended() uint32 {
	w.saw(int(w.nEnded))
	return w.nEnded
}

func (w *world) fill(op *fileio.Op) {
	w.nBegun++
	w.slots--
	w.filled = append(w.filled, op)
}

func (w *world) enter(quiet bool) (int, error) {
	if len(w.filled) == 0 {
		return 0, nil
	}
	w.quiet = quiet
	outcomes := []string{"took all", "took all, completed"}
	if w.refusals > 0 {
		outcomes = append(outcomes, "took all but one")
	}
	if w.fails > 0 {
		outcomes = append(outcomes, "failed")
	}
	n := len(w.filled)
	var err error
	switch outcomes[w.choose(len(outcomes))] {
	case "took all but one":
		w.refusals--
		n--
	case "failed":
		w.fails--
		n, err = 0, errors.New("failed")
	case "took all, completed":
		for range n {
			w.taken = append(w.taken, w.filled[0])
			w.filled = w.filled[1:]
			w.complete(len(w.taken) - 1)
		}
		n = 0
	}
	w.taken = append(w.taken, w.filled[:n]...)
	w.filled = slices.Clone(w.filled[n:])
	w.pass(request{what: whatEntered})
	w.quiet = false
	w.saw(len(w.filled), bit(err != nil))
	return len(w.filled), err
}

func (w *world) complete(i int) {
	w.completed = append(w.completed, w.taken[i])
	w.taken = slices.Delete(slices.Clone(w.taken), i, i+1)
	if !w.quiet {
		w.signalled = true
	}
}

func (w *world) unfill() (first *fileio.Op) {
	for _, op := range w.filled {
		op.Next, first = first, op
	}
	w.filled = nil
	return first
}

func (w *world) reap(limit int) (found reaped) {
	n := min(limit, len(w.completed))
	for _, op := range w.completed[:n] {
		w.nEnded++
		w.slots++
		if w.repeats > 0 && w.choose(2) == 1 {
			w.repeats--
			op.Next, found.again = found.again, op
		} else {
			op.Next, found.done = found.done, op
		}
	}
	w.completed = slices.Clone(w.completed[n:])
	found.freed, found.more = n > 0, len(w.completed) > 0
	w.saw(w.chain(found.done), w.chain(found.again), bit(found.more))
	return found
}

// await is in vain where nothing can complete, as behind a failure, and a few times besides.
func (w *world) await() bool {
	w.pass(request{what: whatAwait, ready: func() bool { return len(w.completed) > 0 || w.lates > 0 || len(w.taken) == 0 }})
	late := len(w.completed) == 0 || w.lates > 0 && w.choose(2) == 1
	if late {
		w.lates = max(w.lates-1, 0)
	}
	w.saw(bit(late))
	return !late
}

func (w *world) held() bool {
	if w.falls > 0 && w.choose(2) == 1 {
		w.falls--
		return false
	}
	return true
}

func (w *world) deliver(op *fileio.Op) { w.r.deliver(op) }

// chain stands for the operations that are linked.
func (w *world) chain(op *fileio.Op) (n int) {
	for ; op != nil && n < math.MaxInt>>7; op = op.Next {
		n = n<<4 | 1 + slices.Index(w.ops, op)
	}
	return n
}

// row stands for a list of operations.
func (w *world) row(ops []*fileio.Op) (n int) {
	for _, op := range ops {
		n = n<<4 | 1 + slices.Index(w.ops, op)
	}
	return n
}

// key stands for all that decides what can happen from here on.
func (w *world) key() (h uint64) {
	f := &w.f
	for _, v := range [...]int{
		w.chain(f.inbox.Load()), w.chain(f.oldest), int(f.submitting.word.Load()), int(f.reaping.word.Load()),
		bit(f.starved.Load()), len(f.kicked), len(f.wanted), w.lates, w.falls, bit(f.failed.Load() != nil), w.row(w.filled), w.row(w.taken),
		w.row(w.completed), w.slots, bit(w.quiet), bit(w.signalled), w.refusals, w.repeats, w.fails,
		w.lulls, bit(f.watching.Load()), len(f.called), int(w.nBegun - f.seen), int(w.nBegun - w.nEnded),
	} {
		h = mix(h, uint64(v))
	}
	for i, op := range w.ops {
		h = mix(h, uint64(w.done[i])<<8|uint64(op.State.Load())<<1|uint64(len(op.Wake)))
	}
	for _, a := range w.actors {
		h = mix(mix(h, uint64(a.request.what)<<2|uint64(bit(a.ended)<<1|bit(a.pumps))), a.past)
	}
	return h
}

// move is a choice: which actor steps, and with what answer.
type move struct{ actor, answer int }

// moves are those that are possible. What only the actor itself can see needs no other order than at once.
func (w *world) moves() (all []move) {
	for i, a := range w.actors {
		if !a.ended && (a.request.what == whatBegin || a.request.what == whatChoice) {
			for k := range max(a.request.choices, 1) {
				all = append(all, move{i, k})
			}
			return all
		}
	}
	for i, a := range w.actors {
		if a.ended || a.request.ready != nil && !a.request.ready() {
			continue
		}
		for k := range max(a.request.choices, 1) {
			all = append(all, move{i, k})
		}
	}
	return all
}

func (w *world) play(m move) {
	a := w.actors[m.actor]
	w.now, a.answer = a, m.answer
	w.trace = append(w.trace, fmt.Sprintf("%s: %d %d", a.name, a.request.what, m.answer))
	var ok bool
	if a.request, ok = a.next(); !ok {
		a.ended = true
	}
}

// verdict is what is wrong when nothing can happen any more.
func (w *world) verdict() error {
	for i, n := range w.done {
		if n != 1 {
			return fmt.Errorf("operation %d has completed %d times:\n%s", i, n, strings.Join(w.trace, "\n"))
		}
	}
	return nil
}

func (w *world) close() {
	for _, a := range w.actors {
		w.now = a
		a.stop()
	}
}

// stepsMax is more than any order needs: what goes on beyond it goes on for ever.
const stepsMax = 2000

// explore plays every order of a plan. It gives how many states there are.
func explore(p plan) (states int, err error) {
	seen := map[uint64]bool{}
	paths := [][]move{nil}
	for len(paths) > 0 {
		path := paths[len(paths)-1]
		paths = paths[:len(paths)-1]
		more, err := follow(p, path, seen)
		if err != nil {
			return len(seen), err
		}
		paths = append(paths, more...)
	}
	return len(seen), nil
}

// follow plays a path and goes on to a state that was seen, or to the end. It gives the paths that branch off.
func follow(p plan, path []move, seen map[uint64]bool) (branches [][]move, err error) {
	w := newWorld(p)
	defer w.close()
	for _, m := range path {
		w.play(m)
	}
	for len(path) < stepsMax {
		moves := w.moves()
		if len(moves) == 0 {
			return branches, w.verdict()
		}
		key := w.key()
		if seen[key] {
			return branches, nil
		}
		seen[key] = true
		for _, m := range moves[1:] {
			branches = append(branches, append(slices.Clone(path), m))
		}
		path = append(path, moves[0])
		w.play(moves[0])
	}
	return nil, fmt.Errorf("goes on for ever:\n%s", strings.Join(w.trace[:100], "\n"))
}

// wander plays one order, which a seed decides.
func wander(p plan, seed uint64) error {
	w := newWorld(p)
	defer w.close()
	dice := rand.New(rand.NewPCG(seed, 0))
	for range stepsMax * len(w.ops) {
		moves := w.moves()
		if len(moves) == 0 {
			return w.verdict()
		}
		w.play(moves[dice.IntN(len(moves))])
	}
	return fmt.Errorf("goes on for ever:\n%s", strings.Join(w.trace[:100], "\n"))
}

// TestNoWakeUpIsLostInRandomOrders is for more callers than have all their orders played. It comes first, since it finds most
// mistakes at once.
func TestNoWakeUpIsLostInRandomOrders(t *testing.T) {
	for seed := range randomOrders {
		dice := rand.New(rand.NewPCG(seed, 1))
		p := plan{
			slots: 1 + dice.IntN(4), refusals: dice.IntN(3), repeats: dice.IntN(3), fails: dice.IntN(8) / 7, lulls: dice.IntN(6),
			pump: dice.IntN(2) == 1, lates: dice.IntN(6), falls: dice.IntN(4),
			bounds: bounds{enters: 1 + dice.IntN(3), reaps: 1 + dice.IntN(3), turns: 1 + dice.IntN(2)},
		}
		for range 2 + dice.IntN(6) {
			p.callers = append(p.callers, call{ops: 1 + dice.IntN(3), start: dice.IntN(3) == 0})
		}
		if err := wander(p, seed); err != nil {
			t.Fatalf("seed %d, %+v: %v", seed, p, err)
		}
	}
}

var small = bounds{enters: 1, reaps: 1, turns: 1}

// fewOrders are plans whose orders take some seconds together; manyOrders, in the lane of the planted defects, take minutes.
var fewOrders = map[string]plan{
	"one":            {callers: []call{{ops: 1}}, slots: 1, bounds: small},
	"one, no memory": {callers: []call{{ops: 1}}, slots: 1, refusals: 2, bounds: small},
	"one, again":     {callers: []call{{ops: 1}}, slots: 1, repeats: 2, bounds: small},
	"one, failing":   {callers: []call{{ops: 1}}, slots: 1, fails: 1, bounds: small},
	"two at once":    {callers: []call{{ops: 2, start: true}}, slots: 1, bounds: small},
	"two one by one": {callers: []call{{ops: 2}}, slots: 1, repeats: 1, bounds: small},
	"two starts":     {callers: []call{{ops: 1, start: true}, {ops: 1, start: true}}, slots: 1, bounds: small},
	"two with lulls": {callers: []call{{ops: 2}}, slots: 1, lulls: 2, bounds: small},
	"start, lulls":   {callers: []call{{ops: 1, start: true}}, slots: 1, lulls: 3, bounds: small},

	"pump":              {callers: []call{{ops: 1}}, slots: 1, pump: true, bounds: small},
	"pump, slow disk":   {callers: []call{{ops: 1}}, slots: 1, pump: true, lates: 3, bounds: small},
	"pump, free Ps":     {callers: []call{{ops: 1}}, slots: 1, pump: true, falls: 2, bounds: small},
	"pump, again":       {callers: []call{{ops: 1}}, slots: 1, pump: true, repeats: 1, refusals: 1, bounds: small},
	"pump, failing":     {callers: []call{{ops: 1}}, slots: 1, pump: true, fails: 1, bounds: small},
	"pump, start":       {callers: []call{{ops: 1, start: true}}, slots: 1, pump: true, lates: 3, bounds: small},
	"pump, two at once": {callers: []call{{ops: 2, start: true}}, slots: 1, pump: true, falls: 1, bounds: small},
}

// TestNoWakeUpIsLostInAnyOrder plays all orders in which the steps of a few callers, the helper, the reaper and the kernel
// can follow each other.
func TestNoWakeUpIsLostInAnyOrder(t *testing.T) { exploreAll(t, fewOrders) }

func exploreAll(t *testing.T, plans map[string]plan) {
	for name, p := range plans {
		if raced && (len(p.callers) > 1 || p.callers[0].ops > 1) {
			continue // a world is one thread: the detector finds nothing in it
		}
		t.Run(name, func(t *testing.T) {
			n, err := explore(p)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d states", n)
		})
	}
}
