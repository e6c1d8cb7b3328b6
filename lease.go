package unio

import (
	"runtime"
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
)

// lease is the right of goroutines to receive from a socket, or to send, by calls of their own. By way of the loop much costs copies and
// switches. The loop has it at first, lends it where it is of use, and takes it back before it receives or sends itself and before it
// closes the descriptor. A call under a lease does not wait for anything, so one that is being made is soon over.
type lease struct{ state atomic.Uint32 }

const (
	leaseHome   uint32 = iota // the loop has it
	leaseOut                  // it is lent, and nobody uses it at the moment
	leaseUsed                 // a goroutine makes a call
	leaseWanted               // the same, and the loop waits for it: it is told by mail
	leaseTold                 // nobody makes a call any more, and what ends it is on its way to the loop
)

// A lease pays where a call moves so many bytes; leasePatience is how many may move less before it counts as of no use.
const (
	leaseBytes    = 2 * engine.LargeBytes
	leasePatience = 4
)

// take is for somebody outside who wants to make a call, and put follows it.
func (k *lease) take() bool { return k.state.CompareAndSwap(leaseOut, leaseUsed) }

// put gives it back after a call. True: the loop has it now and is to be told.
func (k *lease) put() (wanted bool) {
	if k.state.CompareAndSwap(leaseUsed, leaseOut) {
		return false
	}
	k.state.Store(leaseHome)
	return true
}

// lend is for the loop, which has the lease: whoever comes may take it.
func (k *lease) lend() { k.state.Store(leaseOut) }

// lendTo is lend to one who is told of it and has taken it.
func (k *lease) lendTo() { k.state.Store(leaseUsed) }

// tell is instead of put: the caller makes no call any more, and sends the loop word, on which it ends the lease. The loop does what needs
// the lease only after that.
func (k *lease) tell() { k.state.Store(leaseTold) }

// end is for the loop, when that word has come.
func (k *lease) end() { k.state.Store(leaseHome) }

// recall is for the loop, and reports whether it has the lease now.
func (k *lease) recall() bool {
	for {
		switch k.state.Load() {
		case leaseHome:
			return true
		case leaseOut:
			if k.state.CompareAndSwap(leaseOut, leaseHome) {
				return true
			}
		case leaseUsed:
			if k.state.CompareAndSwap(leaseUsed, leaseWanted) {
				return false
			}
		default:
			return false
		}
	}
}

// force is recall for a loop that ends and reads no mail any more.
func (k *lease) force() {
	for !k.recall() && !k.state.CompareAndSwap(leaseTold, leaseHome) {
		runtime.Gosched()
	}
}
