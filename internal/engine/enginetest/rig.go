package enginetest

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// patience bounds every wait of the kit. It is generous because it is only met by failures.
const patience = 30 * time.Second

// closeLimit is what an engine gets for closing.
const closeLimit = 10 * time.Second

// rig drives one engine as a loop would and keeps the books of operations.
type rig struct {
	*testing.T
	name      engine.Name
	network   string
	newEngine New
	sockets   Sockets
	netpoll   bool

	e       engine.Engine
	pool    *mem.Pool
	live    map[*engine.Op]bool // submitted and not complete
	closed  bool
	onClean []func()
}

// start makes the engine, anew if there is one already.
func (r *rig) start(cfg engine.Config, o *mem.PoolOptions) {
	r.Helper()
	if r.e != nil {
		r.stop()
	}
	pool, err := mem.NewPool(o)
	if err != nil {
		r.Fatal(err)
	}
	cfg.Pool, cfg.Netpoll = pool, r.netpoll
	e, err := r.newEngine(cfg)
	if err != nil {
		pool.Close()
		r.Skipf("this machine has no engine %s: %v", r.name, err)
	}
	r.e, r.pool, r.live, r.closed = e, pool, map[*engine.Op]bool{}, false
	if got := e.Caps().Name; got != r.name {
		r.Errorf("Caps().Name is %q", got)
	}
}

// stop closes engine and pool and looks whether all operations are over.
func (r *rig) stop() {
	r.Helper()
	r.closeEngine()
	for op := range r.live {
		r.Errorf("%v never completed", op.Code)
	}
	if s := r.pool.Stats(); s.Handles != 0 || s.InUseBytes != 0 {
		r.Errorf("buffers leaked: %+v %q", s, r.pool.Outstanding())
	}
	if err := r.pool.Close(); err != nil {
		r.Errorf("pool: %v", err)
	}
}

func (r *rig) closeEngine() {
	r.Helper()
	if r.closed {
		return
	}
	r.closed = true
	if err := r.e.Close(closeLimit); err != nil {
		r.Errorf("Engine.Close: %v", err)
	}
	for op := r.e.Next(); op != nil; op = r.e.Next() {
		r.complete(op)
		dispose(op)
	}
}

// cleanup runs fn before the final census, peers first.
func (r *rig) cleanup(fn func()) { r.onClean = append(r.onClean, fn) }

// settle ends the case: everything that it made must go away.
func (r *rig) settle(before inventory) {
	r.Helper()
	for i := len(r.onClean) - 1; i >= 0; i-- {
		r.onClean[i]()
	}
	if r.e == nil {
		return
	}
	r.stop()
	deadline := time.Now().Add(patience)
	for {
		now := census()
		if now.fds <= before.fds && now.goroutines <= before.goroutines {
			return
		}
		if r.Failed() || time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			r.Errorf("left behind: %d descriptors and %d goroutines, before %d and %d\n%s",
				now.fds, now.goroutines, before.fds, before.goroutines, stacks)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// dispose frees the results of an operation that nobody wants.
func dispose(op *engine.Op) {
	if op.Code == engine.Recv && op.Buf != nil {
		op.Buf.Release()
		op.Buf = nil
	}
	if op.Code == engine.Accept && op.Err == nil {
		closeSocket(*op.Sock)
	}
}

// submit hands over an operation and reports whether it is complete.
func (r *rig) submit(op *engine.Op) bool {
	r.Helper()
	if r.live[op] {
		r.Fatalf("%v submitted while it is pending", op.Code)
	}
	r.live[op] = true
	if r.e.Submit(op) {
		r.complete(op)
		return true
	}
	return false
}

func (r *rig) complete(op *engine.Op) {
	r.Helper()
	if !r.live[op] {
		r.Fatalf("%v completed twice, or was never submitted", op.Code)
	}
	delete(r.live, op)
	ready := op.How == engine.RecvReady && op.Buf == nil
	if op.Code == engine.Recv && (op.Err == nil) != (op.Buf != nil && op.Buf.Len() > 0 || ready && op.Err == nil) {
		r.Fatalf("recv gave buffer %v and error %v", op.Buf, op.Err)
	}
}

// take collects what Next has.
func (r *rig) take() {
	r.Helper()
	for op := r.e.Next(); op != nil; op = r.e.Next() {
		r.complete(op)
	}
}

// turn is one turn of a loop.
func (r *rig) turn(d time.Duration) {
	r.Helper()
	if err := r.e.Wait(d); err != nil {
		r.Fatalf("Wait: %v", err)
	}
	r.take()
}

// poll is one turn that does not sleep.
func (r *rig) poll() {
	r.Helper()
	if _, err := r.e.Poll(); err != nil {
		r.Fatalf("Poll: %v", err)
	}
	r.take()
}

// until turns until cond holds.
func (r *rig) until(what string, cond func() bool) {
	r.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			r.Fatalf("waited in vain for: %s", what)
		}
		r.turn(time.Millisecond) // short, as what is waited for may be a goroutine that wakes nobody
	}
}

// finish turns until the operations are complete.
func (r *rig) finish(ops ...*engine.Op) {
	r.Helper()
	for _, op := range ops {
		r.until(op.Code.String()+" to complete", func() bool { return !r.live[op] })
	}
}

// do performs one operation.
func (r *rig) do(op *engine.Op) *engine.Op {
	r.Helper()
	if !r.submit(op) {
		r.finish(op)
	}
	return op
}

func (r *rig) recv(d engine.Desc) *engine.Op { return &engine.Op{Code: engine.Recv, Desc: d} }

// send makes a Send of p in pool buffers of at most piece bytes. release gives them back.
func (r *rig) send(d engine.Desc, p []byte, piece int) (op *engine.Op, release func()) {
	r.Helper()
	op = &engine.Op{Code: engine.Send, Desc: d}
	for len(p) > 0 {
		n := min(len(p), piece)
		b, ok := r.pool.TryGet(n)
		if !ok {
			r.Fatal("the pool has no buffer to send")
		}
		copy(b.Bytes(), p[:n])
		op.Bufs = append(op.Bufs, b)
		p = p[n:]
	}
	return op, func() {
		for _, b := range op.Bufs {
			b.Release()
		}
		op.Bufs = nil
	}
}

// closeDesc performs a Close.
func (r *rig) closeDesc(d engine.Desc) {
	r.Helper()
	if op := r.do(&engine.Op{Code: engine.Close, Desc: d}); op.Err != nil {
		r.Errorf("close: %v", op.Err)
	}
}

// join waits for a peer's goroutine while the loop goes on, and fails with its error.
func (r *rig) join(what string, ended <-chan error) {
	r.Helper()
	var err error
	r.until(what, func() bool {
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	})
	if err != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// inventory is what a case must leave as it was.
type inventory struct{ fds, goroutines int }

func census() inventory {
	inv := inventory{goroutines: runtime.NumGoroutine()}
	if list, err := os.ReadDir("/proc/self/fd"); err == nil {
		inv.fds = len(list)
	}
	return inv
}

// beside runs fn beside the loop. The result comes once.
func beside(fn func() error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- fn() }()
	return ended
}
