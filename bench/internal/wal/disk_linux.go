package wal

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/bench/internal/trial"
)

// disk is the device under a directory, in sysfs; "" where there is none.
type disk string

// diskOf finds it. Flushes are counted for whole disks, not for their partitions (Documentation/block/stat.rst).
func diskOf(dir string) disk {
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		return ""
	}
	name, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(s.Dev), unix.Minor(s.Dev)))
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(name, "partition")); err == nil {
		name = filepath.Dir(name)
	}
	return disk(name)
}

// flushField is where the number of completed flushes stands in a disk's stat.
const flushField = 15

// flushes is how many flushes the device has completed. ok is false where the device needs none, because it has no cache that
// loses what is in it, and where the system does not tell: it counts none for devices that are made of others.
func (d disk) flushes() (n uint64, ok bool) {
	if d == "" || !strings.HasPrefix(d.read("queue/write_cache"), "write back") {
		return 0, false
	}
	fields := strings.Fields(d.read("stat"))
	if len(fields) <= flushField {
		return 0, false
	}
	n, err := strconv.ParseUint(fields[flushField], 10, 64)
	return n, err == nil && n > 0
}

func (d disk) read(name string) string {
	b, err := os.ReadFile(filepath.Join(string(d), name))
	if err != nil {
		return ""
	}
	return string(b)
}

// flushed counts the device's flushes beside a contender's records.
type flushed struct {
	trial.Program
	disk disk
}

func (f *flushed) Slice(cs string, d time.Duration, verify bool) (trial.Slice, error) {
	before, _ := f.disk.flushes()
	s, err := f.Program.Slice(cs, d, verify)
	if after, ok := f.disk.flushes(); ok && after > before && err == nil {
		s.Values[unitFlush] = float64(s.Ops) / float64(after-before)
	}
	return s, err
}
