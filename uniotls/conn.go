package uniotls

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio"
)

// Conn is a TLS connection over a [unio.Conn]. It is a net.Conn, and everything of it may be called from any task and any
// goroutine at the same time; a task parks where a goroutine blocks. It ends with Close; the connection below belongs to
// it and is closed with it.
//
// Reads are taken one after another, as Writes are. A Read, Write or deadline that fails with os.ErrDeadlineExceeded
// leaves the connection usable, which crypto/tls alone does not promise for Write: bytes that Write has counted are
// sealed and will be sent, in order, by the calls that follow.
type Conn struct {
	conn *unio.Conn
	wire wire
	tls  *tls.Conn

	refused   error // why the configuration cannot be had
	needRoots bool  // the handshake will ask for the system's certificates

	shaking  lock // of who performs the handshake
	shakeErr error
	shaken   atomic.Bool // the handshake is over and was good

	reading   lock
	got       plaintext // belongs to the holder of reading, as wire.in does
	sealBytes int
	writing   lock
	closed    atomic.Bool
	kept      atomic.Bool
	await     awaiting
}

var _ net.Conn = (*Conn)(nil)

// Server is the server's side of TLS on c, which it takes over. The configuration must have a certificate or a way to get
// one, as for tls.Server; it may be in use elsewhere and is not changed. Nothing is sent or received yet.
func Server(c *unio.Conn, cfg *tls.Config) *Conn { return server(c, newOffloads(cfg)) }

func server(u *unio.Conn, o *offloads) *Conn {
	c := newConn(u)
	cfg := o.serverConfig()
	c.needRoots = cfg.ClientAuth >= tls.VerifyClientCertIfGiven && cfg.ClientCAs == nil
	c.tls = tls.Server(&c.wire, cfg)
	return c
}

// Client is the client's side of TLS on c, which it takes over. The configuration must have a ServerName or
// InsecureSkipVerify, as for tls.Client. Renegotiation is refused by the handshake: it would stop a writing task.
func Client(c *unio.Conn, cfg *tls.Config) *Conn {
	own := newOffloads(cfg).config()
	t := newConn(c)
	if own.Renegotiation != tls.RenegotiateNever {
		t.refused = errors.New("uniotls: Config.Renegotiation is set: set RenegotiateNever, or use crypto/tls on a goroutine")
	}
	t.needRoots = !own.InsecureSkipVerify && own.RootCAs == nil
	t.tls = tls.Client(&t.wire, own)
	return t
}

func newConn(u *unio.Conn) *Conn {
	c := &Conn{conn: u}
	c.wire.conn = u
	c.wire.early.Store(true)
	return c
}

// Handshake is HandshakeContext without a context.
func (c *Conn) Handshake() error { return c.HandshakeContext(context.Background()) }

// HandshakeContext performs the handshake if that has not been done; Read and Write do it by themselves. It waits for
// the peer, within both deadlines. When ctx is done first the connection is closed. An error stays: the next call
// returns it too. Where its parts run the package comment says.
func (c *Conn) HandshakeContext(ctx context.Context) error {
	if c.shaken.Load() {
		return nil
	}
	if err := c.lockHandshake(ctx); err != nil {
		return err
	}
	defer c.doneShaking()
	if c.shakeErr == nil && !c.shaken.Load() {
		c.shakeErr = c.why("handshake", c.shake(ctx))
		c.shaken.Store(c.shakeErr == nil)
	}
	return c.shakeErr
}

// doneShaking lets the next one perform the handshake.
func (c *Conn) doneShaking() {
	c.shaking.Unlock()
	if c.closed.Load() {
		c.dropUnread()
	}
}

// lockHandshake waits for another who performs the handshake, and ends that when ctx is done.
func (c *Conn) lockHandshake(ctx context.Context) error {
	if c.shaking.TryLock() {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { c.wire.Close() })
	c.shaking.wait()
	if !stop() {
		c.doneShaking()
		return ctx.Err()
	}
	return nil
}

func (c *Conn) shake(ctx context.Context) error {
	switch {
	case c.closed.Load():
		return net.ErrClosed
	case c.refused != nil:
		return c.refused
	}
	if c.needRoots {
		loadRoots()
	}
	err := c.tls.HandshakeContext(ctx)
	if e := c.lastFlight(ctx); err == nil {
		err = e
	}
	c.wire.early.Store(false)
	if err != nil {
		c.wire.in.drop()
	} else {
		c.sealBytes = sealBytes(c.tls.ConnectionState().Version)
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok && e.Conn != nil {
		e.Conn = c.conn // for an answer in clear
		return e
	}
	return err
}

// lastFlight sends what the handshake has left behind, which may be an alert that says why it failed, until ctx is done.
func (c *Conn) lastFlight(ctx context.Context) error {
	if c.wire.pending.Load() == 0 {
		return c.wire.flush()
	}
	stop := context.AfterFunc(ctx, func() { c.wire.Close() })
	err := c.wire.flush()
	if !stop() {
		return ctx.Err()
	}
	return err
}

// ready performs the handshake before the first byte.
func (c *Conn) ready(op string) error {
	if c.closed.Load() {
		return c.why(op, net.ErrClosed)
	}
	return c.Handshake()
}

// why dresses an error of crypto/tls: what ended the connection is told before what followed from it.
func (c *Conn) why(op string, err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case c.closed.Load():
		return opError(c.conn, op, net.ErrClosed)
	}
	if c.wire.unread() {
		return opError(c.conn, op, errUnread)
	}
	if p, ok := err.(passing); ok {
		return p.error
	}
	return err
}

