package gate

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/metrics"
	"github.com/unio-go/unio/tinygate/internal/proxyproto"
	"github.com/unio-go/unio/tinygate/internal/stream"
)

// open does what comes before the first request, the PROXY header and the TLS handshake, and serves requests.
func (cl *client) open(c *unio.Conn) {
	set := cl.l.settings.Load()
	if set.ProxyProtocol {
		c.SetReadDeadline(time.Now().Add(cl.site.cfg.Times.Header))
		if err := cl.readProxy(c, set); err == errSilent {
			cl.leave()
			return
		} else if err != nil {
			cl.sh.metrics.ClientRefused(metrics.RefusedProxy)
			cl.sh.log.warn("tinygate: a connection without a good PROXY header is closed", "from", c.RemoteAddr(), "error", err)
			cl.leave()
			return
		}
	}
	if !cl.admit(&cl.site.cfg.Limits) {
		cl.leave()
		return
	}
	cl.https = set.certs != nil
	cl.introduce()
	cl.arrived = !set.ProxyProtocol
	if set.certs == nil {
		cl.begin(stream.Plain(c))
		return
	}
	stream.Serve(c, set.certs.Config(), cl.shake)
}

// begin serves requests on a connection that is ready for them. When the gate ends it reads the first one at once, since
// no connection is parked any more.
func (cl *client) begin(c stream.Conn) {
	cl.c, cl.in.c = c, c
	if cl.arrived || cl.sh.g.ending.Load() {
		cl.run()
	} else {
		cl.rest(true)
	}
}

// shake performs the TLS handshake and serves requests.
func (cl *client) shake(c stream.Conn) {
	if cl.arrived {
		cl.arrived = false
		hello, err := cl.raw.Recv()
		if err != nil { // it has ended without a byte: that is no failed handshake
			cl.leave()
			return
		}
		c.Unread(hello)
	}
	err := c.Handshake(cl.site.cfg.Times.Handshake)
	if err == nil {
		state := c.State()
		cl.version, cl.name, cl.subject = state.Version, []byte(state.ServerName), subject(&state)
		cl.sh.metrics.Handshake(state.Version)
		cl.begin(c)
		return
	}
	cl.sh.metrics.HandshakeFailed()
	if clear, ok := stream.Clear(err); ok {
		cl.tellPlain(clear)
	}
	cl.leave()
}

// tellPlain answers a client that speaks plain HTTP where TLS is expected, as nginx does (its status 497).
func (cl *client) tellPlain(c stream.Conn) {
	b, err := build(cl.sh.g.rt, len(plainOnTLS)+64, func(p []byte) []byte {
		p = append(p, plainStatus...)
		return append(cl.sh.date.append(p, cl.raw.Now()), plainOnTLS...)
	})
	if err != nil {
		return
	}
	cl.c, cl.in.c = c, c
	c.SetWriteDeadline(time.Now().Add(lingerIdle))
	if c.Send(b) == nil {
		cl.linger()
	}
}

// The parts of that answer before and behind its Date.
const (
	plainStatus = "HTTP/1.1 400 Bad Request\r\n"
	plainOnTLS  = "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 62\r\nConnection: close\r\n\r\n" +
		"400 Bad Request: this port speaks HTTPS: use https:// with it\n"
)

// readProxy reads a PROXY header and not a byte more, so that what follows stays with the connection.
func (cl *client) readProxy(c *unio.Conn, set *settings) error {
	buf := make([]byte, 1, proxyBytes)
	if _, err := io.ReadFull(c, buf); err != nil {
		return errSilent
	}
	if !cl.mayTell(set) {
		return errProxyFrom
	}
	for {
		n := len(buf)
		buf = slices.Grow(buf, proxyproto.Missing(buf))
		m, err := io.ReadFull(c, buf[n:n+proxyproto.Missing(buf)])
		if buf = buf[:n+m]; err != nil {
			return err
		}
		h, used, err := proxyproto.Parse(buf)
		if err != nil {
			return err
		}
		if used > 0 {
			if h.Source.IsValid() {
				cl.peer = h.Source
			}
			return nil
		}
	}
}

// mayTell reports whether a PROXY header of this client is believed.
func (cl *client) mayTell(set *settings) bool {
	if cl.l.unix {
		return set.ProxyUnix
	}
	return slices.ContainsFunc(set.ProxyFrom, func(p netip.Prefix) bool { return p.Contains(cl.peer.Addr()) })
}

// errSilent says that the connection has ended without a byte, as that of a health check does.
var errSilent = errors.New("nothing has come")

var errProxyFrom = errors.New("it does not come from who may send a PROXY header (proxy_protocol)")

// proxyBytes is more than PROXY headers with addresses and a name have.
const proxyBytes = 256
