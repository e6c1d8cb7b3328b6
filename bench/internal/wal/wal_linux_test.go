package wal

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/uniotest"
)

// brief is how long a test lets a contender work.
const brief = 20 * time.Millisecond

// Every contender does every case, and what unio acknowledges is verified: a sync for each, records where they are said to be.
func TestContendersDoEveryCase(t *testing.T) {
	for _, contender := range Suite.Cases[0].Contenders {
		t.Run(contender, func(t *testing.T) {
			switch contender {
			case unioUring:
				skipRefused(t, unio.Uring)
			case unioEpoll:
				skipRefused(t, unio.Epoll)
			}
			p, err := start(contender, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, cs := range Suite.Cases {
				for _, verify := range []bool{true, false} {
					s, err := p.Slice(cs.Name, brief, verify)
					if err != nil || s.Ops == 0 || s.Values[trial.UnitRate] == 0 {
						t.Errorf("%s: %d records, %v", cs.Title, s.Ops, err)
					}
				}
			}
			if _, err := p.Slice("writers=none", brief, false); err == nil {
				t.Error("a case that there is not: no error")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := start("paper", t.TempDir()); err == nil {
		t.Error("a contender that there is not: no error")
	}
}

func skipRefused(t *testing.T, engine unio.Engine) {
	t.Helper()
	if err := uniotest.Refused(engine); err != nil {
		t.Skipf("lacks: the engine %s: %v", engine, err)
	}
}

// Many writers share syncs, and one does not.
func TestGroupCommitGathers(t *testing.T) {
	skipRefused(t, unio.Epoll)
	p, err := start(unioEpoll, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	one, err := p.Slice(shape{1, true}.name(), brief, true)
	if err != nil || one.Values[unitRecords] != 1 {
		t.Errorf("one writer: %v records for each sync, %v", one.Values[unitRecords], err)
	}
	many, err := p.Slice(shape{64, true}.name(), 5*brief, true)
	if err != nil || many.Values[unitRecords] <= 2 {
		t.Errorf("64 writers: %v records for each sync, %v", many.Values[unitRecords], err)
	}
}

// Records that are not where they were acknowledged are found.
func TestReadBackFindsWhatIsWrong(t *testing.T) {
	p, err := startUnio(unio.Std, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	f, err := p.(*appender).open(shape{1, false})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(record(), 0); err != nil {
		t.Fatal(err)
	}
	for what, records := range map[string]map[int64]uint64{
		"another record":       {0: 7},
		"no record":            {recordBytes: 7},
		"fewer than were said": {},
	} {
		if err := readBack(f, []map[int64]uint64{records}, 1); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestMemoryIsRefused(t *testing.T) {
	dir := "/dev/shm"
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Type != unix.TMPFS_MAGIC {
		dir = "/run" // one of the two is tmpfs wherever there is a test
	}
	if err := prepare(dir); err == nil {
		t.Errorf("%s: no error", dir)
	}
	if err := prepare(t.TempDir() + "/nowhere"); !os.IsNotExist(err) {
		t.Errorf("a directory that there is not: %v", err)
	}
}
