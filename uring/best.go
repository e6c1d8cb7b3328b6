//go:build linux

package uring

import "golang.org/x/sys/unix"

// setupDropOrder is the order in which NewBest drops flags: the newest first, and with each the flags that
// need it.
var setupDropOrder = []uint32{
	SetupSqeMixed,
	SetupCqeMixed,
	SetupHybridIopoll,
	SetupNoSqarray,
	SetupRegisteredFdOnly,
	SetupNoMmap | SetupRegisteredFdOnly,
	SetupDeferTaskrun,
	SetupSingleIssuer | SetupDeferTaskrun,
	SetupTaskrunFlag,
	SetupCoopTaskrun | SetupTaskrunFlag,
	SetupSubmitAll,
	SetupRDisabled,
	SetupAttachWq,
	SetupClamp,
	SetupCqsize,
}

// NewBest makes a ring with as many of the flags of p as the kernel takes: on EINVAL it leaves the newest
// flag out and tries again. Flags that change what entries look like or who submits (SetupSqe128,
// SetupCqe32, SetupIopoll, SetupSqpoll) are never dropped, nor are those of must. dropped holds the flags
// that the ring lacks; after success p.Flags are those that it has. Any other error ends the attempt.
func NewBest(entries uint32, p *Params, must uint32) (r *Ring, dropped uint32, err error) {
	if p == nil {
		p = &Params{}
	}
	want := p.Flags
	next := *p
	r, err = New(entries, &next)
	for i := 0; isInvalid(err) && i < len(setupDropOrder); i++ {
		drop := setupDropOrder[i] & next.Flags
		if drop == 0 || drop&must != 0 {
			continue
		}
		next.Flags &^= drop
		if drop&SetupCqsize != 0 {
			next.CQEntries = 0
		}
		r, err = New(entries, &next)
	}
	if err != nil {
		return nil, 0, err
	}
	*p = next
	return r, want &^ next.Flags, nil
}

func isInvalid(err error) bool {
	e, ok := err.(*Error)
	return ok && e.Op == "setup" && e.Errno == unix.EINVAL
}
