package memfs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/unio-go/unio/vfs/memfs"
)

// historian writes a file, and remembers what each sector has been since it was durable.
type historian struct {
	t       *testing.T
	file    *memfs.File
	now     []byte
	history [][][]byte // by sector, the durable one first
	failed  []bool     // by sector: a sync has failed, and the sector has not been synced since
	dirty   []bool     // by sector: its page has been written since the last sync of any kind
}

const historySectors = 24 // three pages

// Each sector of a file is after a crash as it was at some moment since it was durable, and all that was synced is there. The
// model knows nothing of how memfs keeps it.
func TestEachSectorIsAsItWasOnce(t *testing.T) {
	different := 0
	for seed := range seeds(t, 100) {
		random := rand.New(rand.NewPCG(seed, 0))
		fsys := memfs.New()
		f, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
		check(t, err)
		syncDir(t, fsys, ".")
		h := &historian{t: t, file: f.(*memfs.File), now: make([]byte, historySectors*512)}
		h.history = make([][][]byte, historySectors)
		h.failed, h.dirty = make([]bool, historySectors), make([]bool, historySectors)
		check(t, f.Truncate(int64(len(h.now))))
		h.synced(0, historySectors, f.Sync())
		for step := range 60 {
			h.step(random, byte(step+1))
			p := readFile(t, fsys.Crash(random.Uint64()), "file")
			if len(p) != len(h.now) {
				t.Fatalf("seed %d: the file has %d bytes, and has had %d always", seed, len(p), len(h.now))
			}
			for i, versions := range h.history {
				if err := oneOf(p[i*512:][:512], versions); err != nil {
					t.Fatalf("seed %d, step %d, sector %d: %v", seed, step, i, err)
				}
			}
			if !bytes.Equal(p, h.now) {
				different++
			}
		}
		check(t, f.Close())
	}
	if different == 0 {
		t.Error("nothing was ever lost")
	}
}

// step changes the file, or syncs it, wholly or in part, or fails to.
func (h *historian) step(random *rand.Rand, mark byte) {
	off := random.IntN(len(h.now))
	n := 1 + random.IntN(min(len(h.now)-off, 1<<random.IntN(14)))
	switch random.IntN(12) {
	case 0:
		h.synced(0, historySectors, h.file.Sync())
	case 1:
		// Whole pages are written back.
		first, last := off/4096*8, ((off+n-1)/4096+1)*8
		h.synced(first, min(last, historySectors), h.file.DatasyncRange(int64(off), int64(n)))
	case 2:
		check(h.t, h.file.FailSync())
		for i, dirty := range h.dirty {
			h.failed[i] = h.failed[i] || dirty
			h.dirty[i] = false
		}
	default:
		p := bytes.Repeat([]byte{mark}, n)
		_, err := h.file.WriteAt(p, int64(off))
		check(h.t, err)
		copy(h.now[off:], p)
		for i := off / 512; i <= (off+n-1)/512; i++ {
			h.history[i] = append(h.history[i], bytes.Clone(h.now[i*512:][:512]))
		}
		for i := off / 4096 * 8; i < ((off+n-1)/4096+1)*8; i++ {
			h.dirty[i] = true // with its page
		}
	}
}

// synced is for sectors of which a sync has returned. Those of pages that only a sync that failed has seen since they were written
// may still be lost.
func (h *historian) synced(first, last int, err error) {
	check(h.t, err)
	for i := first; i < last; i++ {
		if h.failed[i] && !h.dirty[i] {
			continue
		}
		h.history[i] = [][]byte{bytes.Clone(h.now[i*512:][:512])}
		h.failed[i], h.dirty[i] = false, false
	}
}

func oneOf(p []byte, versions [][]byte) error {
	for _, v := range versions {
		if bytes.Equal(p, v) {
			return nil
		}
	}
	return fmt.Errorf("it is %s, and has been %d other things since it was durable, lately %s",
		shortened(p), len(versions), shortened(versions[len(versions)-1]))
}
