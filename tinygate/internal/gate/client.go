package gate

import (
	"net"
	"net/netip"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/forwarded"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/stream"
)

// client is a connection of a client.
type client struct {
	sh       *shard
	l        *listener
	raw      *unio.Conn // below c
	c        stream.Conn
	in       source
	site     *site          // of the request that is served, or was last; nil before the first byte
	peer     netip.AddrPort // who has connected, or who the PROXY header names
	about    forwarded.Conn // what upstreams are told of it
	counted  netip.Addr     // that it is counted for; not valid: for none
	arrived  bool           // the first bytes of the request have come and were not received yet
	waited   bool           // for the head of the request
	parked   bool           // waits for its next request without a task
	https    bool           // the connection is encrypted
	name     []byte         // that it asked for in TLS
	subject  []byte         // of its certificate, which was verified; empty: it showed none
	version  uint16         // of TLS; 0: plain
	x        *exchange      // the request in flight
	at       int            // its place among the shard's clients
	requests int
	next     func(*unio.Conn, error)
}

// clientsSpareMax bounds the clients that a loop keeps for later, for those who make a connection for each request.
const clientsSpareMax = 128

// newClient makes a client, in the memory of one that has left if there is one.
func (sh *shard) newClient() *client {
	if n := len(sh.left); n > 0 {
		cl := sh.left[n-1]
		sh.left = sh.left[:n-1]
		return cl
	}
	cl := &client{sh: sh}
	cl.next = cl.woken
	return cl
}

// keep keeps a client that has left for newClient, with the memory that it has allocated. One that a panic has ended is
// not kept: tasks of it may still be running.
func (sh *shard) keep(cl *client) {
	if len(sh.left) == clientsSpareMax {
		return
	}
	*cl = client{sh: sh, next: cl.next, about: cl.about}
	sh.left = append(sh.left, cl)
}

// accept is the task of a connection that has just been accepted. The connection is counted from now on, and waits for its
// first byte without a task.
func (g *Gate) accept(l *listener, c *unio.Conn) {
	sh := g.shards[c.Loop()]
	if l.expelled.Load() {
		return // it was on its way here when the others of the listener were closed
	}
	cl := sh.newClient()
	cl.l, cl.raw = l, c
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		p := a.AddrPort()
		cl.peer = netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port())
	}
	cfg := g.site.Load().cfg
	if !cl.enter(&cfg.Limits) {
		return
	}
	// Behind a proxy a client's address is known when its header has come.
	if !l.settings.Load().ProxyProtocol && !cl.admit(&cfg.Limits) || c.Await(cfg.Times.Idle, cl.next) != nil {
		cl.leave()
	}
}

// woken is the task that begins with the first byte of a request, or with the end.
func (cl *client) woken(c *unio.Conn, err error) {
	cl.parked = false
	if err != nil {
		cl.leave()
		cl.sh.keep(cl)
		return
	}
	served := false
	defer func() {
		if !served {
			cl.leave()
		}
	}()
	if cl.site == nil {
		cl.site = cl.sh.g.site.Load()
		cl.open(c)
	} else {
		cl.arrived = !cl.https // of TLS a part of a record may have come, from which nothing can be read yet
		cl.run()
	}
	served = true
}

// follow moves a client to another configuration, if it is not there yet.
func (cl *client) follow(s *site) {
	if cl.site != s {
		cl.site = s
		cl.introduce()
	}
}

// introduce prepares what upstreams are told of the client. That its address is not valid does not make it one of a Unix
// socket: a TCP client that has reset its connection has no address any more.
func (cl *client) introduce() {
	if cl.l.unix && !cl.peer.IsValid() {
		cl.about.InitUnix(cl.site.trust, cl.https)
		return
	}
	cl.about.Init(cl.site.trust, cl.peer.Addr(), cl.https)
}

// run serves requests as long as there are bytes, and leaves the connection waiting for the next ones.
// Nobody reads or writes a connection without setting the deadline before, so what is left of the last
// one does no harm.
func (cl *client) run() {
	x := cl.sh.get()
	x.cl, cl.x = cl, x
	whole := false
	defer func() {
		if !whole {
			x.abandon()
		}
	}()
	again := x.serve()
	for again && len(cl.in.bytes()) > 0 {
		again = x.serve()
	}
	whole = true
	x.cl, cl.x = nil, nil
	cl.sh.put(x)
	cl.rest(again)
}

// rest leaves the connection waiting for a request of which nothing is there, or ends it where none is to come.
func (cl *client) rest(again bool) {
	// One that is parked when the gate ends is closed by Drain, so none is parked after that.
	if again && !cl.sh.g.ending.Load() && cl.c.Await(cl.site.cfg.Times.Idle, cl.next) == nil {
		cl.parked = true
		return
	}
	cl.in.drop()
	cl.leave()
	cl.sh.keep(cl)
}

// readHead reads until the request's head is complete and returns its length. began is when the request did. A length of zero
// without an error means that none has begun yet.
func (cl *client) readHead(req *http1.Request, began time.Time) (n int, err error) {
	cl.in.limit, cl.waited = 0, false
	limited := false
	for {
		if in := cl.in.bytes(); len(in) > 0 {
			if n, err = req.Parse(in); n > 0 || err != nil {
				return n, err
			}
			if string(in) == emptyLine {
				cl.in.drop()
				return 0, nil
			}
		}
		if !limited {
			limited = true
			cl.c.SetReadDeadline(began.Add(cl.site.cfg.Times.Header))
		}
		if !cl.arrived {
			cl.waited = true
		}
		cl.arrived = false
		err = cl.in.more(cl.sh.g.rt)
		switch {
		case err == nil:
		case isTimeout(err) && len(cl.in.bytes()) > 0:
			return 0, errSlowHead
		default:
			return 0, err
		}
	}
}

// emptyLine is what some clients send behind a body. It belongs to no request (RFC 9112 2.2).
const emptyLine = "\r\n"

var errSlowHead = &http1.Error{Status: 408, Reason: "the request head took too long"}

// A client that still sends is listened to after an answer which ends the connection: closing with unread
// bytes would make the kernel reset it, and the answer could be lost (RFC 9112 9.6). It has to pause for
// lingerIdle, and gets no more than lingerLimit. lingerBurst is how much of it is read before the other
// connections of the loop get their turn.
const (
	lingerIdle  = 2 * time.Second
	lingerLimit = 30 * time.Second
	lingerBurst = 256 << 10
)

// linger ends the connection so that the client can read the answer.
func (cl *client) linger() {
	cl.in.drop()
	now := time.Now()
	end := now.Add(lingerLimit)
	cl.c.SetWriteDeadline(end)
	if cl.c.CloseWrite() != nil {
		return
	}
	for n := 0; now.Before(end); now = time.Now() {
		by := now.Add(lingerIdle)
		if cl.sh.g.ending.Load() {
			end = by
		}
		cl.c.SetReadDeadline(by)
		b, err := cl.c.Recv()
		if err != nil {
			return
		}
		n += b.Len()
		b.Release()
		if n >= lingerBurst {
			n = 0
			unio.Sleep(time.Millisecond)
		}
	}
}
