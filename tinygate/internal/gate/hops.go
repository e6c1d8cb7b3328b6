package gate

import (
	"strconv"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// hops is how many proxies an OPTIONS may still go through, and the field line that says so (RFC 9110 7.6.2). It is -1
// without such a field, or with one that is not a single number. With other methods the field means nothing here.
func (x *exchange) hops() (n, line int) {
	if x.req.Method != http1.MethodOptions {
		return -1, 0
	}
	text, next := x.Field("max-forwards", 0)
	if next < 0 {
		return -1, 0
	}
	if _, again := x.Field("max-forwards", next); again >= 0 {
		return -1, 0
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || text[0] == '+' {
		return -1, 0
	}
	return n, next - 1
}

// passHops sends Max-Forwards on with one hop less, unless the route sets or removes the field.
func (x *exchange) passHops() {
	if n, line := x.hops(); n > 0 && !x.req.Dropped(line) && !x.rule.request.ReplacesName("max-forwards") {
		x.req.Drop(line)
		x.extra = append(x.extra, "Max-Forwards: "...)
		x.extra = append(strconv.AppendInt(x.extra, int64(n-1), 10), "\r\n"...)
	}
}
