package wal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/bench/internal/trial"
)

// cursor gives each record its place.
type cursor struct{ next atomic.Int64 }

// take is the next place. A preallocated file is written from the start again when it is full.
func (c *cursor) take(s shape) int64 {
	off := c.next.Add(recordBytes) - recordBytes
	if s.preallocated {
		off %= preallocatedBytes
	}
	return off
}

// own is each writer on its own.
type own struct {
	dir   string
	write func(f *os.File, fd int, p []byte, off int64) error
}

func startOwn(dir string, write func(*os.File, int, []byte, int64) error) (trial.Program, error) {
	return &own{dir: dir, write: write}, preallocate(filepath.Join(dir, "preallocated"))
}

// writeAndSync is what a program with package os does, but for fdatasync, which package os does not have.
func writeAndSync(f *os.File, fd int, p []byte, off int64) error {
	if _, err := f.WriteAt(p, off); err != nil {
		return err
	}
	return syscall.Fdatasync(fd)
}

// writeDsync writes and syncs by one call.
func writeDsync(_ *os.File, fd int, p []byte, off int64) error {
	n, err := unix.Pwritev2(fd, [][]byte{p}, off, unix.RWF_DSYNC)
	if err == nil && n != len(p) {
		err = fmt.Errorf("%d bytes of %d were written", n, len(p))
	}
	return err
}

func (o *own) Slice(cs string, d time.Duration, _ bool) (trial.Slice, error) {
	s, err := shapeOf(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	name, flag := filepath.Join(o.dir, "preallocated"), os.O_RDWR
	if !s.preallocated {
		name, flag = filepath.Join(o.dir, "growing"), os.O_RDWR|os.O_CREATE|os.O_TRUNC
	}
	f, err := os.OpenFile(name, flag, 0o644)
	if err != nil {
		return trial.Slice{}, err
	}
	defer f.Close()
	fd := int(f.Fd())
	var next cursor
	p := record()
	return trial.Load(s.writers, d, func(int) error { return o.write(f, fd, p, next.take(s)) })
}

func (o *own) Close() error { return nil }
