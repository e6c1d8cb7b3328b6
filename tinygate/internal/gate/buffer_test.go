package gate_test

import (
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// bufferRequests has the gate hold requests back.
func bufferRequests(bytes int) func(*config.Config) {
	return func(cfg *config.Config) { cfg.Routes[0].Buffer = config.Buffer{Request: true, Bytes: bytes} }
}

// A body that was held back when its request failed must not reach an upstream with the request of another client.
func TestHeldBodyOfAFailedRequestIsNotSentWithAnother(t *testing.T) {
	eachEngine(t, setup{Times: config.Times{Body: short}, Change: bufferRequests(64 << 10)}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nsecret")
		c.wantStatus("408")
		c.wantEnd()
		c.Close()
		w.eventually("the end of the first", func() bool { return w.rt.Stats().Tasks == 0 })
		c = w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
		if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\nhello") {
			w.Errorf("%q", m)
		}
		c.send(getRoot)
		if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n") {
			w.Errorf("%q", m)
		}
	}, echo)
}
