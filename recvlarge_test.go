package unio_test

import (
	"slices"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// Who takes all that has come gets much at once where much is there; what is copied out in parts stays small, since the rest stays with
// the connection.
func TestRecvOfAllIsLarge(t *testing.T) {
	const total = 4 << 20
	// A large buffer shows when a Recv follows the Read that began it: it gets what the Read has left.
	readAndRecv := func(c *unio.Conn) (*mem.Buf, error) {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return nil, err
		}
		return c.Recv()
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		report := rt.Report()
		able := report.Engine != unio.Uring || slices.Contains(report.Features, "incremental_buffers")
		largest := func(receive func(*unio.Conn) (*mem.Buf, error)) int {
			result := make(chan int, 1)
			ln := serve(t, rt, func(c *unio.Conn) {
				most := 0
				defer func() { result <- most }()
				for {
					b, err := receive(c)
					if err != nil {
						return
					}
					most = max(most, b.Len())
					b.Release()
					unio.Sleep(100 * time.Microsecond) // so that the peer is faster
				}
			})
			p := dialNet(t, ln)
			if _, err := p.Write(make([]byte, total)); err != nil {
				t.Fatal(err)
			}
			p.Close()
			return await(t, result, "the handler")
		}
		const small, large = 64 << 10, 256 << 10
		if n := largest((*unio.Conn).Recv); n > large || able && n <= small {
			t.Errorf("Recv gave at most %d bytes, want up to %d", n, large)
		}
		if n := largest(readAndRecv); n > small {
			t.Errorf("a Read has left %d bytes with its connection, want at most %d", n, small)
		}
	})
}
