package cluster

import "sync"

// awaiting is who waits for the first server of a cluster.
type awaiting struct {
	mu  sync.Mutex // held for a look at the list
	fns []func()
}

// Await has fn called once, in the background, when Pick may find a server although it has found none: names are being looked
// up for the first time. It reports false, and fn is not called, where there is nothing to wait for, or not any more. It
// is no part of what runs for each request, and takes a lock that others hold for a moment only.
func (p *Picker) Await(fn func()) bool {
	a := &p.c.awaiting
	a.mu.Lock()
	defer a.mu.Unlock()
	if !p.c.view.Load().awaited {
		return false
	}
	a.fns = append(a.fns, fn)
	return true
}

// show lets the loops see a view, and those who have waited for it go on.
func (c *Cluster) show(v *view) {
	c.view.Store(v)
	if v.awaited {
		return
	}
	a := &c.awaiting
	a.mu.Lock()
	fns := a.fns
	a.fns = nil
	a.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}
