package gate

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// client is a connection of a client.
type client struct {
	sh    *shard
	c     *unio.Conn
	in    source
	peer  []byte // its IP address, for X-Forwarded-For
	timed bool   // a read deadline is set
	next  func(*unio.Conn, error)
}

// serve is the task that begins with a client's first byte.
func (g *Gate) serve(c *unio.Conn) {
	cl := &client{sh: g.shards[c.Loop()], c: c}
	cl.in.c = c
	cl.next = cl.woken
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		cl.peer = a.AddrPort().Addr().Unmap().AppendTo(nil)
	}
	cl.run()
}

// woken is the task that begins with the first byte of a later request, or with the end.
func (cl *client) woken(_ *unio.Conn, err error) {
	if err == nil {
		cl.run()
	}
}

// run serves requests as long as there are bytes, and leaves the connection waiting for the next ones.
func (cl *client) run() {
	x := cl.sh.get()
	x.cl = cl
	for x.serve() {
		if len(cl.in.bytes()) > 0 {
			continue
		}
		if cl.timed {
			cl.c.SetDeadline(time.Time{})
			cl.timed = false
		}
		cl.c.Await(cl.sh.g.cfg.Times.Idle, cl.next)
		x.cl = nil
		cl.sh.put(x)
		return
	}
	cl.in.drop()
	x.cl = nil
	cl.sh.put(x)
}

// readHead reads until the request's head is complete and returns its length. A length of zero without an error means
// that the client has gone before it began one.
func (cl *client) readHead(req *http1.Request) (n int, err error) {
	req.Reset()
	for {
		if in := cl.in.bytes(); len(in) > 0 {
			if n, err = req.Parse(in); n > 0 || err != nil {
				return n, err
			}
			if !cl.timed {
				cl.timed = true
				cl.c.SetReadDeadline(time.Now().Add(cl.sh.g.cfg.Times.Head))
			}
		}
		cl.in.limit = 0
		err = cl.in.more(cl.sh.g.rt, roomFor(cl.sh.g.cfg.Limits))
		var timeout net.Error
		switch {
		case err == nil:
		case err == io.EOF && len(cl.in.bytes()) == 0:
			return 0, nil
		case errors.As(err, &timeout) && timeout.Timeout():
			return 0, errSlowHead
		default:
			return 0, err
		}
	}
}

// roomFor is the size of a buffer in which a head is put together.
func roomFor(l http1.Limits) int {
	if l.HeadBytes > 0 {
		return l.HeadBytes
	}
	return 16 << 10
}

var errSlowHead = &http1.Error{Status: 408, Reason: "the request head took too long"}

// lingerLimit and lingerBytesMax bound how long a client that still sends is listened to after an answer which ends
// the connection: closing with unread bytes would make the kernel reset it, and the answer could be lost (RFC 9112 9.6).
const (
	lingerLimit    = 2 * time.Second
	lingerBytesMax = 1 << 20
)

// linger ends the connection so that the client can read the answer.
func (cl *client) linger() {
	cl.in.drop()
	if cl.c.CloseWrite() != nil {
		return
	}
	cl.c.SetReadDeadline(time.Now().Add(lingerLimit))
	for n := 0; n < lingerBytesMax; {
		b, err := cl.c.Recv()
		if err != nil {
			return
		}
		n += b.Len()
		b.Release()
	}
}
