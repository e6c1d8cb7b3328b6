package enginetest

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func wakeEndsWait(r *rig) {
	for i := range 200 {
		r.e.Wake() // before
		if i%2 == 0 {
			r.e.Wake()
			r.poll() // which is no Wait
		}
		r.wait("a wake before it")
		woken := beside(func() error { // while
			if i%20 == 0 {
				time.Sleep(2 * time.Millisecond)
			}
			r.e.Wake()
			return nil
		})
		r.wait("a wake from a goroutine")
		<-woken
	}
}

// wait is a Wait without a limit, which must end.
func (r *rig) wait(why string) {
	r.Helper()
	hung := time.AfterFunc(patience, func() { panic("Wait was not ended by " + why) })
	defer hung.Stop()
	r.turn(-1)
}

// Each goroutine counts and wakes; the loop looks at the count only after a Wait. Were a wake lost, it
// would sleep for good with something to do.
func wakesAreNotLost(r *rig) {
	const wakers, rounds = 4, 5000
	var posted atomic.Int64
	var group sync.WaitGroup
	for range wakers {
		group.Go(func() {
			for i := range rounds {
				posted.Add(1)
				r.e.Wake()
				if i%16 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	for posted.Load() < wakers*rounds {
		seen := posted.Load()
		if seen < wakers*rounds {
			r.wait("a storm of wakes")
		}
	}
	group.Wait()
}

func waitEndsInTime(r *rig) {
	const limit = 20 * time.Millisecond
	for range 3 {
		r.turn(time.Millisecond) // what is left from before
	}
	early := 0
	for range 10 {
		start := time.Now()
		r.turn(limit)
		took := time.Since(start)
		if took > patience/2 {
			r.Errorf("Wait(%v) took %v", limit, took)
		}
		if took < limit-time.Millisecond {
			early++
		}
	}
	if early > 5 {
		r.Errorf("%d of 10 waits ended early with nothing to do", early)
	}
	start := time.Now()
	r.turn(0)
	if took := time.Since(start); took > time.Second {
		r.Errorf("Wait(0) took %v", took)
	}
}

func collectionsDoNotDisturb(r *rig) {
	r.disturbedEcho(func() { runtime.GC() })
}

func signalsDoNotDisturb(r *rig) {
	r.disturbedEcho(func() {
		signalSelf()
		time.Sleep(50 * time.Microsecond)
	})
}

// disturbedEcho echoes while a goroutine does something again and again.
func (r *rig) disturbedEcho(disturb func()) {
	r.Helper()
	stop := make(chan struct{})
	stopped := beside(func() error {
		for {
			select {
			case <-stop:
				return nil
			default:
				disturb()
			}
		}
	})
	defer func() {
		close(stop)
		<-stopped
	}()
	d, p := r.pair()
	echoed := beside(func() error { return echoPeer(p, 4<<20, 11) })
	r.serveEcho(d)
	r.join("echo", echoed)
	r.closeDesc(d)
}
