package unio

import (
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// This file is how a task receives much into its own memory and sends it from there, by calls at once (engine.Inline). What goroutines do
// instead is in lentrecv.go and lentsend.go.

// allowance is what a connection may receive or send without its loop in one turn of it, so that others have theirs, however fast
// its peer is.
type allowance struct {
	turn  uint64
	bytes int
}

// left is how many bytes it has left. The last of them may be few.
func (a *allowance) left(l *loop.Loop) int {
	if t := l.Turns(); t != a.turn {
		a.turn, a.bytes = t, 0
	}
	return max(engine.BulkBytes-a.bytes, 0)
}

// now is how many bytes it has had in this turn.
func (a *allowance) now(l *loop.Loop) int { return engine.BulkBytes - a.left(l) }

// recvInto receives into p what is there, if that is much. 0: a receive by way of the loop is to follow.
func (c *Conn) recvInto(p []byte) int {
	busy := c.receiving && c.recv.How != engine.RecvReady || c.endHeld
	if busy || c.readErr != nil || c.closing || c.l.Passed(c.readDeadline.Load()) {
		return 0
	}
	most := c.inTurn.left(c.l)
	if most == 0 || !c.recvLease.recall() {
		return 0
	}
	n, err := c.home.inline.RecvInto(c.recv.Desc, p[:min(len(p), most)])
	if err != nil {
		c.recvEnded(err)
	}
	c.inTurn.bytes += n
	return n
}

// mayWriteInline reports whether n bytes are worth a send of their own from where they are, and nothing stands before them.
func (c *Conn) mayWriteInline(n int) bool {
	return n >= engine.LargeBytes && c.home.inline != nil && c.queued == 0 && !c.sending && c.outTurn.left(c.l) > 0 && c.streams(n)
}

// streams reports whether n bytes are likely to be more than a message, or part of something that is. The rest of a message would go in a segment
// of its own: of a response of 16 KiB crypto/tls makes a large record and a small one, which together in one send cost three quarters.
func (c *Conn) streams(n int) bool {
	return n >= aheadBytes || c.outBulk.Much() || c.inTurn.now(c.l) > 0
}

// sendFrom sends what the socket takes of p.
func (c *Conn) sendFrom(p []byte) (n int, err error) {
	p = p[:min(len(p), c.outTurn.left(c.l))]
	n, err = c.home.inline.SendFrom(c.send.Desc, p)
	if err != nil {
		c.failSends(err)
	}
	if n < len(p) {
		c.outBulk.Got(n, true)
	}
	c.outTurn.bytes += n
	return n, err
}
