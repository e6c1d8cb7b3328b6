package unio_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// BenchmarkMapCached is 4 KiB that are in memory: asked for, copied, and looked at where they are.
func BenchmarkMapCached(b *testing.B) {
	const size = 64 << 20
	name := filepath.Join(b.TempDir(), "a")
	if err := os.WriteFile(name, make([]byte, size), 0o644); err != nil {
		b.Fatal(err)
	}
	off := func() int64 { return rand.Int64N(size/4096) * 4096 }
	for _, e := range uniotest.Engines() {
		rt, m := mapOf(b, e, name)
		if rt == nil {
			continue
		}
		p := make([]byte, 4096)
		for _, c := range []struct {
			name string
			call func() error
		}{
			{"Populate", func() error { return m.Populate(background, off(), 4096) }},
			{"Populate64K", func() error { return m.Populate(background, min(off(), size-65536), 65536) }},
			{"ReadAt", func() error { _, err := m.ReadAt(p, off()); return err }},
			{"View", func() error {
				return m.View(background, off(), 4096, func(q []byte) error { copy(p, q); return nil })
			}},
		} {
			b.Run(string(e)+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := c.call(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// mapOf maps a file of that name, read in no order; nil where there is no such engine.
func mapOf(b *testing.B, e unio.Engine, name string) (*unio.Runtime, *unio.Mapping) {
	rt, err := unio.New(&unio.Options{Engine: e, Loops: 1})
	if err != nil {
		b.Logf("lacks: the engine %s: %v", e, err)
		return nil, nil
	}
	b.Cleanup(func() { rt.Close() })
	f, err := rt.OpenFile(name, os.O_RDONLY, 0, &unio.FileOptions{Random: true})
	if err != nil {
		b.Fatal(err)
	}
	m, err := rt.Map(f)
	if err != nil {
		b.Fatal(err)
	}
	return rt, m
}

// BenchmarkMapBesideComputing shows what cold reads of a mapping by many goroutines leave to one that computes, on one P: as a
// share of what it does alone, by touching the mapping, and by Populate on each engine before. All take turns in each round.
//
//	go test -run '^$' -bench MapBesideComputing -benchtime 1x .
func BenchmarkMapBesideComputing(b *testing.B) {
	const size, readers, rounds, slice = 512 << 20, 32, 7, 200 * time.Millisecond
	name := filepath.Join(b.TempDir(), "a")
	if err := writeSynced(name, size); err != nil {
		b.Fatal(err)
	}
	ways := []*besideWay{{name: "alone"}, {name: "touch"}}
	for _, e := range uniotest.Engines() {
		if rt, m := mapOf(b, e, name); rt != nil {
			ways = append(ways, &besideWay{name: "Populate/" + string(e), m: m,
				populate: func(off int64) error { return m.Populate(background, off, 4096) }})
		}
	}
	if len(ways) == 2 {
		b.Skip("lacks: an engine")
	}
	ways[1].m = ways[2].m
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for b.Loop() {
		for range rounds {
			for _, w := range ways {
				for _, other := range ways {
					if other.m != nil {
						dropMapping(b, other.m)
					}
				}
				if err := w.run(readers, slice); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	var table strings.Builder
	for _, w := range ways {
		share, reads := w.medians(ways[0])
		fmt.Fprintf(&table, "\n%-16s computes %.3f of its rate alone (%.3f to %.3f), %8.0f reads/s", w.name, share[1], share[0], share[2], reads)
		b.ReportMetric(share[1], w.name+"-of-alone")
	}
	b.Log(table.String())
}

// besideWay is one way to read, and what was measured: by round.
type besideWay struct {
	name     string
	m        *unio.Mapping
	populate func(off int64) error
	turns    []float64 // per second, of the goroutine that computes
	reads    []float64 // per second
}

// run reads for a while.
func (w *besideWay) run(readers int, slice time.Duration) error {
	var stop atomic.Bool
	var reads atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range readers {
		if w.m == nil {
			break
		}
		all.Go(func() {
			for !stop.Load() {
				if err := w.read(rand.Int64N(w.m.Size()/4096) * 4096); err != nil {
					failed.Store(&err)
					return
				}
				reads.Add(1)
			}
		})
	}
	turns, began := 0, time.Now()
	for x := uint64(1); time.Since(began) < slice; turns++ {
		for range 1000 {
			x = x*6364136223846793005 + 1
		}
		runtime.KeepAlive(x)
	}
	took, n := time.Since(began).Seconds(), reads.Load()
	stop.Store(true)
	all.Wait()
	w.turns, w.reads = append(w.turns, float64(turns)/took), append(w.reads, float64(n)/took)
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

var touched atomic.Uint32

func (w *besideWay) read(off int64) error {
	if w.populate != nil {
		if err := w.populate(off); err != nil {
			return err
		}
	}
	p, err := w.m.Bytes(off, 4096)
	if err == nil {
		touched.Store(uint32(p[0]))
	}
	return err
}

// medians gives the least, the median and the greatest share, round by round, and the median of the reads.
func (w *besideWay) medians(alone *besideWay) (share [3]float64, reads float64) {
	var shares []float64
	for i, n := range w.turns {
		shares = append(shares, n/alone.turns[i])
	}
	slices.Sort(shares)
	sorted := slices.Sorted(slices.Values(w.reads))
	return [3]float64{shares[0], shares[len(shares)/2], shares[len(shares)-1]}, sorted[len(sorted)/2]
}

// writeSynced makes a file of noise whose pages can leave memory.
func writeSynced(name string, size int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for p := noise(1<<20, 1); size > 0; size -= len(p) {
		if _, err := f.Write(p); err != nil {
			return err
		}
	}
	return f.Sync()
}
