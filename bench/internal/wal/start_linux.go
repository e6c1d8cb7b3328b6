package wal

import (
	"fmt"
	"os"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/trial"
)

// prepare refuses a file system without a disk, on which a sync costs nothing.
func prepare(dir string) error { return host.NeedDisk(dir, "becomes durable", 4<<30) }

// start begins a contender.
func start(contender, dir string) (trial.Program, error) {
	p, err := open(contender, dir)
	if err != nil {
		return nil, err
	}
	return &flushed{p, host.DiskOf(dir)}, nil
}

func open(contender, dir string) (trial.Program, error) {
	switch contender {
	case unioUring:
		return startUnio(unio.Uring, dir)
	case unioEpoll:
		return startUnio(unio.Epoll, dir)
	case ownSync:
		return startOwn(dir, writeAndSync)
	case ownDsync:
		return startOwn(dir, writeDsync)
	case bboltBatch, bboltEach:
		return startBolt(dir, contender == bboltBatch)
	case pebbleSet:
		return startPebble(dir)
	}
	return nil, fmt.Errorf("there is no contender %q", contender)
}

// record is what is appended.
func record() []byte {
	p := make([]byte, recordBytes)
	for i := range p {
		p[i] = byte(i * 31)
	}
	return p
}

// preallocate makes a file with every block written.
func preallocate(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	zeros := make([]byte, 1<<20)
	for off := int64(0); off < preallocatedBytes; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, off); err != nil {
			return err
		}
	}
	return f.Sync()
}
