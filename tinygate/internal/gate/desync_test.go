package gate

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/stream"
	"github.com/unio-go/unio/uniotest"
)

// A piece that a body has counted is used up even if it cannot be sent. It would else be counted again by whoever skips the
// rest, and the end of the body be found too early: what follows there would be the client's next request.
func TestBodyIsNotTakenForARequestWhenTheUploadFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		done := make(chan struct{})
		rt.Go(func() {
			defer close(done)
			c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			c.Close() // so that it takes nothing
			for _, chunked := range []bool{false, true} {
				unsent(t, rt, stream.Plain(c), chunked)
			}
		})
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("it hangs")
		}
	})
}

func unsent(t *testing.T, rt *unio.Runtime, dst stream.Conn, chunked bool) {
	in := source{c: dst}
	defer in.drop()
	var err error
	if in.b, err = build(rt, 64, func(p []byte) []byte { return append(p, "0123456789"...) }); err != nil {
		t.Error(err)
		return
	}
	var body http1.Body
	body.Init(http1.FramingLength, 15, false)
	tr := transfer{rt: rt, dst: dst, src: &in, body: &body, chunked: chunked, limit: time.Second}
	if err := tr.pass(); err == nil || tr.sendErr == nil {
		t.Errorf("a closed connection takes bytes: %v", err)
	}
	if left, there := body.Left(), len(in.bytes()); left != 5 || there != 0 {
		t.Errorf("%d bytes are to come and %d are there, want 5 and 0", left, there)
	}
}
