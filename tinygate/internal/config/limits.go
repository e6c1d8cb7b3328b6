package config

import "math"

// bodyBytes reads how long the body of a request may be.
func bodyBytes(into *int64, v value) { v.size(into, 1, math.MaxInt64, true) }

var limitsSection = newSection("limits",
	key[Limits]{"head", func(l *Limits, v value) { v.sizeInt(&l.HeadBytes, headBytesMin, headBytesMax) }},
	key[Limits]{"line", func(l *Limits, v value) { v.sizeInt(&l.LineBytes, headBytesMin, headBytesMax) }},
	numberKey("headers", func(l *Limits) *int { return &l.Headers }, headersMin, headersMax),
	key[Limits]{"body", func(l *Limits, v value) { bodyBytes(&l.BodyBytes, v) }},
	countKey("connections", func(l *Limits) *int { return &l.Connections }, countMax),
	countKey("per_client", func(l *Limits) *int { return &l.PerClient }, countMax),
	countKey("requests", func(l *Limits) *int { return &l.RequestsMax }, countMax),
	flagKey("half_close", func(l *Limits) *bool { return &l.HalfClose }),
)

// readLimits reads the keys of limits. A line is never longer than the head.
func readLimits(l *Limits, v value) {
	given := limitsSection.fill(l, v)
	if _, ok := given["line"]; !ok {
		l.LineBytes = min(l.LineBytes, l.HeadBytes)
	}
	if l.LineBytes > l.HeadBytes {
		v.fail("a line of %s does not fit into a head of %s; write a larger head or a smaller line",
			sizeText(int64(l.LineBytes)), sizeText(int64(l.HeadBytes)))
	}
}

const (
	beforeRouteSize = "it is at work before the route is known: write it into limits at the top of the file"
	ofConnection    = "it is of connections, which carry requests of many routes: write it into limits at the top of the file"
)

var routeLimitsSection = newSection("limits of a route",
	key[Route]{"body", func(r *Route, v value) { bodyBytes(&r.BodyBytes, v) }},
	flagKey("half_close", func(r *Route) *bool { return &r.HalfClose }),
).hint(map[string]string{
	"head": beforeRouteSize, "line": beforeRouteSize, "headers": beforeRouteSize,
	"connections": ofConnection, "per_client": ofConnection, "requests": ofConnection,
})

var bufferSection = newSection("buffer",
	flagKey("request", func(b *Buffer) *bool { return &b.Request }),
	flagKey("response", func(b *Buffer) *bool { return &b.Response }),
	key[Buffer]{"bytes", func(b *Buffer, v value) { v.sizeInt(&b.Bytes, headBytesMin, bufferBytesMax) }},
)
