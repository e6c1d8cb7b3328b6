package gate

import (
	"net/http"
	"strconv"
	"time"

	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/edit"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/route"
)

// reply is a response of our own.
type reply struct {
	status   int
	kind     string // Content-Type; "": plain text, where there is a body
	body     string // "": the status in words, where kind leaves room for them
	location []byte
	allow    string // the methods, in what is no route's answer
	last     bool   // the connection ends
}

// own sends a response of our own to a request whose head has been read. What is left of its body is skipped if it has
// arrived; else the connection ends.
func (x *exchange) own(r reply) (again bool) {
	x.skipBody()
	again = x.req.KeepAlive && x.body.Done() && !x.uploading && !x.sh.g.ending.Load()
	r.last = r.last || !again
	if x.answer(&r) != nil {
		return false
	}
	x.lingers = r.last
	return !r.last
}

// skipBody skips what has arrived of the request's body.
func (x *exchange) skipBody() {
	for in := &x.cl.in; !x.body.Done() && !x.uploading && len(in.bytes()) > 0; {
		_, _, n, err := x.body.Next(in.bytes())
		if err != nil || n == 0 {
			return
		}
		in.skip(n)
	}
}

// refuse answers a request that cannot be served, and ends the connection.
func (x *exchange) refuse(bad *http1.Error) {
	x.cause = bad
	r := refusal(bad)
	r.last = true
	x.lingers = x.answer(&r) == nil
}

// deny answers a request that is well formed but is not served. The connection goes on as after any answer.
func (x *exchange) deny(bad *http1.Error) (again bool) {
	x.cause = bad
	return x.own(refusal(bad))
}

// methods are those that the gate forwards, as far as a route takes them.
const methods = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"

// refusal is the reply that says what is wrong.
func refusal(bad *http1.Error) reply {
	r := reply{status: bad.Status, body: strconv.Itoa(bad.Status) + " " + http.StatusText(bad.Status) + ": " + bad.Reason + "\n"}
	if bad == errTrace {
		r.allow = methods
	}
	return r
}

// fill gives a redirect or an error without a body the status in words, unless it has a type. A body without a type is
// plain text.
func (r *reply) fill() {
	if r.body == "" && r.kind == "" && r.status >= http.StatusMultipleChoices {
		r.body = strconv.Itoa(r.status) + " " + http.StatusText(r.status) + "\n"
	}
	if r.body != "" && r.kind == "" {
		r.kind = "text/plain; charset=utf-8"
	}
}

// headSlack is room for what a head of our own has beside the texts that are counted.
const headSlack = 320

// answer sends r.
func (x *exchange) answer(r *reply) error {
	if r.last && !x.uploading {
		x.cl.in.drop() // nobody reads it any more, and the answer needs a buffer
	}
	r.fill()
	x.status = r.status
	x.extra = x.extra[:0]
	if x.rule != nil {
		x.editOwn()
	}
	body := r.body
	if x.req.Method == http1.MethodHead || r.status == http.StatusNoContent || r.status == http.StatusNotModified {
		body = ""
	}
	b, err := build(x.sh.g.rt, len(r.body)+len(r.kind)+len(r.location)+len(x.extra)+headSlack, func(p []byte) []byte {
		return append(x.appendOwnHead(p, r), body...)
	})
	if err != nil {
		return err
	}
	x.bytes.out = int64(len(body))
	x.begun = true
	x.now = x.cl.raw.Now()
	x.cl.c.SetWriteDeadline(x.now.Add(x.times.Body))
	return x.cl.c.Send(b)
}

// appendOwnHead writes the head of r, without the fields that the rule sets or removes. Those of framing and connection
// are always written: no rule may name them.
func (x *exchange) appendOwnHead(p []byte, r *reply) []byte {
	var e *edit.Edit
	if x.rule != nil {
		e = x.rule.response
	}
	p = append(p, "HTTP/1.1 "...)
	p = strconv.AppendInt(p, int64(r.status), 10)
	p = append(p, ' ')
	p = append(append(p, http.StatusText(r.status)...), "\r\n"...)
	if !e.Replaces(http1.IDDate) {
		p = x.sh.date.append(p, x.cl.raw.Now())
	}
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		if r.kind != "" && !e.ReplacesName("content-type") {
			p = append(append(append(p, "Content-Type: "...), r.kind...), "\r\n"...)
		}
		p = append(p, "Content-Length: "...)
		p = append(strconv.AppendInt(p, int64(len(r.body)), 10), "\r\n"...)
	}
	if len(r.location) > 0 && !e.ReplacesName("location") {
		p = append(append(append(p, "Location: "...), r.location...), "\r\n"...)
	}
	switch {
	case r.last:
		p = append(p, "Connection: close\r\n"...)
	case x.req.Minor() == 0:
		p = append(p, "Connection: keep-alive\r\n"...)
	}
	if r.allow != "" && !e.ReplacesName("allow") {
		p = append(append(append(p, "Allow: "...), r.allow...), "\r\n"...)
	}
	return append(append(p, x.extra...), "\r\n"...)
}

// redirect sends the client elsewhere.
func (x *exchange) redirect() (again bool) {
	r := x.rule.Redirect
	v := x.variables()
	if x.rule.Rewrite != nil {
		v[edit.Path] = route.AppendRewrite(nil, x.path, x.rule.Rewrite)
	}
	var ok bool
	if x.line, ok = x.rule.redirect.Append(x.line[:0], v); !ok {
		return x.deny(errRedirect)
	}
	return x.own(reply{status: r.Status, location: x.line})
}

// invite asks for the body of a request that waits for that (RFC 9110 10.1.1).
func (x *exchange) invite() error {
	b, err := build(x.sh.g.rt, 32, func(p []byte) []byte { return append(p, "HTTP/1.1 100 Continue\r\n\r\n"...) })
	if err != nil {
		return err
	}
	x.cl.c.SetWriteDeadline(x.by(x.cl.raw.Now(), x.times.Body))
	return x.cl.c.Send(b)
}

// toClient sends buffers to the client. One that takes nothing has gone. But if the limit of the whole exchange is reached
// before any of the response was sent, the error is the timeout, so that the client is still told.
func (x *exchange) toClient(now time.Time, bufs ...*mem.Buf) error {
	by := x.by(now, x.times.Body)
	x.cl.c.SetWriteDeadline(by)
	err := x.cl.c.Send(bufs...)
	if isTimeout(err) && !x.begun && by.Equal(x.end) {
		return err
	}
	return clientGone(err)
}
