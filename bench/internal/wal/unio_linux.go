package wal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/trial"
)

// appender is unio.File.Append.
type appender struct {
	rt   *unio.Runtime
	dir  string
	disk host.Disk
}

func startUnio(engine unio.Engine, dir string) (trial.Program, error) {
	if err := preallocate(filepath.Join(dir, "preallocated")); err != nil {
		return nil, err
	}
	rt, err := unio.New(&unio.Options{Engine: engine})
	if err != nil {
		return nil, err
	}
	return &appender{rt, dir, host.DiskOf(dir)}, nil
}

func (a *appender) Slice(cs string, d time.Duration, verify bool) (trial.Slice, error) {
	s, err := shapeOf(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	f, err := a.open(s)
	if err != nil {
		return trial.Slice{}, err
	}
	before := a.rt.Stats().Files
	var slice trial.Slice
	if verify {
		slice, err = a.verified(f, s, d)
	} else {
		p := record()
		slice, err = trial.Load(s.writers, d, func(int) error {
			_, err := f.Append(context.Background(), p, unio.Durable)
			return err
		})
	}
	after := a.rt.Stats().Files
	if err = errors.Join(err, f.Close()); err != nil {
		return trial.Slice{}, err
	}
	if got := after.Appends - before.Appends; got != uint64(slice.Ops) {
		return trial.Slice{}, fmt.Errorf("%d records were acknowledged, and %d are counted", slice.Ops, got)
	}
	slice.Values[unitRecords] = float64(slice.Ops) / float64(after.Syncs-before.Syncs)
	return slice, nil
}

// open opens the file of a case, whose records begin at its start.
func (a *appender) open(s shape) (*unio.File, error) {
	if !s.preallocated {
		return a.rt.OpenFile(filepath.Join(a.dir, "growing"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644, nil)
	}
	f, err := a.rt.OpenFile(filepath.Join(a.dir, "preallocated"), os.O_RDWR, 0, nil)
	if err != nil {
		return nil, err
	}
	if err := f.AppendFrom(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// verified appends records that differ, and looks whether each acknowledgement came after a sync that had not been completed
// when the call began, whether the device has flushed its cache as often as syncs are counted, and whether each record is where
// it is said to be.
func (a *appender) verified(f *unio.File, s shape, d time.Duration) (trial.Slice, error) {
	records := make([]map[int64]uint64, s.writers) // number by offset
	for i := range records {
		records[i] = map[int64]uint64{}
	}
	var numbers atomic.Uint64
	syncs := a.rt.Stats().Files.Syncs
	flushes, counts := a.disk.Flushes()
	slice, err := trial.Load(s.writers, d, func(worker int) error {
		p, number := record(), numbers.Add(1)
		binary.LittleEndian.PutUint64(p, number)
		before := a.rt.Stats().Files.Syncs
		off, err := f.Append(context.Background(), p, unio.Durable)
		if err != nil {
			return err
		}
		if after := a.rt.Stats().Files.Syncs; after == before {
			return fmt.Errorf("the record at %d was acknowledged, and no sync has completed since it was appended", off)
		}
		records[worker][off] = number
		return nil
	})
	if err != nil {
		return trial.Slice{}, err
	}
	syncs = a.rt.Stats().Files.Syncs - syncs
	if now, _ := a.disk.Flushes(); counts && now-flushes < syncs {
		return trial.Slice{}, fmt.Errorf("%d syncs are counted, and the device has flushed its cache %d times", syncs, now-flushes)
	}
	return slice, readBack(f, records, slice.Ops)
}

// readBack compares each record with what is in the file. Together they fill it from the start, without a gap.
func readBack(f *unio.File, records []map[int64]uint64, n int) error {
	found, p, want := 0, make([]byte, recordBytes), record()
	for _, mine := range records {
		for off, number := range mine {
			if _, err := f.ReadAt(p, off); err != nil {
				return err
			}
			binary.LittleEndian.PutUint64(want, number)
			if string(p) != string(want) || off%recordBytes != 0 || off >= int64(n)*recordBytes {
				return fmt.Errorf("of %d records, number %d is not at %d as it was acknowledged", n, number, off)
			}
			found++
		}
	}
	if found != n {
		return fmt.Errorf("%d records were acknowledged, at %d offsets", n, found)
	}
	return nil
}

func (a *appender) Close() error { return a.rt.Close() }
