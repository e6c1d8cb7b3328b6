package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/unio-go/unio/bench/internal/hist"
)

const (
	// eventsMax bounds one epoll_wait. As many as there are connections would make the server wait for the
	// generator's turn to end.
	eventsMax = 256
	// openDepth is how many messages of an open loop may be under way on one connection. Behind a server that
	// cannot keep up, later messages wait in the generator; their due time stays.
	openDepth = 4096
	// stallLimit is how long nothing may come back before the run is given up.
	stallLimit = 5 * time.Second
	// waitLimit bounds a sleep in epoll_wait, so that the stall is noticed.
	waitLimit = 100 * time.Millisecond
)

// ErrStalled says that a server stopped answering.
var ErrStalled = errors.New("the server stopped answering")

// Shape is what the connections to one server look like.
type Shape struct {
	Conns int    // number of connections
	Size  int    // bytes of an echoed message
	Depth int    // messages under way on a connection; 0: an open loop
	Path  string // what is asked for by HTTP; empty: echo, or Request
	TLS   bool   // with HTTP, 1 deep

	Request []byte // a whole HTTP request, in place of the GET of a path
	Answer  []byte // the body that HTTP answers have to have
	// Fresh is a connection for each request, 1 deep. The request has to ask for the end of the connection: what counts
	// as answered is an answer that the server's close follows.
	Fresh bool
}

// isHTTP reports whether answers are others than what was sent.
func (s *Shape) isHTTP() bool { return s.Path != "" || s.Request != nil }

// Slice says how a target is loaded once.
type Slice struct {
	Duration time.Duration // messages are issued for so long, then the outstanding ones are awaited
	Rate     float64       // open loop: messages a second over all connections
	Verify   bool          // compare every byte that comes back
	// Shared says that others work on the generator's CPU: between what is due in an open loop it sleeps, and does not spin.
	Shared bool
}

// Result is what a slice gave.
type Result struct {
	Messages        int64         // how many were answered
	Elapsed         time.Duration // from the start to the last answer
	P50, P99, P99_9 time.Duration // latency
}

// Target is a set of open connections to one server. It is used by one goroutine.
type Target interface {
	// Run loads the target for one slice. It ends with nothing under way. After an error the target is of no more use
	// than to be closed.
	Run(Slice) (Result, error)
	// Close resets all connections.
	Close()
}

// Open connects. On failure nothing stays open.
func Open(addr netip.AddrPort, shape Shape) (Target, error) {
	s := echoScript(shape.Size)
	if shape.isHTTP() {
		var err error
		if s, err = httpScript(addr, shape); err != nil {
			return nil, err
		}
	}
	if shape.TLS {
		return openTLS(addr, shape, s)
	}
	return openPlain(addr, shape, s)
}

// plainTarget drives its connections from one thread.
type plainTarget struct {
	shape  Shape
	conns  []conn
	epfd   int
	script *script
	events []syscall.EpollEvent
	buf    []byte
	lat    *hist.Hist
	origin time.Time
	turn   int // the connection that gets the next message of an open loop
	peer   syscall.SockaddrInet4
}

func openPlain(addr netip.AddrPort, shape Shape, s *script) (_ *plainTarget, err error) {
	t := &plainTarget{
		shape: shape, epfd: -1, script: s, origin: time.Now(), lat: new(hist.Hist),
		events: make([]syscall.EpollEvent, eventsMax), buf: make([]byte, recvBytesMax),
		peer: syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()},
	}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	if t.epfd, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	room := openDepth
	if shape.Depth > 0 {
		for room = 1; room < shape.Depth; room *= 2 {
		}
	}
	t.conns = make([]conn, 0, shape.Conns)
	for i := range shape.Conns {
		if shape.Fresh {
			t.conns = append(t.conns, conn{fd: -1, stamps: make([]int64, 1)})
			continue
		}
		fd, err := dial(addr)
		if err != nil {
			return nil, fmt.Errorf("connection %d of %d to %v: %w", i+1, shape.Conns, addr, err)
		}
		pos := 0
		if !shape.isHTTP() {
			pos = i * 7919 % streamPeriod // an excerpt of its own
		}
		t.conns = append(t.conns, conn{fd: fd, stamps: make([]int64, room), sendPos: pos, recvPos: pos})
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		if err := syscall.EpollCtl(t.epfd, syscall.EPOLL_CTL_ADD, fd, &ev); err != nil {
			return nil, os.NewSyscallError("epoll_ctl", err)
		}
	}
	return t, nil
}

// Close resets all connections.
func (t *plainTarget) Close() {
	for i := range t.conns {
		if t.conns[i].fd >= 0 {
			syscall.Close(t.conns[i].fd)
		}
	}
	t.conns = nil
	if t.epfd >= 0 {
		syscall.Close(t.epfd)
	}
	t.epfd = -1
}

// now is the time since Open in nanoseconds, one vDSO call.
func (t *plainTarget) now() int64 { return int64(time.Since(t.origin)) }

// Run loads the target for one slice.
func (t *plainTarget) Run(s Slice) (Result, error) {
	t.lat.Reset()
	r := run{plainTarget: t, verify: s.Verify, shared: s.Shared, start: t.now()}
	r.progress = r.start
	r.deadline = r.start + int64(s.Duration)
	var err error
	if t.shape.Depth > 0 {
		err = r.closed()
	} else {
		err = r.open(s.Rate)
	}
	if err != nil {
		return Result{}, err
	}
	return resultOf(t.lat, time.Duration(r.progress-r.start)), nil
}

