package unio

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"github.com/unio-go/unio/internal/loop"
)

// cacheGuess guesses whether the next read of a file will find its data in the page cache. A try that fails costs about
// 1.6 us, and one that succeeds saves more; they are even at a hit rate of one half. Below it, only one read of sixteen
// tries, to notice when that changes, and while such a try succeeds the next read tries as well: a store of hundreds of files
// would read each of them two hundred times before it knew that it is warm.
type cacheGuess struct {
	mean         atomic.Uint32 // of misses, running, of guessScale
	hits, misses atomic.Uint64 // for Stats
}

const (
	guessScale  = 1 << 12
	guessWeight = 16 // of how many tries the mean tells
	guessRarely = 16
)

// worthTrying reports whether the page cache is to be asked.
func (g *cacheGuess) worthTrying() bool {
	return g.mean.Load() < guessScale/2 || rand.Uint32()%guessRarely == 0
}

// hit and miss tell the outcome of a try. Of concurrent changes of the mean one may get lost, which makes it no worse a guess.
func (g *cacheGuess) hit() {
	g.hits.Add(1)
	switch m := g.mean.Load(); {
	case m >= guessScale/2:
		g.mean.Store(guessScale/2 - 1)
	case m >= guessWeight:
		g.mean.Store(m - m/guessWeight)
	}
}

func (g *cacheGuess) miss() {
	g.misses.Add(1)
	m := g.mean.Load()
	g.mean.Store(m + (guessScale-m)/guessWeight)
}

// breatheEvery is after how many reads that did not wait somebody else gets a turn, on average: callers in closed loops
// that never block would starve each other for seconds, and a task would keep its loop. Alone, a goroutine does it less
// often: to give up a P that nobody wants wakes a thread, which cost 17 % of its reads.
const (
	breatheEvery = 32
	breatheAlone = 256
)

// breathe lets others run now and then.
func (rt *Runtime) breathe() {
	random := rand.Uint32()
	if random%breatheEvery != 0 || rt.files.inline {
		return
	}
	t, err := loop.Caller()
	switch {
	case err != nil: // in a coroutine of a task: the task's own calls will do it
	case t != nil:
		t.Wake()
		t.Wait()
	case random%breatheAlone == 0 || rt.files.breathing.Load() > 0:
		rt.files.breathing.Add(1)
		runtime.Gosched()
		rt.files.breathing.Add(-1)
	}
}
