package loop

import "sync/atomic"

// Mail is what a Loop receives from outside. Deliver runs on the loop, once.
type Mail interface{ Deliver(*Loop) }

// Node carries one mail. It is part of the thing that is sent, so that sending allocates nothing, and may be used again
// when its mail has been delivered.
type Node struct {
	next *Node
	Mail Mail
}

// mailbox is a list that anybody may put on and one takes off: a stack that the taker turns round, so that the mail of
// one sender arrives in the order in which it was sent.
type mailbox struct {
	head atomic.Pointer[Node]
}

// closedBox as head says that the loop is gone and takes no mail.
var closedBox = new(Node)

func (m *mailbox) push(n *Node) bool {
	for {
		old := m.head.Load()
		if old == closedBox {
			return false
		}
		n.next = old
		if m.head.CompareAndSwap(old, n) {
			return true
		}
	}
}

func (m *mailbox) empty() bool { return m.head.Load() == nil }

// take removes everything and returns it oldest first.
func (m *mailbox) take() *Node {
	if m.head.Load() == nil {
		return nil
	}
	return reverse(m.head.Swap(nil))
}

// close refuses mail from now on and returns what was left.
func (m *mailbox) close() *Node { return reverse(m.head.Swap(closedBox)) }

func reverse(n *Node) (out *Node) {
	for n != nil && n != closedBox {
		next := n.next
		n.next = out
		out, n = n, next
	}
	return out
}
