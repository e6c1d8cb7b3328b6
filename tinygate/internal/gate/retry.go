package gate

import (
	"errors"
	"slices"
	"strconv"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// statusError says that the response has a status for which another server is asked.
type statusError int

// Error names the status.
func (e statusError) Error() string {
	return "the server answered with status " + strconv.Itoa(int(e)) + ", for which the route has another one asked"
}

// isStale reports whether err is that of a pooled connection which may be replaced. It has been given back already where the
// client has left from a response that was held back.
func (x *exchange) isStale(err error) bool {
	return x.up != nil && x.up.reused && errors.Is(err, errNoResponse) && x.mayRepeat() && x.rule.Retry.Tries > 1 && x.rule.Retry.Reset
}

// mayRetry reports whether there is to be another try, and chooses the server for it.
func (x *exchange) mayRetry(err error) bool {
	r := &x.rule.Retry
	_, status := errors.AsType[statusError](err)
	switch {
	case status:
		return true // it was asked before the response was given up
	case errors.Is(err, errUnreached):
		return r.Connect && x.out != nil && x.another()
	case isTimeout(err):
		return r.Timeout && x.mayRepeat() && x.another()
	case errors.Is(err, errNoResponse):
		return r.Reset && x.mayRepeat() && x.another()
	}
	return false
}

// another chooses another server, if the rule allows one more try and there is one left.
func (x *exchange) another() bool {
	r := &x.rule.Retry
	now := x.cl.raw.Now()
	if x.tries >= r.Tries || x.begun || x.uploadErr != nil || x.over(now) {
		return false
	}
	next := x.pick()
	if next == nil || !x.picker().MayRetry(now, r.Budget) {
		return false
	}
	x.next = next
	return true
}

// mayRepeat reports whether a request that was sent may be sent again: the client has heard nothing of an answer, and has
// not failed itself.
func (x *exchange) mayRepeat() bool {
	return !x.begun && !x.heard && x.uploadErr == nil && x.repeatable()
}

// repeatable reports whether the request may be sent again after it was sent: its method is idempotent (RFC 9110 9.2.2) and
// all of it is at hand.
func (x *exchange) repeatable() bool {
	switch x.req.Method {
	case http1.MethodGet, http1.MethodHead, http1.MethodOptions, http1.MethodPut, http1.MethodDelete:
		return x.body.Done() && x.out != nil
	}
	return false
}

// keeps reports whether the request has to be kept for another try.
func (x *exchange) keeps() bool {
	r := &x.rule.Retry
	return (r.Reset || r.Timeout || len(r.Status) > 0) && (x.tries < r.Tries || x.up.reused && r.Tries > 1) && x.repeatable()
}

// retries reports whether another server is asked because of the response's status. If there is none, or the budget is used
// up, the client gets the response.
func (x *exchange) retries(status int) bool {
	return slices.Contains(x.rule.Retry.Status, status) && x.mayRepeat() && x.another()
}
