//go:build !race && !uniodebug

package mem

// debug says whether misuse of handles is tracked: -race or -tags uniodebug.
const debug = false

type (
	handleDebug struct{}
	blockDebug  struct{}
	poolDebug   struct{}
)

// misused reports a method of a handle that was released. Which stack released it is known only in debug
// builds.
func (b *Buf) misused(method string) {
	panic("mem: Buf." + method + " of a released handle" +
		" (build with -tags uniodebug for the stack that released it)")
}

// The rest does nothing and is inlined away. It names the empty fields so that they count as used in both builds.

func (blk *block) track(b *Buf) *Buf       { return b }
func (blk *block) checkMangled()           {}
func (blk *block) mangle()                 { _ = blk.dbg }
func (*blockDebug) join(*blockDebug, bool) {}
func (b *Buf) untrack()                    { _ = b.dbg }
func (p *Pool) takers() []string           { _ = p.dbg; return nil }
