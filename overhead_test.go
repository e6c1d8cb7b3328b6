package unio

import (
	"fmt"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// instant is an engine without a kernel: each receive is answered by the next Poll, each send is done at once.
type instant struct {
	cfg      engine.Config
	waiting  []*engine.Op
	done     []*engine.Op
	left     int
	over     chan struct{}
	counters engine.Counters
}

type instantDesc struct{}

func (instantDesc) FD() int               { return -1 }
func (instantDesc) Socket() engine.Socket { return engine.Socket{} }

func (e *instant) Attach(engine.Socket, engine.Kind) (engine.Desc, error) { return instantDesc{}, nil }

func (e *instant) Submit(op *engine.Op) bool {
	if op.Code != engine.Recv {
		return true
	}
	e.waiting = append(e.waiting, op)
	return false
}

func (e *instant) Cancel(*engine.Op) {}

func (e *instant) Poll() (bool, error) {
	e.done, e.waiting = append(e.done, e.waiting...), e.waiting[:0]
	return len(e.done) > 0, nil
}

func (e *instant) Wait(time.Duration) error {
	time.Sleep(time.Millisecond)
	return nil
}

func (e *instant) Next() *engine.Op {
	if len(e.done) == 0 {
		return nil
	}
	op := e.done[0]
	e.done = e.done[:copy(e.done, e.done[1:])]
	if e.left--; e.left == 0 {
		close(e.over)
	}
	if e.left <= 0 {
		op.Err = engine.ErrCanceled
		return op
	}
	op.Buf, _ = e.cfg.Pool.TryGet(64)
	return op
}

func (e *instant) Wake() {}

func (e *instant) Caps() engine.Caps          { return engine.Caps{Name: "instant", SendsInline: true} }
func (e *instant) Counters() *engine.Counters { return &e.counters }
func (e *instant) Close(time.Duration) error  { return nil }

// BenchmarkOverhead is what an echoed message costs above the engine: loop, task, connection and buffer.
func BenchmarkOverhead(b *testing.B) {
	for _, conns := range []int{1, 50, 1000} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			e := &instant{left: b.N + conns, over: make(chan struct{})}
			rt, err := New(&Options{Engine: Std, Loops: 1})
			if err != nil {
				b.Fatal(err)
			}
			rt.choice.open = func(c engine.Config) (engine.Engine, error) { e.cfg = c; return e, nil }
			p, err := rt.newPlace(0, false)
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			p.run(func() error {
				for range conns {
					c, err := p.attach(engine.Socket{}, nil)
					if err != nil {
						return err
					}
					c.handle(func(c *Conn, _ error) {
						for {
							buf, err := c.Recv()
							if err != nil || c.Send(buf) != nil {
								return
							}
						}
					})
				}
				return nil
			})
			<-e.over
			b.StopTimer()
			<-p.Abort()
			p.End(time.Now().Add(time.Second))
			rt.Close()
		})
	}
}
