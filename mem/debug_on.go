//go:build race || uniodebug

package mem

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// debug says whether misuse of handles is tracked: -race or -tags uniodebug.
const debug = true

// mangled is what released memory is filled with, a page at a time.
var mangled = bytes.Repeat([]byte{0xCC}, PageBytes)

// callers is a call stack, made readable only when somebody asks.
type callers [24]uintptr

// here is the stack of whoever called the package. String leaves out the package's own frames at its top.
func here() (c callers) {
	runtime.Callers(3, c[:])
	return c
}

func (c *callers) String() string {
	n := slices.Index(c[:], 0)
	if n < 0 {
		n = len(c)
	}
	if n == 0 {
		return "\t(none)\n"
	}
	var s strings.Builder
	frames := runtime.CallersFrames(c[:n])
	for inside := true; ; {
		f, more := frames.Next()
		if inside = inside && strings.Contains(f.Function, "/mem.(*"); inside && more {
			continue
		}
		fmt.Fprintf(&s, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return s.String()
		}
	}
}

// handleDebug is a handle's history.
type handleDebug struct {
	took, released callers
}

// blockDebug is a block's last release, and whether its memory was overwritten then.
type blockDebug struct {
	released callers
	mangled  bool
}

// poolDebug knows the handles that are out.
type poolDebug struct {
	mu  sync.Mutex
	out map[*Buf]struct{}
}

// misused reports a method of a handle that was released.
func (b *Buf) misused(method string) {
	now := here()
	panic(fmt.Sprintf("mem: Buf.%s of a released handle\nreleased by:\n%smisused by:\n%staken by:\n%s",
		method, &b.dbg.released, &now, &b.dbg.took))
}

// track enters a new handle.
func (blk *block) track(b *Buf) *Buf {
	b.dbg.took = here()
	d := &blk.pool.dbg
	d.mu.Lock()
	if d.out == nil {
		d.out = make(map[*Buf]struct{})
	}
	d.out[b] = struct{}{}
	d.mu.Unlock()
	return b
}

// untrack is the release of a handle. Of two goroutines that release the same one, the second finds it gone.
func (b *Buf) untrack() {
	now := here()
	d := &b.blk.pool.dbg
	d.mu.Lock()
	_, ok := d.out[b]
	if ok {
		delete(d.out, b)
		b.dbg.released = now
	}
	d.mu.Unlock()
	if !ok {
		b.misused("Release")
	}
}

// join adds what is known of one more of the blocks that a new one is made of.
func (d *blockDebug) join(part *blockDebug, first bool) {
	both := part.mangled && (first || d.mangled)
	*d = *part
	d.mangled = both
}

// mangle overwrites the memory of a block without handles, so that who still reads it sees that it is not
// his.
func (blk *block) mangle() {
	for m := blk.mem; len(m) > 0; m = m[PageBytes:] {
		copy(m, mangled)
	}
	blk.dbg.released, blk.dbg.mangled = here(), true
}

// checkMangled panics when somebody, the kernel included, wrote to memory that had no handles.
func (blk *block) checkMangled() {
	if !blk.dbg.mangled {
		return
	}
	for m := blk.mem; len(m) > 0; m = m[PageBytes:] {
		if !bytes.Equal(m[:PageBytes], mangled) {
			panic(fmt.Sprintf("mem: memory was written to after its release\nreleased by:\n%s",
				&blk.dbg.released))
		}
	}
}

// takers is the stack that took each handle that is out.
func (p *Pool) takers() []string {
	p.dbg.mu.Lock()
	defer p.dbg.mu.Unlock()
	var s []string
	for b := range p.dbg.out {
		s = append(s, fmt.Sprintf("%d bytes taken by:\n%s", b.n, &b.dbg.took))
	}
	slices.Sort(s)
	return s
}
