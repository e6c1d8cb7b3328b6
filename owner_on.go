//go:build race || uniodebug

package unio

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

// owner is who waits for an operation: the stack of the last who began to, while he waits.
type owner struct{ stack atomic.Pointer[[]uintptr] }

// ownerFrames is how much of a stack is kept.
const ownerFrames = 32

// note is called by whoever is about to wait.
func (o *owner) note() {
	pcs := make([]uintptr, ownerFrames)
	pcs = pcs[:runtime.Callers(2, pcs)]
	o.stack.Store(&pcs)
}

// gone is called by whoever has waited.
func (o *owner) gone() { o.stack.Store(nil) }

// String is the stack, as a panic shows it.
func (o *owner) String() string {
	pcs := o.stack.Load()
	if pcs == nil {
		return ""
	}
	var s strings.Builder
	frames := runtime.CallersFrames(*pcs)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&s, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return s.String()
		}
	}
}

// debugBuild is whether misuse is to be found rather than to be cheap.
const debugBuild = true