// opError is a *net.OpError of a connection.
func opError(c *unio.Conn, op string, err error) error {
	a := c.LocalAddr()
	return &net.OpError{Op: op, Net: a.Network(), Source: a, Addr: c.RemoteAddr(), Err: err}
}

// ConnectionState tells what the handshake has agreed on. During a handshake it waits for its end; before there is
// nothing in it.
func (c *Conn) ConnectionState() tls.ConnectionState {
	if !c.shaken.Load() {
		c.shaking.wait()
		defer c.doneShaking()
	}
	return c.tls.ConnectionState()
}

// NetConn is the *unio.Conn below. Reading or writing there destroys the session.
func (c *Conn) NetConn() net.Conn { return c.conn }

// LocalAddr is the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// SetDeadline sets both deadlines, as net.Conn has it. A handshake obeys both.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the time at which reading fails with os.ErrDeadlineExceeded.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if err := c.settable(); err != nil {
		return err
	}
	if err := c.conn.SetReadDeadline(t); err != nil {
		return err
	}
	c.wire.setReadBy(t)
	return nil
}

// SetWriteDeadline sets the time at which writing fails with os.ErrDeadlineExceeded.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if err := c.settable(); err != nil {
		return err
	}
	c.wire.setWriteBy(t)
	if err := c.conn.SetWriteDeadline(t); err != nil {
		return err
	}
	c.wire.kick() // what the old deadline has left behind
	return nil
}

// settable keeps a deadline from being moved that has ended the connection.
func (c *Conn) settable() error {
	if c.closed.Load() {
		return opError(c.conn, "set", net.ErrClosed)
	}
	if c.wire.unread() {
		return opError(c.conn, "set", errUnread)
	}
	return nil
}

// Keep lets the connection outlive the handler of Serve that it was given to; whoever keeps it closes it.
func (c *Conn) Keep() {
	c.kept.Store(true)
	c.conn.Keep()
}

// CloseWrite tells the peer that nothing more will be written, after everything that was: its Read returns io.EOF.
// Reading goes on. It fails before the handshake.
func (c *Conn) CloseWrite() error {
	if c.closed.Load() {
		return opError(c.conn, "close", net.ErrClosed)
	}
	if !c.shaken.Load() {
		return opError(c.conn, "close", errors.New("CloseWrite before the handshake: call Handshake first"))
	}
	c.writing.wait()
	defer c.writing.Unlock()
	if err := c.tls.CloseWrite(); err != nil {
		return c.why("close", err)
	}
	return c.why("close", c.wire.flush())
}

// Close ends the connection: it tells the peer, hands everything over that was written, and closes the connection below.
// Calls that wait fail with net.ErrClosed at once. Close waits until the write deadline, or thirty seconds where there is
// none, for a peer that does not read. While a handshake or a Write is under way it ends that instead and the peer is
// told nothing. A second Close fails with net.ErrClosed.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return opError(c.conn, "close", net.ErrClosed)
	}
	defer c.dropUnread()
	c.wire.wake()
	if !c.shaken.Load() || c.wire.unread() || !c.writing.TryLock() {
		return c.conn.Close()
	}
	defer c.writing.Unlock()
	c.conn.SetReadDeadline(aLongTimeAgo) // whoever reads returns, and finds the connection closed
	c.conn.SetWriteDeadline(c.wire.closeBy())
	err := c.tls.CloseWrite()
	if e := c.wire.push(); err == nil {
		err = e
	}
	if e := c.conn.Close(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) && e != nil {
		err = e
	}
	return err
}

// Abort closes the connection at once. The peer is not told that the stream is complete, and nobody waits for what the kernel has
// not taken. A second Abort, as one after Close, fails with net.ErrClosed.
func (c *Conn) Abort() error {
	if c.closed.Swap(true) {
		return opError(c.conn, "close", net.ErrClosed)
	}
	defer c.dropUnread()
	c.wire.wake()
	c.conn.SetWriteDeadline(aLongTimeAgo)
	return c.conn.Close()
}
