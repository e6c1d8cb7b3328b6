//go:build !race && !uniodebug

package stream_test

import (
	"crypto/tls"
	"testing"

	"github.com/unio-go/unio"
)

// A message that wakes an idle connection, and its answer, allocate nothing of ours. crypto/tls allocates a reader of 24
// bytes for each record that it reads, here on both sides. The engine std is left out: it starts a goroutine for what
// package net would block on.
func TestMessagesAllocateNothing(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		if rt.Report().Engine == unio.Std {
			return
		}
		want := 0.0
		if server != nil {
			want = 2
		}
		c := dialTLS(t, serve(t, rt, server, echoes(t, nil)), client)
		p, got := make([]byte, 128), make([]byte, 128)
		round := func() {
			c.Write(p)
			c.Read(got)
		}
		least := want + 1
		for range 10 { // other goroutines allocate too, now and then
			if least = min(least, testing.AllocsPerRun(100, round)); least <= want {
				return
			}
		}
		t.Errorf("a message allocates %v times, want %v", least, want)
	})
}
