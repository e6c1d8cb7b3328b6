package unio_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// panicOf is what fn panics with.
func panicOf(fn func()) (r any) {
	defer func() { r = recover() }()
	fn()
	return nil
}

// TestSendOfOneBufferTwicePanicsInTheCaller: it was a panic of the loop, and the end of the process.
func TestSendOfOneBufferTwicePanicsInTheCaller(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			a, b := text(t, rt, "a"), text(t, rt, "b")
			many := []*mem.Buf{b}
			for range 100 {
				many = append(many, a.Ref())
			}
			for what, bufs := range map[string][]*mem.Buf{"two": {a, b, a}, "many": append(many, b)} {
				if panicOf(func() { c.Send(bufs...) }) == nil {
					t.Errorf("%s buffers, one of them twice: no panic", what)
				}
			}
			// Nothing was taken over, and the connection works on.
			if err := c.Send(append(many, a, b.Ref())...); err != nil {
				t.Error(err)
			}
			want := "b" + strings.Repeat("a", 101) + "b"
			got := make([]byte, len(want))
			unio.Offload(func() { io.ReadFull(peer, got) })
			if string(got) != want {
				t.Errorf("the peer got %q", got)
			}
		})
		uniotest.Idle(t, rt)
	})
}

// TestReleaseAfterSendPanicsWhereItIsMade, in debug builds.
func TestReleaseAfterSendPanicsWhereItIsMade(t *testing.T) {
	if !unio.KnowsOwners {
		return // such a build cannot tell
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			b := text(t, rt, "abc")
			if err := c.Send(b); err != nil {
				t.Error(err)
			}
			if panicOf(b.Release) == nil {
				t.Error("a second release did not panic")
			}
			got := make([]byte, 3)
			unio.Offload(func() { io.ReadFull(peer, got) })
			if string(got) != "abc" {
				t.Errorf("the peer got %q", got)
			}
		})
	})
}
