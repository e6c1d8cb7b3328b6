package gate

import (
	"time"

	"github.com/unio-go/unio/tinygate/internal/accesslog"
	"github.com/unio-go/unio/tinygate/internal/metrics"
)

// count counts a request that has begun. Each is followed by a note, or the end of the exchange by a panic.
func (x *exchange) count() {
	x.counted = true
	x.sh.metrics.RequestBegan()
}

// note is called when an exchange has ended: it tells the metrics and the access log.
func (x *exchange) note() {
	if x.cause != nil {
		x.now = x.cl.raw.Now()
	}
	took := x.now.Sub(x.began)
	number := metrics.NoRoute
	if x.rule != nil {
		number = x.rule.number
	}
	x.counted = false
	x.sh.metrics.RequestEnded(number, x.status, took, x.bytes.in, x.bytes.out)
	if w := x.sh.access.Load(); w != nil && (x.rule == nil || !x.rule.NoLog) {
		x.log(w, took)
	}
}

var protocol = [2]string{"HTTP/1.0", "HTTP/1.1"}

// log writes the line of the access log.
func (x *exchange) log(w *accesslog.Writer, took time.Duration) {
	x.address = x.who.Addr.AppendTo(x.address[:0])
	e := &x.sh.entry
	*e = accesslog.Entry{} // and then field by field: a literal with values would be built elsewhere and copied
	e.Time, e.Duration, e.UpstreamDuration = x.began, took, x.took
	e.Status, e.Tries, e.TLS, e.Client = x.status, x.tries, x.cl.version, x.address
	e.BytesSent, e.BytesReceived = x.bytes.out, x.bytes.in
	if len(x.head) > 0 {
		e.RequestID = x.requestID()
		e.Method, e.Host = x.req.MethodName.Of(x.head), x.req.Host.Of(x.head)
		e.Path, e.Query = x.req.Path.Of(x.head), x.req.Query.Of(x.head)
		if x.req.Versioned() {
			e.Protocol = protocol[x.req.Minor()]
		}
		e.UserAgent, _ = x.Field("user-agent", 0)
		e.Referer, _ = x.Field("referer", 0)
	}
	if x.rule != nil {
		e.Route = x.rule.Name
		if x.rule.group != nil {
			e.Upstream, e.Server = x.rule.group.Name, x.last
		}
	}
	if x.cause != nil {
		e.Error = x.cause.Error()
	}
	w.Add(e)
}
