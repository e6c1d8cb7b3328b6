package unio

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/sys"
)

// place is a loop with what the runtime knows of it.
type place struct {
	*loop.Loop
	rt     *Runtime
	index  int           // among the loops for tasks; -1: shared
	files  bool          // its engine performs operations on files
	inline engine.Inline // its engine; nil: it cannot
	calls  *fileCall     // on files, for use again
	quiet  []*quietConn  // for use again, at most quietSpareMax
	conns  atomic.Int64
}

func (rt *Runtime) newPlace(i int, shared bool) (*place, error) {
	cpu := -1
	if rt.opts.Pin && !shared {
		cpus := sys.ProcessCPUs()
		if len(cpus) == 0 {
			return nil, fmt.Errorf("unio: Options.Pin: the CPUs of the process are not known: %w", errors.ErrUnsupported)
		}
		cpu = cpus[i%len(cpus)]
	}
	open := rt.choice.open
	if shared {
		open = rt.choice.shared.open
	}
	l, err := loop.New(loop.Config{
		NewEngine: func(c engine.Config) (engine.Engine, error) {
			e, err := open(c)
			if err != nil {
				return nil, &engineError{err}
			}
			return e, nil
		},
		Engine: engine.Config{
			Pool: rt.pool, UnreadBytes: rt.opts.UnreadBytes, SQPoll: rt.opts.SQPoll && !shared,
		},
		Shared:      shared,
		CPU:         cpu,
		Logger:      rt.log,
		BatchWait:   !rt.opts.NoBatchWait && !rt.opts.SQPoll && !shared,
		WaitInPlace: rt.opts.WaitInPlace && !rt.opts.SQPoll && !shared,
	})
	if err != nil {
		return nil, err
	}
	if shared {
		i = -1
	}
	p := &place{Loop: l, rt: rt, index: i, files: l.Caps().Files}
	if shared || !rt.opts.SQPoll { // whose loops are to make no calls themselves
		p.inline, _ = l.Engine().(engine.Inline)
	}
	return p, nil
}

func (rt *Runtime) places() []*place {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return append(append([]*place{}, rt.loops...), rt.shared...)
}

func (rt *Runtime) allLoops() []*loop.Loop {
	var all []*loop.Loop
	for _, p := range rt.places() {
		all = append(all, p.Loop)
	}
	return all
}

// taskPlace chooses the loop for something new that tasks will use: the caller's, if it is a task of this runtime, else
// the loop with the fewest connections.
func (rt *Runtime) taskPlace() *place {
	if p := rt.here(); p != nil {
		return p
	}
	return rt.leastBusy()
}

// leastBusy is the loop with the fewest connections, the next in turn among equals.
func (rt *Runtime) leastBusy() *place {
	if len(rt.loops) == 0 {
		panic(errNotMade)
	}
	first := int(rt.nextLoop.Add(1) % uint32(len(rt.loops)))
	best := rt.loops[first]
	for i := 1; i < len(rt.loops); i++ {
		if p := rt.loops[(first+i)%len(rt.loops)]; p.betterThan(best) {
			best = p
		}
	}
	return best
}

// betterThan reports whether a new connection is better off here than on q: it has fewer, or that one's engine has failed,
// which is why nothing keeps it busy.
func (p *place) betterThan(q *place) bool {
	if failed := q.Failed(); failed != p.Failed() {
		return failed
	}
	return p.conns.Load() < q.conns.Load()
}

// here is the loop of the calling task, or nil when the caller is not a task of this runtime.
func (rt *Runtime) here() *place {
	t := loop.Current()
	if t == nil {
		return nil
	}
	for _, p := range rt.loops {
		if p.Loop == t.Loop() {
			return p
		}
	}
	return nil
}

// callerPlace is where a connection lives that the caller makes or accepts: on its own loop for a task, on a loop that
// is an ordinary goroutine for everybody else.
func (rt *Runtime) callerPlace() (*place, error) {
	if p := rt.here(); p != nil {
		return p, nil
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.closing.Load() {
		return nil, net.ErrClosed
	}
	if len(rt.shared) < rt.opts.Loops {
		p, err := rt.newPlace(len(rt.shared), true)
		if err != nil {
			return nil, err
		}
		rt.shared = append(rt.shared, p)
		return p, nil
	}
	best := rt.shared[0]
	for _, p := range rt.shared[1:] {
		if p.betterThan(best) {
			best = p
		}
	}
	return best, nil
}

// run has fn called on the loop and waits for it: by a task of the loop directly, from elsewhere by mail.
func (p *place) run(fn func() error) error {
	if p.onLoop() {
		return fn()
	}
	w, err := p.Foreign()
	if err != nil {
		return err
	}
	w.To = runOn(fn)
	w.Await()
	err = w.Err
	w.Free()
	return err
}

// onLoop reports whether the caller has the loop: as its task or in a coroutine of it.
func (p *place) onLoop() bool { return p.Here() != nil || p.OnThread() }

// runOn is a function as a server of waiters. It is called only if somebody still waits, so that whoever gets an error
// of the wait knows that it was not.
type runOn func() error

// Serve calls the function.
func (f runOn) Serve(w *loop.Waiter) {
	if w.Claim() {
		w.Err = f()
		w.Finish()
	}
}

// attach takes a socket over on the loop p. When it fails the socket has been closed.
func (p *place) attach(s engine.Socket, ln *Listener) (*Conn, error) {
	if p.Closing() {
		closeSocket(s)
		return nil, net.ErrClosed
	}
	d, err := p.Engine().Attach(s, engine.Stream)
	if err != nil {
		closeSocket(s)
		return nil, err
	}
	return newConn(p, d, ln), nil
}

// adopt takes an accepted socket over on the loop p, for a caller who may be elsewhere. When it fails the socket is closed.
func (p *place) adopt(sock engine.Socket, ln *Listener) (c *Conn, err error) {
	ran := false
	err = p.run(func() error {
		ran = true
		c, err = p.attach(sock, ln)
		return err
	})
	if !ran {
		closeSocket(sock)
	}
	return c, err
}
