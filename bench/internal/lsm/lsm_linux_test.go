package lsm

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/uniotest"
)

// Every contender does every case, and finds what is in the records and what was acknowledged.
func TestContendersDoEveryCase(t *testing.T) {
	t.Setenv(keysVariable, "3000")
	dir := t.TempDir()
	if err := makeOrigin(dir); err != nil {
		t.Fatal(err)
	}
	for i, contender := range Suite.Cases[0].Contenders {
		t.Run(contender, func(t *testing.T) {
			switch contender {
			case unioUring:
				skipRefused(t, unio.Uring)
			case unioEpoll:
				skipRefused(t, unio.Epoll)
			}
			own := filepath.Join(dir, string(rune('a'+i)))
			if err := os.Mkdir(own, 0o755); err != nil {
				t.Fatal(err)
			}
			p, err := start(contender, own)
			if err != nil {
				t.Fatal(err)
			}
			for _, cs := range Suite.Cases {
				for _, verify := range []bool{true, false} {
					s, err := p.Slice(cs.Name, 5*time.Millisecond, verify)
					if err != nil || s.Ops == 0 || s.Values[trial.UnitRate] == 0 {
						t.Errorf("%s: %d operations, %v", cs.Title, s.Ops, err)
					}
				}
			}
			if _, err := p.Slice("ycsb-z", time.Millisecond, false); err == nil {
				t.Error("a case that there is not: no error")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if left, err := os.ReadDir(own); err != nil || len(left) != 1 || left[0].Name() != readingName {
				t.Errorf("%v are left, %v", left, err)
			}
		})
	}
	if _, err := start("paper", dir); err == nil {
		t.Error("a contender that there is not: no error")
	}
}

func skipRefused(t *testing.T, engine unio.Engine) {
	t.Helper()
	if err := uniotest.Refused(engine); err != nil {
		t.Skipf("lacks: the engine %s: %v", engine, err)
	}
}

// Cold is cold, and warm is warm.
func TestForgetAndRecall(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, make([]byte, 1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := prepare(dir); err != nil {
		t.Skipf("lacks: a disk below the directory for temporary files: %v", err)
	}
	resident := func() int {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		n, p := 0, make([]byte, 1)
		for page := 255; page >= 0; page-- {
			if got, err := unix.Preadv2(int(f.Fd()), [][]byte{p}, int64(page)*4096, unix.RWF_NOWAIT); got == 1 {
				n++
			} else if err != unix.EAGAIN {
				t.Skipf("lacks: a file system that can be asked for its page cache (RWF_NOWAIT): %v", err)
			}
		}
		return n
	}
	if err := forget(dir); err != nil || resident() != 0 {
		t.Errorf("%d pages are in the page cache, %v", resident(), err)
	}
	if err := recall(dir); err != nil || resident() != 256 {
		t.Errorf("%d pages of 256 are in the page cache, %v", resident(), err)
	}
}

// A wrong number of records, and wrong records, are told.
func TestWrongRecords(t *testing.T) {
	for _, said := range []string{"many", "10"} {
		t.Setenv(keysVariable, said)
		if _, err := keyCount(); err == nil {
			t.Errorf("%s=%s: no error", keysVariable, said)
		}
	}
	value := appendValue(nil, 7)
	if err := checkValue(value, 7, true); err != nil {
		t.Error(err)
	}
	changed := append([]byte{}, value...)
	changed[500] ^= 1
	for what, err := range map[string]error{
		"another record": checkValue(value, 8, false), "a short one": checkValue(value[:10], 7, false), "changed": checkValue(changed, 7, true),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestMemoryIsRefused(t *testing.T) {
	if err := prepare(filepath.Join(t.TempDir(), "nowhere")); !os.IsNotExist(err) {
		t.Errorf("a directory that there is not: %v", err)
	}
}
