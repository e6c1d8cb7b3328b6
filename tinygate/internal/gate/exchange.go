package gate

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/edit"
	"github.com/unio-go/unio/tinygate/internal/forwarded"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/metrics"
	"github.com/unio-go/unio/tinygate/internal/route"
)

// exchange is one request and its response. It is used again for others; all of it belongs to the task
// that serves the client, and to the task of the upload while that runs.
type exchange struct {
	sh   *shard
	cl   *client
	up   *upstream
	site *site // the limits of req and resp are this one's
	req  http1.Request
	resp http1.Response
	body http1.Body // of the request
	back http1.Body // of the response

	head    []byte // a copy of the request's head: its buffer goes on at once, and the log needs it at the end
	path    []byte // normalised; a part of head or of scratch
	scratch []byte
	moved   bool // path is not what the client wrote
	who     forwarded.Client
	query   route.Query
	id      []byte // empty until somebody asks
	address []byte // of the client, as text
	values  edit.Values
	rule    *rule         // nil before one is chosen
	times   *config.Times // of the rule, or of all

	host     []byte     // that goes on, if it is not the client's
	line     []byte     // the target that goes on, or where the client is sent
	extra    []byte     // our own field lines
	list     []*mem.Buf // for a Send
	out      *mem.Buf   // the head that goes to the upstream
	request  held       // a body that was held back until it was whole
	response held
	download transfer
	perRequest

	sending  unio.Group
	upload   transfer
	uploadFn func() error // made once
	watcher  unio.Group
	watchFn  func() error
	pieceFn  func() error
}

// perRequest is the part of an exchange that is zero when a request begins.
type perRequest struct {
	asked     bool // the client said itself that this request is its last
	upgrade   bool // Upgrade was passed on, so that 101 may come
	heard     bool // the upstream has sent an interim response, or one that is held back
	answered  bool // the head of the final response has come, so that its body is waited for
	begun     bool // part of the final response has been sent
	untilEnd  bool // the response ends with the client's connection
	abandoned bool // a panic has ended the exchange
	counted   bool // among the requests in flight
	lingers   bool // the connection ends after the answer, by client.linger
	interims  int

	began  time.Time
	now    time.Time     // as of the last step that took time
	sent   time.Time     // the try's beginning
	from   time.Time     // where the limit of a try begins: at sent, or at the end of a body that was still to come
	took   time.Duration // until the response head, of the last try
	end    time.Time     // by the limit of all; zero: none
	cause  error         // why it failed
	status int           // of the final response
	bytes  struct{ in, out int64 }

	next   *cluster.Server // that is tried next
	server *cluster.Server // that has the request
	tried  cluster.Tried
	turns  *turns // of the server, where they are bounded
	last   string // the name of the server that was asked last
	tries  int
	key    uint64 // what a Hash balance is by

	inside     bool // the upload begins within a chunk
	insideBack bool // so does the download

	uploading bool  // the upload's task runs
	uploadErr error // the client's part in the failure of an upload
	settling  bool  // the upload is being ended by us

	responseBy time.Time // the limit for the response, or for more of its body
	look       bool      // the deadline is nearer than that: for a look at the client
	watching   bool      // the watcher's task runs, or has run
	giveUp     func()    // ends a wait for something else than a response
	gone       error     // why the client cannot get a response
}

// reset makes the exchange ready for the next request of its client.
func (x *exchange) reset() {
	x.perRequest = perRequest{began: x.cl.raw.Now()}
	x.head = x.head[:0]
	x.upload = transfer{}
	x.rule, x.id = nil, x.id[:0]
	if s := x.sh.g.site.Load(); s != x.site {
		x.site = s
		x.req.Init(s.limits)
		x.resp.Init(s.limits, http1.MethodOther)
	} else {
		x.req.Reset()
	}
	x.cl.follow(x.site)
	x.times = &x.site.cfg.Times
	x.who = forwarded.Client{Addr: x.cl.peer.Addr(), HTTPS: x.cl.https} // until the head says more
}

// serve serves one request, and reports whether the connection can take another.
func (x *exchange) serve() (again bool) {
	cl := x.cl
	x.reset()
	n, err := cl.readHead(&x.req, x.began)
	if n == 0 {
		var bad *http1.Error
		if errors.As(err, &bad) {
			x.count()
			x.keepPart()
			x.refuse(bad)
			x.note()
			if x.lingers {
				cl.linger()
			}
		}
		return err == nil
	}
	x.begin(n)
	switch bad := x.choose(); bad {
	case nil:
		again = x.act()
	case errNoRoute, errTrace:
		again = x.deny(bad)
	default:
		x.refuse(bad)
	}
	x.note()
	if x.lingers {
		cl.linger()
	}
	return again
}

// keepPart keeps what is known of a head that is refused, for the log.
func (x *exchange) keepPart() {
	if in := x.cl.in.bytes(); len(in) > 0 {
		x.head = append(x.head[:0], in[:x.req.Part(in)]...)
	}
}

