package unio_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
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

// TestReleaseAfterWriteBufPanicsWhereItIsMade, and after AppendBuf, in debug builds.
func TestReleaseAfterWriteBufPanicsWhereItIsMade(t *testing.T) {
	if !unio.KnowsOwners {
		return // such a build cannot tell
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		f, err := rt.OpenFile(filepath.Join(t.TempDir(), "f"), os.O_RDWR|os.O_CREATE, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		a, b := text(t, rt, "abc"), text(t, rt, "def")
		if _, err := f.WriteBuf(t.Context(), 0, a); err != nil {
			t.Error(err)
		}
		if _, err := f.AppendBuf(t.Context(), unio.Buffered, b); err != nil {
			t.Error(err)
		}
		if panicOf(a.Release) == nil || panicOf(b.Release) == nil {
			t.Error("a second release did not panic")
		}
	})
}

// TestLeakOfReceivedNamesWhoReceived, in debug builds: the engine has taken the buffer long before.
func TestLeakOfReceivedNamesWhoReceived(t *testing.T) {
	if !unio.KnowsOwners {
		return // such a build cannot tell
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			if _, err := peer.Write([]byte("abc")); err != nil {
				t.Error(err)
			}
			b := receiveAndForget(c)
			took := panicOf(func() { b.Release(); b.Len() })
			if s, _ := took.(string); !strings.Contains(s, "receiveAndForget") {
				t.Errorf("the stack that took it does not have who received: %v", took)
			}
		})
	})
}

//go:noinline
func receiveAndForget(c *unio.Conn) *mem.Buf {
	b, _ := c.Recv()
	return b
}
