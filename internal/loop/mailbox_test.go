package loop

import (
	"sync"
	"sync/atomic"
	"testing"
)

// letter says who sent it and as which of his.
type letter struct {
	Node
	sender, number int
}

func (*letter) Deliver(*Loop) {}

func TestMailOfOneSenderArrivesInOrderAndOnce(t *testing.T) {
	const senders, each = 4, 20_000
	var box mailbox
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				l := &letter{sender: s, number: i}
				l.Mail = l
				if !box.push(&l.Node) {
					t.Error("refused")
				}
			}
		})
	}
	var next [senders]int
	for got := 0; got < senders*each; {
		for n := box.take(); n != nil; n = n.next {
			l := n.Mail.(*letter)
			if l.number != next[l.sender] {
				t.Fatalf("sender %d: letter %d, want %d", l.sender, l.number, next[l.sender])
			}
			next[l.sender]++
			got++
		}
	}
	wg.Wait()
	if !box.empty() || box.take() != nil {
		t.Error("something is left")
	}
}

// Each letter that was not refused is taken, at the latest by close.
func TestClosedMailboxRefusesAndLosesNothing(t *testing.T) {
	const senders, each = 4, 2000
	for range 20 {
		var box mailbox
		var wg sync.WaitGroup
		var sent atomic.Int64
		for range senders {
			wg.Go(func() {
				for range each {
					l := &letter{}
					l.Mail = l
					if !box.push(&l.Node) {
						return
					}
					sent.Add(1)
				}
			})
		}
		var got int64
		count := func(n *Node) {
			for ; n != nil; n = n.next {
				got++
			}
		}
		for got < senders*each/2 && sent.Load() < senders*each/2 {
			count(box.take())
		}
		count(box.close())
		wg.Wait()
		if got != sent.Load() {
			t.Fatalf("%d sent, %d arrived", sent.Load(), got)
		}
		if box.push(&(&letter{}).Node) {
			t.Error("a closed mailbox took a letter")
		}
	}
}
