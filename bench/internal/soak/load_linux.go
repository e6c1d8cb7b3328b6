package soak

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// load is the client's side.
type load struct {
	counts
	addrs       []string
	rudePercent int
	largeBytes  int
	think       time.Duration
	spread      time.Duration // over which the first connections are made

	open     atomic.Int64
	done     atomic.Uint64 // conversations
	messages atomic.Uint64 // answers that were what they should be
	wg       sync.WaitGroup
}

// start keeps n connections, each of which is followed by another when it ends, until ctx is done.
func (l *load) start(ctx context.Context, n int, seed uint64) {
	for i := range n {
		l.wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			pause(ctx, upTo(rng, l.spread))
			for ctx.Err() == nil {
				l.run(ctx, rng.Uint64())
			}
		})
	}
}

// wait waits until all conversations have ended.
func (l *load) wait(limit time.Duration) bool {
	done := make(chan struct{})
	go func() { l.wg.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}

// upTo is a random duration of at most d.
func upTo(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(d) + 1))
}
