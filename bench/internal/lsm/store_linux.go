package lsm

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	pebblefs "github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/bench/internal/host"
)

// settings are Pebble's options.
func settings(fsys pebblefs.FS) *pebble.Options {
	return &pebble.Options{
		FS: fsys, CacheSize: cacheBytes, MemTableSize: 64 << 20, MaxOpenFiles: 1 << 14, FormatMajorVersion: pebble.FormatNewest,
		Logger: silent{},
	}
}

// silent is a logger for Pebble that tells failures only.
type silent struct{}

func (silent) Infof(string, ...any)              {}
func (silent) Errorf(format string, args ...any) { log.Printf(format, args...) }
func (silent) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }

// build makes the store that every contender begins with, in a directory that there is not yet, and leaves nothing to compact.
func build(dir string, keys uint64) (err error) {
	o := settings(pebblefs.Default)
	o.DisableWAL = true
	db, err := pebble.Open(dir, o)
	if err != nil {
		return err
	}
	numbers := make([]uint64, keys)
	byKey := make([]string, keys)
	for i := range numbers {
		numbers[i], byKey[i] = uint64(i), string(appendKey(nil, uint64(i)))
	}
	slices.SortFunc(numbers, func(a, b uint64) int { return strings.Compare(byKey[a], byKey[b]) })
	var value []byte
	for _, n := range numbers {
		value = appendValue(value[:0], n)
		if err := db.Set([]byte(byKey[n]), value, pebble.NoSync); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return errors.Join(db.Flush(), db.Compact(context.Background(), []byte("user"), []byte("uses"), true), db.Close())
}

// link makes a store of its own of the files of another: tables never change and are linked, the rest is copied.
func link(from, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if filepath.Ext(e.Name()) == ".sst" {
			err = os.Link(source, target)
		} else {
			err = pebblefs.CopyAcrossFS(pebblefs.Default, source, pebblefs.Default, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forget drops the files of a store from the page cache (posix_fadvise(2), POSIX_FADV_DONTNEED). Only what is on the device can
// be dropped, so files are synced first.
func forget(dir string) error {
	return eachFile(dir, func(f *os.File) error {
		if err := f.Sync(); err != nil {
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// recall reads them into it.
func recall(dir string) error {
	p := make([]byte, 1<<20)
	return eachFile(dir, func(f *os.File) error {
		for off := int64(0); ; off += int64(len(p)) {
			if _, err := f.ReadAt(p, off); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
}

// eachFile opens each file of a directory, but for those that Pebble removes meanwhile.
func eachFile(dir string, do func(*os.File) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(do(f), f.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keyRoomBytes is what a record may take of the disk, in all stores of a run together.
const keyRoomBytes = 6 << 10

// prepare refuses a file system without a disk, on which nothing is cold and a sync costs nothing, and one without room.
func prepare(dir string) error {
	n, err := keyCount()
	if err != nil {
		return err
	}
	return host.NeedDisk(dir, "is cold", int64(n)*keyRoomBytes)
}
