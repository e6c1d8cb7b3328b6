package config

import (
	"crypto/tls"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

var listenerSection = newSection("a listener",
	key[listenerReader]{"address", (*listenerReader).address},
	key[listenerReader]{"tls", (*listenerReader).tls},
	key[listenerReader]{"proxy_protocol", (*listenerReader).proxyProtocol},
	key[listenerReader]{"defer_accept", func(r *listenerReader, v value) { v.flag(&r.l.DeferAccept); r.defers = v }},
).hint(map[string]string{"port": "write address: :PORT", "cert": "write it below tls", "key": "write it below tls"})

// listenerReader reads one listener.
type listenerReader struct {
	f      *fileReader
	l      *Listener
	proxy  value // proxy_protocol
	defers value // defer_accept
}

// readListeners reads listen: one listener or a list of them.
func (f *fileReader) readListeners(root value) {
	if !f.listen.given() {
		f.missing(root, "listen", "write where clients connect, such as listen: :8080")
		return
	}
	taken := listened{}
	for _, v := range f.listen.list("an address such as :8080") {
		l := &Listener{}
		r := &listenerReader{f: f, l: l}
		if v.isMapping() {
			if given := listenerSection.fill(r, v); !given.has("address") {
				v.fail("address is missing; write one such as address: :8443")
			}
			r.checkProxy()
			r.checkDeferred()
		} else {
			r.address(v)
		}
		f.cfg.Listeners = append(f.cfg.Listeners, l)
		if l.Address == "" || strings.HasSuffix(l.Address, ":0") {
			continue
		}
		taken.add(v, l.Address)
	}
}

// listened is the listeners so far, by what Everywhere makes of their addresses, and by "*:PORT" the first one of a port that
// is on a single address.
type listened map[string]listenedAt

type listenedAt struct {
	address string
	line    int
}

// add refuses an address that is listened on already, also by a listener on all addresses of the machine: the kernel gives
// its port to nobody else.
func (t listened) add(v value, address string) {
	same := Everywhere(address)
	if first, twice := t[same]; twice {
		v.fail("%s is listened on twice, first in line %d; take one of them out", address, first.line)
		return
	}
	here := listenedAt{address, v.place().line}
	t[same] = here
	if strings.HasPrefix(address, "unix:") {
		return
	}
	port := same[strings.LastIndexByte(same, ':'):]
	if one, both := t["*"+port]; both && same == port {
		v.fail("%s is on all addresses, and %s in line %d is one of them; take one of the two out", address, one.address, one.line)
	}
	if all, both := t[port]; both && same != port {
		v.fail("%s is one of the addresses of %s in line %d; take one of the two out", address, all.address, all.line)
	}
	if _, there := t["*"+port]; !there && same != port {
		t["*"+port] = here
	}
}

// Everywhere leaves out a host that stands for all of the machine's addresses.
func Everywhere(address string) string {
	if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().IsUnspecified() {
		return ":" + strconv.Itoa(int(a.Port()))
	}
	return address
}

func (r *listenerReader) address(v value) {
	if s, ok := v.address(listenAddress); ok {
		r.l.Address = s
	}
}

// proxyProtocol reads who may send the header. It is one key, so that nobody can switch it on for everyone: a client that
// may send the header chooses its own address.
func (r *listenerReader) proxyProtocol(v value) {
	if v.is("true") || v.is("false") {
		v.fail("write who may send the header, such as proxy_protocol: 10.0.0.0/8; without the key nobody may")
		return
	}
	v.believed(&r.l.ProxyFrom, &r.l.ProxyUnix)
	r.l.ProxyProtocol, r.proxy = true, v
}

// believed reads the peers that are believed when they name the client's address, and warns of a network of everybody.
func (v value) believed(into *[]netip.Prefix, unix *bool) {
	v.peers(into, unix)
	for _, p := range *into {
		if p.Bits() == 0 {
			v.warn("%v lets every client choose its own address; write the networks of your load balancers", p)
		}
	}
}

// checkProxy refuses a proxy_protocol under which nobody could connect: a client of a Unix socket has no address, and a client
// of TCP has one.
func (r *listenerReader) checkProxy() {
	if !r.proxy.given() || r.l.Address == "" {
		return
	}
	unix := strings.HasPrefix(r.l.Address, "unix:")
	switch {
	case unix && !r.l.ProxyUnix:
		r.proxy.fail("who connects to a Unix socket has no address, so all would be closed; write proxy_protocol: unix, " +
			"and let only your load balancer open the socket")
	case !unix && r.l.ProxyUnix:
		r.proxy.fail("unix stands for who connects to a Unix socket, which %s is not; write the networks of your load balancers",
			r.l.Address)
	case unix && len(r.l.ProxyFrom) > 0:
		r.proxy.warn("networks have no effect on a Unix socket; write unix alone")
	}
}

// checkDeferred refuses defer_accept for a Unix socket.
func (r *listenerReader) checkDeferred() {
	if r.l.DeferAccept && strings.HasPrefix(r.l.Address, "unix:") {
		r.defers.fail("the kernel keeps no connections of a Unix socket back; take defer_accept out")
	}
}

// serverTLSReader reads TLS towards clients.
type serverTLSReader struct {
	f          *fileReader
	t          *ServerTLS
	cert, key  value // the short form for one pair
	clientAuth value
}

var serverTLSSection = newSection("tls of a listener",
	key[serverTLSReader]{"cert", func(r *serverTLSReader, v value) { r.cert = v }},
	key[serverTLSReader]{"key", func(r *serverTLSReader, v value) { r.key = v }},
	key[serverTLSReader]{"certificates", (*serverTLSReader).certificates},
	key[serverTLSReader]{"min_version", func(r *serverTLSReader, v value) { v.tlsVersion(&r.t.MinVersion) }},
	key[serverTLSReader]{"client_ca", func(r *serverTLSReader, v value) { r.t.ClientCA, _ = v.file(r.f.cfg) }},
	key[serverTLSReader]{"client_auth", func(r *serverTLSReader, v value) { r.clientAuth = v }},
	spanKey("tickets", func(r *serverTLSReader) *time.Duration { return &r.t.TicketTime }, time.Minute, 7*dayMax, true),
)

func (r *listenerReader) tls(v value) {
	t := &ServerTLS{MinVersion: tlsMinDefault, TicketTime: ticketDefault}
	s := &serverTLSReader{f: r.f, t: t}
	given := serverTLSSection.fill(s, v)
	if given == nil {
		return
	}
	r.l.TLS = t
	if s.cert.given() || s.key.given() {
		if given.has("certificates") {
			v.fail("cert and key stand beside certificates; write all pairs into certificates")
		}
		if c, ok := r.f.pair(v, s.cert, s.key); ok {
			t.Certificates = append(t.Certificates, c)
		}
	} else if !given.has("certificates") {
		v.fail("there is no certificate; write cert and key, the paths of two PEM files")
	}
	s.auth(given)
}

func (r *serverTLSReader) auth(given keys) {
	switch {
	case given.has("client_ca"):
		r.t.ClientAuth = ClientAuthRequired // who names a CA wants the others kept out
		if r.clientAuth.given() {
			word := "required"
			r.clientAuth.word(&word, "required", "optional")
			if word == "optional" {
				r.t.ClientAuth = ClientAuthOptional
			}
		}
	case r.clientAuth.given():
		r.clientAuth.fail("there is nothing to check certificates with; write client_ca, the path of a PEM file")
	}
}

// certificateReader reads a pair.
type certificateReader struct{ cert, key value }

var certificateSection = newSection("a certificate",
	key[certificateReader]{"cert", func(r *certificateReader, v value) { r.cert = v }},
	key[certificateReader]{"key", func(r *certificateReader, v value) { r.key = v }},
)

func (r *serverTLSReader) certificates(v value) {
	for _, e := range v.list("pairs of cert and key") {
		var c certificateReader
		if certificateSection.fill(&c, e) == nil {
			continue
		}
		if p, ok := r.f.pair(e, c.cert, c.key); ok {
			r.t.Certificates = append(r.t.Certificates, p)
		}
	}
}

// pair reads two files that belong together.
func (f *fileReader) pair(v, cert, key value) (c Certificate, ok bool) {
	switch {
	case !cert.given():
		v.fail("cert is missing; write the path of a PEM file with the certificate and those that it is signed by")
		return c, false
	case !key.given():
		v.fail("key is missing; write the path of the PEM file with the private key of cert")
		return c, false
	}
	var ok1, ok2 bool
	c.Cert, ok1 = cert.file(f.cfg)
	c.Key, ok2 = key.file(f.cfg)
	return c, ok1 && ok2
}

func (v value) tlsVersion(into *uint16) {
	var s string
	v.word(&s, "1.2", "1.3")
	switch s {
	case "1.2":
		*into = tls.VersionTLS12
	case "1.3":
		*into = tls.VersionTLS13
	}
}