// begin takes over the head of a request.
func (x *exchange) begin(n int) {
	in := &x.cl.in
	x.head = append(x.head[:0], in.bytes()[:n]...)
	in.skip(n)
	x.count()
	if x.now = x.began; x.cl.waited {
		x.now = x.cl.raw.Now()
	}
	x.who = x.cl.about.Resolve(&x.req, x.head)
	x.req.InitBody(&x.body, x.head)
	x.asked = !x.req.KeepAlive
	cl := x.cl
	cl.requests++
	if most := x.site.cfg.Limits.RequestsMax; most > 0 && cl.requests >= most || x.sh.g.ending.Load() || cl.l.gone.Load() {
		x.req.KeepAlive = false
	}
}

// act does what the rule says.
func (x *exchange) act() (again bool) {
	switch r := x.rule; {
	case r.Answer != nil:
		return x.own(reply{status: r.Answer.Status, kind: r.Answer.Type, body: r.Answer.Body})
	case r.Redirect != nil:
		return x.redirect()
	}
	if n, _ := x.hops(); n == 0 {
		return x.own(reply{status: http.StatusOK, allow: methods})
	}
	if x.rule.Buffer.Request {
		if err := x.holdRequest(); err != nil {
			x.request.drop() // or the next request that this exchange serves would send it
			return x.failed(err)
		}
		x.now = x.cl.raw.Now()
	}
	if err := x.buildRequest(); err != nil {
		x.dropRequest()
		return x.failed(err)
	}
	return x.forward()
}

// done ends a complete exchange: the upstream's connection goes back to its pool, and the client's stays
// open if both sides are through with the message.
func (x *exchange) done() (again bool) {
	up := x.up
	if x.uploading && x.body.Done() {
		// The last piece waits for the upstream to take it, which it may not want any more.
		up.c.SetWriteDeadline(x.cl.raw.Now().Add(lingerIdle))
		x.sending.Wait()
	}
	through := x.body.Done() && !x.uploading // the client's connection stands at the next request
	if up != nil {
		x.release(through)
	}
	x.leaveServer(x.outcome(nil)) // before the client is waited for
	if through && x.req.KeepAlive {
		return true
	}
	x.lingers = !x.resp.Tunnel && (!through || !x.asked || len(x.cl.in.bytes()) > 0)
	return false
}

// release gives the upstream's connection up, which is used again if all of the request and its response have gone over
// it.
func (x *exchange) release(through bool) {
	if through && x.upload.sendErr == nil && x.resp.KeepAlive && x.back.Done() && !x.resp.Tunnel {
		x.up.p.put(x.up)
	} else {
		x.up.close()
		x.settle()
	}
	x.up = nil
}

// errClientGone says that there is nobody to answer.
var errClientGone = errors.New("the client has gone")

func clientGone(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errClientGone, err)
}

// failed answers a request that could not be served, if that is still possible.
func (x *exchange) failed(err error) (again bool) {
	x.cause = err
	var bad *http1.Error
	switch {
	case errors.Is(err, errClientGone):
		if isTimeout(err) && !x.over(x.cl.raw.Now()) {
			x.cl.raw.SetLinger(0) // the end does not wait for one who does not read
		}
		x.status = metrics.StatusClientGone
		return false
	case x.uploadErr != nil:
		x.uploadFailed()
		return false
	case errors.As(err, &bad) && bad.Status < 500:
		x.refuse(bad)
		return false
	}
	status := statusOf(err)
	x.sh.log.warn("tinygate: request failed", slog.Int("status", status),
		slog.String("request", x.title()), slog.Any("error", err))
	if x.begun {
		x.breakOff()
		return false
	}
	return x.own(reply{status: status})
}

// breakOff lets the client see that the response has ended too early. One that is framed shows it by itself.
func (x *exchange) breakOff() {
	if x.untilEnd {
		x.cl.c.Reset() // or the end would look like that of the response
	}
}

// statusOf is the status for a failure on the upstream's side.
func statusOf(err error) int {
	switch {
	case isTimeout(err):
		return 504
	case errors.Is(err, errNoServer), errors.Is(err, errFull), errors.Is(err, errMemory):
		return 503
	}
	return 502
}

// title is method and path, for the log. A query may hold what is secret.
func (x *exchange) title() string {
	if len(x.head) == 0 {
		return ""
	}
	return string(x.req.MethodName.Of(x.head)) + " " + string(x.req.Path.Of(x.head))
}

// abandon is for an exchange that a panic has ended; it will not be used again. The client's connection
// is closed by whoever recovers the panic. It waits for nothing, since the stack is being unwound.
func (x *exchange) abandon() {
	x.abandoned = true
	x.cl.x = nil
	if x.counted {
		x.sh.metrics.RequestEnded(metrics.NoRoute, http.StatusInternalServerError, time.Since(x.began), 0, 0)
	}
	x.dropRequest()
	x.response.drop()
	if !x.uploading {
		x.cl.in.drop()
	}
	x.leaveServer(cluster.BadResponse)
	if up := x.up; up != nil {
		x.sh.g.rt.Go(up.close)
	}
}
