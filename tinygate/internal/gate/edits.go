package gate

import (
	"github.com/unio-go/unio/tinygate/internal/edit"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/requestid"
)

// editRequest drops what does not go on to the server, and makes the field lines that are ours. A client's Proxy is never sent
// on: programs that get fields as variables (RFC 3875 4.1.18) would take it for HTTP_PROXY, the proxy that their own requests
// go through ("httpoxy", CVE-2016-5385 and others).
func (x *exchange) editRequest() {
	r := x.rule
	x.req.DropID(http1.IDProxy)
	x.extra = x.cl.about.AppendFields(x.extra[:0], &x.req, x.head, &x.who)
	x.passHops()
	if r.request == nil {
		x.extra = via(x.extra, x.head, &x.req.Head)
		return
	}
	r.request.Drop(&x.req.Head, x.head)
	x.extra = r.request.Strike(x.extra)
	if !r.request.Replaces(http1.IDVia) {
		x.extra = via(x.extra, x.head, &x.req.Head)
	}
	x.extra = r.request.Append(x.extra, x.variables())
}

// editResponse does so for the client. head is that of the response. One that has no Date gets that of its arrival, as
// RFC 9110 6.6.1 wants it from who passes it on.
func (x *exchange) editResponse(head []byte) {
	x.extra = x.extra[:0]
	e := x.rule.response
	if i := x.resp.Find(http1.IDDate, 0); (i < 0 || x.resp.Dropped(i)) && !e.Replaces(http1.IDDate) {
		x.extra = x.sh.date.append(x.extra, x.now)
	}
	if e == nil || !e.Replaces(http1.IDVia) {
		x.extra = via(x.extra, head, &x.resp.Head)
	}
	if e != nil {
		e.Drop(&x.resp.Head, head)
		x.extra = e.Append(x.extra, x.variables())
	}
}

// editOwn makes the field lines of a response of our own.
func (x *exchange) editOwn() {
	if e := x.rule.response; e != nil {
		x.extra = e.Append(x.extra, x.variables())
	}
}

// variables is what texts of the configuration may name.
func (x *exchange) variables() *edit.Values {
	v := &x.values
	x.address = x.who.Addr.AppendTo(x.address[:0])
	v[edit.ClientAddress] = x.address
	v[edit.RequestID] = x.requestID()
	v[edit.Scheme] = scheme[x.who.HTTPS]
	v[edit.Host] = x.req.Hostname.Of(x.head)
	v[edit.Path] = x.path
	v[edit.Query] = x.req.Query.Of(x.head)
	v[edit.Method] = x.req.MethodName.Of(x.head)
	v[edit.ServerName] = x.cl.name
	v[edit.CertSubject], v[edit.CertVerify] = x.cl.subject, verified[len(x.cl.subject) > 0]
	v[edit.Upstream] = nil
	if g := x.rule.group; g != nil {
		v[edit.Upstream] = g.name
	}
	return v
}

// requestID is the id under which all who handle the request can note it: what a trusted proxy has sent, or a new one.
func (x *exchange) requestID() []byte {
	if len(x.id) > 0 {
		return x.id
	}
	if x.who.Trusted {
		if id, i := x.Field("x-request-id", 0); i >= 0 && requestid.Valid(id) {
			x.id = append(x.id, id...)
			return x.id
		}
	}
	x.id = x.sh.ids.Append(x.id)
	return x.id
}

var scheme = map[bool][]byte{false: []byte("http"), true: []byte("https")}

// via adds this proxy to the Via field (RFC 9110 7.6.3).
func via(p, head []byte, h *http1.Head) []byte {
	value := viaValue[h.Minor()]
	if !h.Has(http1.IDVia) {
		return append(append(append(p, "Via: "...), value...), "\r\n"...)
	}
	p = h.AppendJoined(p, head, http1.IDVia, "Via", value)
	h.DropID(http1.IDVia)
	return p
}

// viaValue is by the minor version of the message that was received.
var viaValue = [2][]byte{[]byte("1.0 tinygate"), []byte("1.1 tinygate")}
