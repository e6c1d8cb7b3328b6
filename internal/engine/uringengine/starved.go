//go:build linux && !unio_nouring

package uringengine

import (
	"slices"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/uring"
)

// This file is the queue of receives that wait for blocks. Who comes later does not pass who came before: of 200 connections that had
// 64 KiB each on their way to few blocks, some found none fifty times in a row, and half of all receives were for nothing.

// starve puts a descriptor at the end of the queue.
func (e *Engine) starve(d *desc) {
	d.flags |= starved
	e.starved = append(e.starved, d)
}

// hungry reports whether feed has something to do.
func (e *Engine) hungry() bool { return len(e.starved) > 0 && e.blocks.offered > 0 && !e.blocks.gone }

// feed arms the first of the queue, as many as the blocks are likely to have room for. One that found none would have lost its place.
func (e *Engine) feed() {
	n := 0
	for room := e.blocks.room() - e.filled() - e.fed; room > 0 && n < len(e.starved); n++ {
		d := e.starved[n]
		d.flags &^= starved
		if d.recv != nil && !d.has(armed) {
			part := e.blocks.portion(d)
			room -= part
			e.armRecv(d, true)
			e.fed += part // behind it, for a full queue goes to the kernel first
		}
	}
	e.starved = slices.Delete(e.starved, 0, n)
}

// room is how many bytes of the offered blocks are free, as far as the dispatched completions tell.
func (b *blocks) room() (bytes int) {
	for i := range b.all {
		if blk := &b.all[i]; blk.buf != nil {
			bytes += blk.buf.Cap() - blk.at
		}
	}
	return bytes
}

// portion is how much of the blocks a receive for d is likely to take: what the last one took, and more has come meanwhile; or a whole block
// where the kernel gives no parts of them.
func (b *blocks) portion(d *desc) int {
	switch {
	case b.plain():
		return b.blockBytes
	case b.scarce:
		return blockBytesMin
	case d.bulk.Large():
		return max(int(d.got), engine.RecvBytes)
	}
	return engine.LargeBytes
}

// filled is how much of that is in completions that were not dispatched yet.
func (e *Engine) filled() (bytes int) {
	for i, end := e.cqAt, e.ring.CQReady(); i < end; i++ {
		switch c := e.ring.CQE(i); {
		case c.Flags&uring.CqeFBuffer == 0:
		case e.blocks.plain():
			bytes += e.blocks.blockBytes
		default:
			bytes += int(max(c.Res, 0))
		}
	}
	return bytes
}
