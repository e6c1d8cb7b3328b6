package pebblevfs_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/unio-go/unio/adapter/pebblevfs"
	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
)

// seedsDefault is how many seeds the gate plays; the environment variable UNIO_SEEDS says another number, and UNIO_SEED with
// which to begin. seedsMax is after how many of them a planted defect must have been found.
const (
	seedsDefault = 150
	seedsMax     = 300
)

// number is what an environment variable says, or def.
func number(t *testing.T, variable string, def int) int {
	t.Helper()
	said := os.Getenv(variable)
	if said == "" {
		return def
	}
	n, err := strconv.Atoi(said)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number", variable, said)
	}
	return n
}

// Pebble, writing with Sync, loses no write that it has acknowledged, at whichever moment power is lost, also while it
// recovers from the time before.
func TestCrashesLoseNothing(t *testing.T) {
	first, seeds := uint64(number(t, "UNIO_SEED", 1)), number(t, "UNIO_SEEDS", seedsDefault)
	for seed := first; seed < first+uint64(seeds); seed++ {
		if err := playCrashes(seed, nil); err != nil {
			t.Fatalf("%v\nUNIO_SEED=%d UNIO_SEEDS=1 go test -run TestCrashesLoseNothing ./adapter/pebblevfs", err, seed)
		}
	}
}

// The crashes find what is planted, or they would find nothing.
func TestCrashesFindDefects(t *testing.T) {
	for what, sync := range planted {
		t.Run(what, func(t *testing.T) {
			for seed := uint64(1); seed <= seedsMax; seed++ {
				if err := playCrashes(seed, sync); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Errorf("not found in %d seeds", seedsMax)
		})
	}
}

// playCrashes writes, crashes and recovers a few times, as the seed draws it.
func playCrashes(seed uint64, sync func(*hookedFile) error) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	g := &game{seed: seed, fsys: memfs.New(), sync: sync}
	for range 1 + rng.IntN(3) {
		if err := g.play(rng.Uint64(), 1+rng.Int64N(250), 5+rng.IntN(40)); err != nil {
			return err
		}
		if err := g.recover(); err != nil {
			return err
		}
	}
	return nil
}

// writers write beside each other, each its own keys.
const writers = 2

// game is a database and what is known of it.
type game struct {
	seed  uint64
	fsys  *memfs.FS
	sync  func(*hookedFile) error
	acked [writers]atomic.Int64 // batches that are durable as far as their writer was told
	tried [writers]atomic.Int64 // batches that were begun

	changes atomic.Int64
	crash   sync.Once
	ended   atomic.Bool
	// What there is after the crash: the batches that must be there, and those that may.
	after       *memfs.FS
	least, most [writers]int64
}

// play writes until power is lost: before the change of a number, or when all is written and closed.
func (g *game) play(fate uint64, at int64, batches int) error {
	g.changes.Store(0)
	g.crash, g.after = sync.Once{}, nil
	g.ended.Store(false)
	db, err := open(&hooked{FS: g.fsys, sync: g.sync, changing: func() {
		if g.changes.Add(1) == at {
			g.crashNow(fate)
		}
	}})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	errs := make(chan error, writers)
	for w := range writers {
		go func() { errs <- g.write(db, w, batches) }()
	}
	for range writers {
		if e := <-errs; err == nil {
			err = e
		}
	}
	if e := db.Close(); err == nil {
		err = e
	}
	g.crashNow(fate)
	return err
}

// crashNow takes what there would be if power were lost now. What was acknowledged is looked at before, what was begun
// behind it.
func (g *game) crashNow(fate uint64) {
	g.crash.Do(func() {
		for w := range writers {
			g.least[w] = g.acked[w].Load()
		}
		g.after = g.fsys.CrashInOrder(fate)
		for w := range writers {
			g.most[w] = g.tried[w].Load()
		}
		g.ended.Store(true)
	})
}

