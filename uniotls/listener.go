package uniotls

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/unio-go/unio"
)

// Listener gives out the server's side of TLS connections. It is a net.Listener. Like [unio.Listener] it is used either
// by Accept or by Serve.
type Listener struct {
	ln   *unio.Listener
	offs *offloads
}

var _ net.Listener = (*Listener)(nil)

// NewListener takes ln over: its connections speak TLS as cfg says. The configuration may be in use elsewhere; of later
// changes only SetSessionTicketKeys is heeded.
func NewListener(ln *unio.Listener, cfg *tls.Config) *Listener {
	return &Listener{ln, newOffloads(cfg)}
}

// Accept waits for the next connection, a *Conn, without its handshake: that happens with the first Read or Write, or by
// Handshake, and it is the caller's business to bound its time by a deadline.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn is Accept with the type that it gives.
func (l *Listener) AcceptConn() (*Conn, error) {
	c, err := l.ln.AcceptConn()
	if err != nil {
		return nil, err
	}
	return server(c, l.offs), nil
}

// Serve accepts connections until the listener is closed and runs handler as a task for each, as unio.Listener.Serve.
// The handshake is the handler's, as after Accept. The connection is closed when its handler returns, unless the handler
// has called Await or Keep; when the handler panics, the peer is not told that the stream is complete.
func (l *Listener) Serve(handler func(*Conn)) error {
	if handler == nil {
		return l.ln.Serve(nil) // which says what is wrong
	}
	return l.ln.Serve(func(u *unio.Conn) { serve(server(u, l.offs), handler) })
}

// Serve runs handler for the server's side of TLS on c, in a handler of unio.Listener.Serve that c was given to: it is
// [Listener.Serve] for who chooses the configuration, or whether a connection has TLS, one by one.
func Serve(c *unio.Conn, cfg *tls.Config, handler func(*Conn)) { serve(Server(c, cfg), handler) }

func serve(c *Conn, handler func(*Conn)) { c.handle(func() { handler(c) }) }

// Addr is the address that the listener is bound to.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Close stops accepting; connections that were given out go on.
func (l *Listener) Close() error { return l.ln.Close() }

// Dial connects to an address as [unio.Runtime.Dial] and performs the handshake, all of it until ctx is done. A ServerName
// that cfg does not have is the address's host. The connection lives with the caller; where the handshake fails it is
// closed.
func Dial(ctx context.Context, rt *unio.Runtime, network, addr string, cfg *tls.Config) (*Conn, error) {
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			host = addr // of a Unix socket: refused by the handshake unless it is not to be verified
		}
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	u, err := rt.Dial(ctx, network, addr, nil)
	if err != nil {
		return nil, err
	}
	c := Client(u, cfg)
	good := false
	defer func() {
		if !good { // a callback may have panicked
			c.Close()
		}
	}()
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	good = true
	return c, nil
}
