//go:build linux && !unio_noepoll

package epollengine

import (
	"fmt"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// events is what every descriptor is registered for, once.
const events = sys.EpollIn | sys.EpollOut | sys.EpollRdhup | sys.EpollET

// slot is an entry of the table. The generation goes up when a descriptor leaves it, and tells events
// that were collected, or kept alive by another descriptor of the same open file, from those of the
// successor.
type slot struct {
	d   *desc
	gen uint32
}

// desc is a descriptor and what is known about it.
type desc struct {
	fd   int // -1 once it is closed
	id   uint32
	kind engine.Kind
	born traced

	readable bool // may have something to receive or accept
	writable bool // may take something
	hup      bool // the peer has ended its direction, or worse: a short receive may not be all
	eof      bool // the end has been received
	bulk     engine.Bulk
	starved  bool // stands in Engine.starved
	queued   bool // stands in Engine.ready or Engine.later
	holding  bool // the kernel may hold bytes back for the end that follows them

	in    *engine.Op // Recv or Accept
	out   *engine.Op // Send or Connect
	reset error      // the connection's error, when a Send has taken it from the socket before a Recv could
	next  *desc
}

// traced is what the kernel knows of a descriptor, and what does not change.
type traced struct {
	fd   int
	data uint64 // epoll_data
}

// Trace is the descriptor and its epoll_data, as proc_pid_fdinfo(5) shows it for the epoll; it is the same for all
// operations of a descriptor.
func (d *desc) Trace(engine.Code) (fd int, id uint64) { return d.born.fd, d.born.data }

// TraceConnect is Trace for a Connect.
func (e *Engine) TraceConnect(op *engine.Op) (fd int, id uint64) {
	if d := e.connecting(op); d != nil {
		return d.Trace(engine.Connect)
	}
	return -1, 0
}

// FD is the file descriptor, -1 after Close.
func (d *desc) FD() int { return d.fd }

// Socket is what was attached.
func (d *desc) Socket() engine.Socket { return engine.Socket{FD: d.fd} }

// runnable reports whether an operation of d may go on.
func (d *desc) runnable() bool {
	return d.in != nil && d.readable && !d.starved || d.out != nil && d.writable
}

// claim makes op the pending operation of its direction.
func (d *desc) claim(place **engine.Op, op *engine.Op) {
	if *place != nil {
		panic("engine epoll: a second " + op.Code.String() + " on one descriptor")
	}
	*place = op
}

// release ends what claim began.
func (d *desc) release(op *engine.Op) {
	if d.in == op {
		d.in = nil
	} else {
		d.out = nil
	}
}

// Attach takes a socket over.
func (e *Engine) Attach(s engine.Socket, kind engine.Kind) (engine.Desc, error) {
	if s.Conn != nil || s.Listener != nil {
		return nil, fmt.Errorf("engine epoll: attach: a socket without a file descriptor")
	}
	if kind == engine.Listener {
		if err := sys.SetNonblock(s.FD, true); err != nil {
			return nil, fmt.Errorf("engine epoll: attach: %w", err)
		}
	}
	d, err := e.attach(s.FD, kind)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// attach registers a descriptor. What it holds is not known, so that the first operation tries.
func (e *Engine) attach(fd int, kind engine.Kind) (*desc, error) {
	id := uint32(len(e.table))
	if n := len(e.free); n > 0 {
		id = e.free[n-1]
	}
	gen := uint32(1)
	if int(id) < len(e.table) {
		gen = e.table[id].gen
	}
	if err := sys.EpollAdd(e.ep, fd, events, id, gen); err != nil {
		return nil, fmt.Errorf("engine epoll: attach: %w", err)
	}
	d := &desc{fd: fd, id: id, kind: kind, readable: true, writable: true}
	d.born = traced{fd: fd, data: uint64(gen)<<32 | uint64(id)}
	if n := len(e.free); n > 0 {
		e.free = e.free[:n-1]
		e.table[id].d = d
	} else {
		e.table = append(e.table, slot{d: d, gen: gen})
	}
	e.stats.descs++
	return d, nil
}

// detach takes d out of the table and the epoll, and returns its descriptor, which is the caller's to close.
func (e *Engine) detach(d *desc) int {
	fd := d.fd
	sys.EpollDel(e.ep, fd)
	d.fd = -1
	s := &e.table[d.id]
	s.d = nil
	s.gen++
	e.free = append(e.free, d.id)
	e.stats.descs--
	return fd
}

// descQueue is a queue of descriptors. One that is closed stays where it is and has nothing to do when
// its turn comes.
type descQueue struct{ head, tail *desc }

func (q *descQueue) push(d *desc) {
	d.next = nil
	if q.head == nil {
		q.head = d
	} else {
		q.tail.next = d
	}
	q.tail = d
}

func (q *descQueue) pushFront(d *desc) {
	d.next = q.head
	if q.head == nil {
		q.tail = d
	}
	q.head = d
}

func (q *descQueue) pop() *desc {
	d := q.head
	if d != nil {
		q.head, d.next = d.next, nil
	}
	return d
}

// join moves all of o to the end of q.
func (q *descQueue) join(o *descQueue) {
	if o.head == nil {
		return
	}
	if q.head == nil {
		*q = *o
	} else {
		q.tail.next = o.head
		q.tail = o.tail
	}
	*o = descQueue{}
}
