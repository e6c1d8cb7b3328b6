package lsm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/unio-go/unio/bench/internal/trial"
)

// Slice does the work of a case for d.
func (c *contender) Slice(cs string, d time.Duration, verify bool) (trial.Slice, error) {
	s, err := shapeOf(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	if s.work == workSync {
		return c.syncs(s, d, verify)
	}
	return c.mixed(s, d, verify)
}

// mixed works on the store that there is from the beginning: the one that is kept open where it is only read, a fresh one where
// it is written.
func (c *contender) mixed(s shape, d time.Duration, verify bool) (slice trial.Slice, err error) {
	m, name := mixes[s.work], readingName
	if m.writes() {
		name = writingName
		defer func() { err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, name))) }()
	}
	db := c.reading
	if m.writes() || db == nil {
		if err := link(c.origin, filepath.Join(c.dir, name)); err != nil {
			return trial.Slice{}, err
		}
		if db, err = c.store(name, !m.writes()); err != nil {
			return trial.Slice{}, err
		}
		if m.writes() {
			defer func() { err = errors.Join(err, db.Close()) }()
		} else {
			c.reading = db
		}
	}
	w := &load{db: db, mix: m, verify: verify, keys: c.keys, workers: make([]worker, s.workers)}
	w.next.Store(c.keys)
	for i := range w.workers {
		w.workers[i].rng = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(i)))
	}
	set := recall
	if s.pages == cold {
		set = forget
	}
	if err := set(filepath.Join(c.dir, name)); err != nil {
		return trial.Slice{}, err
	}
	if slice, err = trial.Load(s.workers, d, w.do); err == nil && verify {
		err = w.findInserted()
	}
	return slice, err
}

// load is the work of a slice.
type load struct {
	db      *pebble.DB
	mix     mix
	verify  bool
	keys    uint64
	next    atomic.Uint64 // number of the next record that is inserted
	workers []worker
}

// worker is one of those who do it.
type worker struct {
	rng        *rand.Rand
	key, value []byte
	inserted   []uint64 // where the slice verifies
}

// scanRowsMax bounds a scan of YCSB, whose length "pebble bench ycsb" draws between 1 and 1000; the scan of "pebble bench scan"
// has scanRows.
const (
	scanRowsMax = 1000
	scanRows    = 100
)

// do does one operation.
func (l *load) do(i int) error {
	w := &l.workers[i]
	op, n := 0, w.rng.IntN(100)
	for ; n >= l.mix[op]; op++ {
		n -= l.mix[op]
	}
	switch op {
	case opRead:
		return l.read(w, w.rng.Uint64N(l.keys))
	case opScan:
		return l.scan(w, w.rng.Uint64N(l.keys))
	case opUpdate:
		return l.set(w, w.rng.Uint64N(l.keys))
	}
	n64 := l.next.Add(1) - 1
	if l.verify {
		w.inserted = append(w.inserted, n64)
	}
	return l.set(w, n64)
}

// read looks a record up.
func (l *load) read(w *worker, number uint64) error {
	w.key = appendKey(w.key[:0], number)
	value, closer, err := l.db.Get(w.key)
	if err != nil {
		return fmt.Errorf("record %d: %w", number, err)
	}
	return errors.Join(checkValue(value, number, l.verify), closer.Close())
}

// set writes one, with what it has always had.
func (l *load) set(w *worker, number uint64) error {
	w.key, w.value = appendKey(w.key[:0], number), appendValue(w.value[:0], number)
	return l.db.Set(w.key, w.value, pebble.Sync)
}

// scan reads the records that follow a key.
func (l *load) scan(w *worker, number uint64) error {
	rows := scanRows
	if l.mix != mixes[workScan] {
		rows = w.zipf()
	}
	it, err := l.db.NewIter(nil)
	if err != nil {
		return err
	}
	w.key = appendKey(w.key[:0], number)
	for ok := it.SeekGE(w.key); ok && rows > 0; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = checkValue(value, numberOf(value), l.verify)
		}
		if err != nil {
			return errors.Join(err, it.Close())
		}
		rows--
	}
	return it.Close()
}

// zipf draws the length of a scan: n with a probability of about 1/n.
func (w *worker) zipf() int {
	return int(rand.NewZipf(w.rng, 1.01, 1, scanRowsMax-1).Uint64()) + 1
}

// findInserted looks whether all that was inserted is there.
func (l *load) findInserted() error {
	for i := range l.workers {
		for _, n := range l.workers[i].inserted {
			if err := l.read(&l.workers[0], n); err != nil {
				return fmt.Errorf("after it was acknowledged: %w", err)
			}
		}
	}
	return nil
}

// The records of "pebble bench sync".
const (
	syncRecords  = 5
	syncBytesMin = 60
	syncBytesMax = 80
)

// syncs commits batches to a store that is empty at first. What was acknowledged is looked for afterwards where verify is set.
func (c *contender) syncs(s shape, d time.Duration, verify bool) (slice trial.Slice, err error) {
	db, err := c.store(writingName, false)
	if err != nil {
		return trial.Slice{}, err
	}
	defer func() { err = errors.Join(err, db.Close(), os.RemoveAll(filepath.Join(c.dir, writingName))) }()
	workers := make([]worker, s.workers)
	for i := range workers {
		workers[i].rng = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(i)))
	}
	slice, err = trial.Load(s.workers, d, func(i int) error {
		w, b := &workers[i], db.NewBatch()
		for range syncRecords {
			n := w.rng.Uint32()
			w.key = binary.BigEndian.AppendUint32(w.key[:0], n)
			w.value = appendValue(w.value[:0], uint64(n))
			if err := b.Set(w.key, w.value[:syncBytesMin+w.rng.IntN(syncBytesMax-syncBytesMin)], nil); err != nil {
				return err
			}
			if verify {
				w.inserted = append(w.inserted, uint64(n))
			}
		}
		return errors.Join(b.Commit(pebble.Sync), b.Close())
	})
	if err == nil {
		err = findSynced(db, workers)
	}
	return slice, err
}

// findSynced looks for the records that were acknowledged.
func findSynced(db *pebble.DB, workers []worker) error {
	for i := range workers {
		for _, n := range workers[i].inserted {
			value, closer, err := db.Get(binary.BigEndian.AppendUint32(nil, uint32(n)))
			if err != nil {
				return fmt.Errorf("record %d was acknowledged: %w", n, err)
			}
			if len(value) < syncBytesMin || numberOf(value) != n {
				err = fmt.Errorf("record %d has other bytes than were written", n)
			}
			if err := errors.Join(err, closer.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}
