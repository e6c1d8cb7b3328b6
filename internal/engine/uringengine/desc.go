//go:build linux && !unio_nouring

package uringengine

import (
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// Kinds of request, the upper bits of user_data.
const (
	kindNone = iota // an entry whose completion tells nothing: a cancellation
	kindWake
	kindRecv
	kindSend
	kindAccept
	kindConnect
	kindClose
	kindFile
	kindCount
)

// user_data is kind (4 bits), generation (28 bits), index of the descriptor (32 bits). The generation of an index
// changes with each descriptor, so a completion of an earlier one is known as such. There should be none: an index is
// given up only when the kernel has completed everything under it.
const (
	kindShift = 60
	genShift  = 32
	genMask   = 1<<(kindShift-genShift) - 1
)

// flags of a descriptor.
type flags uint32

const (
	armed         flags = 1 << iota // a receive or accept is with the kernel
	ending                          // its cancellation has been asked for
	starved                         // it stands in Engine.starved
	armedOnce                       // it had been armed before
	multishotOnce                   // and that with a multishot
	drained                         // the socket had no more when the receive ended
	sending                         // a send is with the kernel
	sendEnding                      // its cancellation has been asked for
	connecting                      // a connect is with the kernel
	connEnding                      // its cancellation has been asked for
	suspected                       // it stands in Engine.suspects
	single                          // the receive that is with the kernel ends with its first completion
	readsEnded                      // by shutdown(2)
	holding                         // the kernel may hold bytes back for the end that follows them
	large                           // the receive that is with the kernel may bring engine.BulkBytes
	looking                         // what is with the kernel receives nothing: it tells when there is something
)

// desc is an attached descriptor.
type desc struct {
	fd    int32
	index uint32
	tag   uint64 // generation and index, as in user_data
	flags flags
	kind  engine.Kind
	bulk  engine.Bulk
	got   int32 // bytes of the last piece

	linger int32 // what SO_LINGER was when the Close came, as sys.Linger says it

	// requests is how many requests the kernel has not completed for good.
	requests int32

	recv, send, accept, conn, closing *engine.Op

	// rec is the message record or address that the send or connect uses.
	rec *record

	unread stash
	// err is the end of the receiving direction, io.EOF or a failure. It stays.
	err error
	// reset is the connection's error when a send has met it. A socket tells its error once.
	reset error

	backlog conns
}

// FD is the descriptor.
func (d *desc) FD() int { return int(atomic.LoadInt32(&d.fd)) }

// setFD changes the descriptor, which anybody may read.
func (d *desc) setFD(fd int) { atomic.StoreInt32(&d.fd, int32(fd)) }

// Trace is the descriptor and the user_data of its requests.
func (d *desc) Trace(c engine.Code) (fd int, id uint64) { return d.FD(), kinds[c]<<kindShift | d.tag }

// kinds are the requests by which operations are performed.
var kinds = [...]uint64{
	engine.Accept: kindAccept, engine.Connect: kindConnect, engine.Recv: kindRecv, engine.Send: kindSend,
	engine.Shutdown: kindNone, engine.Close: kindClose,
}

// TraceConnect is Trace for a Connect.
func (e *Engine) TraceConnect(op *engine.Op) (fd int, id uint64) {
	if d := e.table.find(op.Word); d != nil {
		return d.Trace(engine.Connect)
	}
	return -1, 0
}

// Socket is what was attached.
func (d *desc) Socket() engine.Socket { return engine.Socket{FD: int(d.fd)} }

func (d *desc) has(f flags) bool { return d.flags&f != 0 }

// table finds descriptors by index.
type table struct {
	slots []slot
	free  []uint32
	count int
}

type slot struct {
	d   *desc
	gen uint32
}

// add gives d an index and a generation.
func (t *table) add(d *desc) {
	if n := len(t.free); n > 0 {
		d.index = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		d.index = uint32(len(t.slots))
		t.slots = append(t.slots, slot{})
	}
	s := &t.slots[d.index]
	s.d = d
	s.gen = (s.gen + 1) & genMask
	d.tag = uint64(s.gen)<<genShift | uint64(d.index)
	t.count++
}

// remove gives the index of d up.
func (t *table) remove(d *desc) {
	t.slots[d.index].d = nil
	t.free = append(t.free, d.index)
	t.count--
}

// find is the descriptor of a user_data, nil when it is one of the past.
func (t *table) find(data uint64) *desc {
	i := uint32(data)
	if int(i) >= len(t.slots) {
		return nil
	}
	d := t.slots[i].d
	if d == nil || d.tag != data&(1<<kindShift-1) {
		return nil
	}
	return d
}

// stash holds what a descriptor has received and nobody has asked for, in order.
type stash struct {
	pieces []*mem.Buf
	first  int
	bytes  int
}

func (s *stash) len() int { return len(s.pieces) - s.first }

func (s *stash) push(b *mem.Buf, n int) {
	s.pieces = append(s.pieces, b)
	s.bytes += n
}

func (s *stash) pop() *mem.Buf {
	b := s.pieces[s.first]
	s.pieces[s.first] = nil
	s.first++
	if s.first == len(s.pieces) {
		s.pieces, s.first = s.pieces[:0], 0
	} else if s.first == stashPiecesMax {
		n := copy(s.pieces, s.pieces[s.first:])
		clear(s.pieces[n:])
		s.pieces, s.first = s.pieces[:n], 0
	}
	s.bytes -= b.Len()
	return b
}

// drop releases everything.
func (s *stash) drop() {
	for _, b := range s.pieces[s.first:] {
		b.Release()
	}
	*s = stash{}
}

// conns holds accepted connections that nobody has asked for, in order.
type conns struct {
	fds   []int32
	first int
}

func (c *conns) len() int { return len(c.fds) - c.first }

func (c *conns) push(fd int32) { c.fds = append(c.fds, fd) }

func (c *conns) pop() int32 {
	fd := c.fds[c.first]
	c.first++
	if c.first == len(c.fds) {
		c.fds, c.first = c.fds[:0], 0
	}
	return fd
}
