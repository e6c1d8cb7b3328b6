package wal

import (
	"encoding/binary"
	"io"
	"log"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/bbolt"

	"github.com/unio-go/unio/bench/internal/trial"
)

// keyBytes is the part of a record that is its key in a database: its number.
const keyBytes = 8

// database is one that has a commit of its own. put is durable when it returns.
type database struct {
	io.Closer
	put func(key, value []byte) error
	n   atomic.Uint64 // records
}

func (d *database) Slice(cs string, limit time.Duration, _ bool) (trial.Slice, error) {
	s, err := shapeOf(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	value := record()[keyBytes:]
	return trial.Load(s.writers, limit, func(int) error {
		var key [keyBytes]byte
		binary.BigEndian.PutUint64(key[:], d.n.Add(1))
		return d.put(key[:], value)
	})
}

// startBolt opens a bbolt database with its default options. batch has it gather the writes of several goroutines, for at
// most its default of 10 ms.
func startBolt(dir string, batch bool) (trial.Program, error) {
	db, err := bbolt.Open(filepath.Join(dir, "bolt"), 0o644, nil)
	if err != nil {
		return nil, err
	}
	bucket := []byte("records")
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bucket)
		return err
	})
	if err != nil {
		return nil, err
	}
	commit := db.Update
	if batch {
		commit = db.Batch
	}
	return &database{Closer: db, put: func(key, value []byte) error {
		return commit(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(key, value) })
	}}, nil
}

// startPebble opens a Pebble database with its default options, and silences what it tells.
func startPebble(dir string) (trial.Program, error) {
	db, err := pebble.Open(filepath.Join(dir, "pebble"), &pebble.Options{Logger: silent{}})
	if err != nil {
		return nil, err
	}
	return &database{Closer: db, put: func(key, value []byte) error { return db.Set(key, value, pebble.Sync) }}, nil
}

// silent is a logger for Pebble that tells failures only.
type silent struct{}

func (silent) Infof(string, ...any)              {}
func (silent) Errorf(format string, args ...any) { log.Printf(format, args...) }
func (silent) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