// write commits batches, and now and then has the database flush or compact.
func (g *game) write(db *pebble.DB, w, batches int) error {
	for range batches {
		if g.ended.Load() {
			return nil
		}
		n := g.tried[w].Add(1)
		b := db.NewBatch()
		rng := g.batch(w, n, func(key, value []byte) {
			if value == nil {
				_ = b.Delete(key, nil)
			} else {
				_ = b.Set(key, value, nil)
			}
		})
		if err := b.Commit(pebble.Sync); err != nil {
			return err
		}
		g.acked[w].Store(n)
		var err error
		switch rng.IntN(25) {
		case 0:
			err = db.Flush()
		case 1:
			err = db.Compact(context.Background(), []byte("0"), []byte("9"), false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// batch gives the changes of a writer's batch; value nil deletes. The generator goes on where it ends.
func (g *game) batch(w int, n int64, change func(key, value []byte)) *rand.Rand {
	rng := rand.New(rand.NewPCG(g.seed, uint64(n)*writers+uint64(w)))
	for i := range 1 + rng.IntN(3) {
		key := fmt.Appendf(nil, "%d-%d", w, rng.IntN(10))
		if rng.IntN(6) == 0 {
			change(key, nil)
			continue
		}
		size := rng.IntN(200)
		if rng.IntN(8) == 0 {
			size = rng.IntN(8000)
		}
		value := fmt.Appendf(nil, "%d.%d ", n, i)
		for len(value) < size {
			value = append(value, byte(rng.Uint32()))
		}
		change(key, value)
	}
	return rng
}

// recover opens the database after the crash, and looks whether each writer finds all that was acknowledged, and of what was
// not each batch wholly or not at all, in order. The next round goes on from there.
func (g *game) recover() error {
	g.fsys = g.after
	db, err := open(g.fsys.Durable()) // a copy: what is durable is everything
	if err != nil {
		return fmt.Errorf("open after the crash: %w", err)
	}
	for w := range writers {
		found, err := g.find(db, w)
		if err != nil {
			db.Close()
			return err
		}
		g.acked[w].Store(found)
		g.tried[w].Store(found)
	}
	return db.Close()
}

// find gives the number of a writer's batches that are there.
func (g *game) find(db *pebble.DB, w int) (int64, error) {
	there := map[string][]byte{}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: fmt.Appendf(nil, "%d", w), UpperBound: fmt.Appendf(nil, "%d", w+1)})
	if err != nil {
		return 0, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		there[string(it.Key())] = bytes.Clone(it.Value())
	}
	if err := it.Close(); err != nil {
		return 0, fmt.Errorf("reading after the crash: %w", err)
	}
	want := map[string][]byte{}
	for n := int64(0); ; n++ {
		if n > 0 {
			g.batch(w, n, func(key, value []byte) {
				if value == nil {
					delete(want, string(key))
				} else {
					want[string(key)] = value
				}
			})
		}
		if n >= g.least[w] && same(there, want) {
			return n, nil
		}
		if n == g.most[w] {
			return 0, fmt.Errorf("writer %d: what is there after the crash is no state between batch %d, the last that was acknowledged, "+
				"and %d, the last that was begun", w, g.least[w], g.most[w])
		}
	}
}

func same(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || !bytes.Equal(v, w) {
			return false
		}
	}
	return true
}

// open opens the database of a file system, small enough in all its parts that these are used up and made anew all the time.
func open(fsys vfs.FS) (*pebble.DB, error) {
	cache := pebble.NewCache(1 << 20)
	defer cache.Unref()
	o := &pebble.Options{
		FS: pebblevfs.New(fsys), Cache: cache, Logger: quiet{}, FormatMajorVersion: pebble.FormatNewest,
		MemTableSize: 32 << 10, L0CompactionThreshold: 2, LBaseMaxBytes: 64 << 10, MaxManifestFileSize: 1 << 10, BytesPerSync: 4 << 10,
	}
	o.TargetFileSizes[0] = 8 << 10
	return pebble.Open("/db", o)
}

// quiet is a logger for Pebble that tells failures only.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(format string, args ...any) { log.Printf(format, args...) }
func (quiet) Fatalf(format string, args ...any) { log.Panicf(format, args...) }