func resultOf(lat *hist.Hist, elapsed time.Duration) Result {
	return Result{
		Messages: int64(lat.Total()), Elapsed: elapsed,
		P50: lat.Quantile(0.5), P99: lat.Quantile(0.99), P99_9: lat.Quantile(0.999),
	}
}

// run is the state of one slice. Times are in the target's nanoseconds.
type run struct {
	*plainTarget
	verify      bool
	shared      bool
	start       int64
	deadline    int64
	progress    int64 // when the last answer came
	outstanding int   // messages under way on all connections
}

// closed keeps Depth messages under way on every connection.
func (r *run) closed() error {
	for i := range r.conns {
		now := r.now()
		if err := r.connect(i); err != nil {
			return err
		}
		if err := r.send(i, r.shape.Depth, now); err != nil {
			return err
		}
	}
	for r.outstanding > 0 {
		if err := r.poll(waitLimit); err != nil {
			return err
		}
	}
	return nil
}

// open issues messages when they are due, in turn over the connections. It spins where it owns its CPU: a sleep would add its
// own wake-up to every latency.
func (r *run) open(rate float64) error {
	if rate <= 0 {
		return errors.New("an open loop needs a rate")
	}
	interval := float64(time.Second) / rate
	for i := 1; ; {
		now := r.now()
		for {
			due := r.start + int64(float64(i)*interval)
			if due > now || due > r.deadline || r.conns[r.turn].full() {
				break
			}
			if err := r.send(r.turn, 1, due); err != nil {
				return err
			}
			r.turn = (r.turn + 1) % len(r.conns)
			i++
		}
		if r.start+int64(float64(i)*interval) > r.deadline && r.outstanding == 0 {
			return nil
		}
		wait := time.Duration(0)
		if r.shared {
			wait = min(time.Duration(r.start+int64(float64(i)*interval)-now), waitLimit)
		}
		if err := r.poll(max(wait, 0)); err != nil {
			return err
		}
	}
}

// send issues n messages on one connection.
func (r *run) send(i, n int, stamp int64) error {
	r.outstanding += n
	r.conns[i].issue(n, r.script.outSize, stamp)
	return r.flush(i)
}

// flush sends what is unsent, and lets epoll tell when a full socket has room again.
func (r *run) flush(i int) error {
	c := &r.conns[i]
	left, err := c.flush(r.script)
	if err != nil || left == c.waitsOut {
		return err
	}
	c.waitsOut = left
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
	if left {
		ev.Events |= syscall.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(r.epfd, syscall.EPOLL_CTL_MOD, c.fd, &ev))
}

// poll handles one batch of events, for which it waits no longer than it is told.
func (r *run) poll(wait time.Duration) error {
	n, errno := rawEpollWait(r.epfd, r.events, wait)
	if errno != 0 && errno != syscall.EINTR {
		return os.NewSyscallError("epoll_pwait", errno)
	}
	if errno != 0 || n == 0 {
		if silent := r.now() - r.progress; r.outstanding > 0 && silent > int64(stallLimit) {
			return fmt.Errorf("%w: %d messages under way, none back for %v", ErrStalled,
				r.outstanding, time.Duration(silent).Round(time.Second))
		}
		return nil
	}
	for i := range n {
		ev := &r.events[i]
		if ev.Events&syscall.EPOLLOUT != 0 {
			if err := r.flush(int(ev.Fd)); err != nil {
				return err
			}
		}
		if ev.Events&^syscall.EPOLLOUT != 0 {
			if err := r.receive(int(ev.Fd)); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive takes what one connection has and, in a closed loop before the deadline, issues as many messages as
// were answered.
func (r *run) receive(i int) error {
	c := &r.conns[i]
	n, err := c.receive(r.buf, r.script, r.verify)
	if r.shape.Fresh && err == errClosed && c.partial == 0 && c.outstanding() == 0 {
		return r.again(i)
	}
	if err != nil || n == 0 {
		return err
	}
	now := r.now()
	r.progress = now
	mask := uint32(len(c.stamps) - 1)
	for range n {
		r.lat.Add(time.Duration(now - c.stamps[c.head&mask]))
		c.head++
	}
	if r.shape.Fresh {
		return nil // the server's close comes next
	}
	r.outstanding -= n
	if now > r.deadline || r.shape.Depth == 0 {
		return nil
	}
	return r.send(i, n, now)
}

// again replaces a connection that the server has closed behind its answer, and before the deadline asks on the new one.
func (r *run) again(i int) error {
	r.outstanding--
	fd := r.conns[i].fd
	r.conns[i].fd = -1
	if err := syscall.Close(fd); err != nil {
		return os.NewSyscallError("close", err)
	}
	now := r.now()
	if now > r.deadline {
		return nil
	}
	if err := r.connect(i); err != nil {
		return err
	}
	return r.send(i, 1, now)
}

// connect begins a connection where there is none yet. What is sent before it is made waits for epoll to tell.
func (r *run) connect(i int) error {
	c := &r.conns[i]
	if c.fd >= 0 {
		return nil
	}
	var err error
	c.fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		c.fd = -1
		return os.NewSyscallError("socket", err)
	}
	c.waitsOut, c.sendPos, c.recvPos = false, 0, 0
	if err := syscall.Connect(c.fd, &r.peer); err != nil && err != syscall.EINPROGRESS {
		return os.NewSyscallError("connect", err)
	}
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(r.epfd, syscall.EPOLL_CTL_ADD, c.fd, &ev))
}
