package stream

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotls"
)

// Conn is a connection of a client or to an upstream. It is made by Plain, Serve or Client and passed by value; copies
// are the same connection. Each method means what it does for a unio.Conn, except for what is said here of TLS.
type Conn struct {
	plain *unio.Conn
	tls   *secure // nil: plain
}

// secure is what a connection has for TLS alone.
type secure struct {
	*uniotls.Conn
	below *unio.Conn
	fn    func(*unio.Conn, error) // waits
	woken func(*uniotls.Conn, error)
}

// Plain is c without TLS.
func Plain(c *unio.Conn) Conn { return Conn{plain: c} }

// Client is the client's side of TLS on c, which it takes over.
func Client(c *unio.Conn, cfg *tls.Config) Conn { return wrap(c, uniotls.Client(c, cfg)) }

func wrap(c *unio.Conn, t *uniotls.Conn) Conn {
	s := &secure{Conn: t, below: c}
	s.woken = s.wake
	return Conn{c, s}
}

// Serve runs handler for a connection that a handler of unio.Listener.Serve was given, with TLS unless cfg is nil. The
// connection is closed when handler returns, unless handler has called Await or Keep.
func Serve(c *unio.Conn, cfg *tls.Config, handler func(Conn)) {
	if cfg == nil {
		handler(Plain(c))
		return
	}
	uniotls.Serve(c, cfg, func(t *uniotls.Conn) { handler(wrap(c, t)) })
}

// Now is the time as of the running turn of the connection's loop.
func (c Conn) Now() time.Time { return c.plain.Now() }

// Handshake performs the handshake of TLS within limit, and has no deadline set afterwards. Without TLS it does nothing.
// With an error of a server's side the connection is good for nothing but what [Clear] says.
func (c Conn) Handshake(limit time.Duration) error {
	t := c.tls
	if t == nil {
		return nil
	}
	if err := t.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if err := t.Conn.Handshake(); err != nil {
		return err
	}
	return t.SetDeadline(time.Time{})
}

// Unread takes over a buffer with what was received before TLS began, behind a PROXY header: the handshake reads it
// first. It is for a connection with TLS, once, before its handshake.
func (c Conn) Unread(b *mem.Buf) { c.tls.Unread(b) }

// State is what the handshake has agreed on, for a connection with TLS. It is made anew for each call.
func (c Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// Recv waits until something has arrived and returns it, never empty; the caller releases the buffer. At the end of the
// stream the error is io.EOF, bare. A TLS connection that ends without the peer's word gives io.ErrUnexpectedEOF: a body
// which ends with it is not complete. An idle connection holds no buffer while it waits.
func (c Conn) Recv() (*mem.Buf, error) {
	if c.tls == nil {
		return c.plain.Recv()
	}
	return c.tls.Recv()
}

// Send sends buffers in order and takes them over always, also when it fails. With TLS small ones share a record.
func (c Conn) Send(bufs ...*mem.Buf) error {
	if c.tls == nil {
		return c.plain.Send(bufs...)
	}
	return c.tls.Send(bufs...)
}

// SetReadDeadline sets the time at which receiving fails with os.ErrDeadlineExceeded.
func (c Conn) SetReadDeadline(t time.Time) error {
	if c.tls == nil {
		return c.plain.SetReadDeadline(t)
	}
	return c.tls.SetReadDeadline(t)
}

// SetWriteDeadline sets the time at which sending fails with os.ErrDeadlineExceeded.
func (c Conn) SetWriteDeadline(t time.Time) error {
	if c.tls == nil {
		return c.plain.SetWriteDeadline(t)
	}
	return c.tls.SetWriteDeadline(t)
}

// Await lets the connection wait without a task: fn runs as a new task of the same loop when data has arrived or the
// stream has ended (err is nil), when limit has passed (os.ErrDeadlineExceeded) or when the connection is closed
// (net.ErrClosed). It is closed when fn returns, unless fn has called Await or Keep. fn's connection is the one below,
// and not to be used with TLS.
func (c Conn) Await(limit time.Duration, fn func(*unio.Conn, error)) error {
	t := c.tls
	if t == nil {
		return c.plain.Await(limit, fn)
	}
	err := t.Conn.Await(limit, t.woken)
	if err == nil {
		t.fn = fn // nothing runs before this task waits or ends
	}
	return err
}

func (t *secure) wake(_ *uniotls.Conn, err error) {
	fn := t.fn
	t.fn = nil
	fn(t.below, err)
}

// Unawait takes the wait back: true if nothing has happened that its function is to be called for.
func (c Conn) Unawait() bool {
	if c.tls == nil {
		return c.plain.Unawait()
	}
	return c.tls.Unawait()
}

// CloseWrite ends what we send, after all that was sent. Receiving goes on.
func (c Conn) CloseWrite() error {
	if c.tls == nil {
		return c.plain.CloseWrite()
	}
	return c.tls.CloseWrite()
}

// Close closes the connection after what was sent, for which it waits as long as the write deadline lets it. The peer of
// a TLS connection is told that the stream is complete.
func (c Conn) Close() error {
	if c.tls == nil {
		return c.plain.Close()
	}
	return c.tls.Close()
}

// Abort closes the connection at once. Nobody waits for what the kernel has not taken, and the peer of a TLS connection is
// not told that the stream is complete.
func (c Conn) Abort() error {
	if c.tls != nil {
		return c.tls.Abort()
	}
	c.plain.SetWriteDeadline(longAgo)
	return c.plain.Close()
}

// Reset closes the connection at once so that the peer cannot take its end for that of what was sent: a plain one is reset
// (SO_LINGER, socket(7)), one with TLS ends without the word that the stream is complete.
func (c Conn) Reset() error {
	if c.tls == nil {
		c.plain.SetLinger(0) // where that is not possible it ends as any other
	}
	return c.Abort()
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Keep lets the connection outlive its handler; whoever keeps it closes it.
func (c Conn) Keep() {
	if c.tls == nil {
		c.plain.Keep()
		return
	}
	c.tls.Keep()
}

// LocalAddr is the address of this end.
func (c Conn) LocalAddr() net.Addr { return c.plain.LocalAddr() }
