package randread

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/unio-go/unio/bench/internal/progress"
)

const tinySet = 16 << 20

func testSet(t *testing.T) *Layout {
	t.Helper()
	l, unlock, err := openSet(context.Background(), t.TempDir(), tinySet, &progress.Line{W: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
	return l
}

func TestASetIsMadeOnceAndMendedWhereItIsBroken(t *testing.T) {
	dir := t.TempDir()
	open := func(size int64) (string, *Layout) {
		t.Helper()
		var said bytes.Buffer
		l, unlock, err := openSet(context.Background(), dir, size, &progress.Line{W: &said})
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		return said.String(), l
	}
	said, l := open(tinySet)
	if !strings.Contains(said, "making") || l.Bytes() != tinySet {
		t.Errorf("%q, %d bytes", said, l.Bytes())
	}
	for _, size := range []int64{tinySet, 0} {
		if said, again := open(size); said != "" || again.FileBlocks != l.FileBlocks {
			t.Errorf("size %d: %q, %+v", size, said, again)
		}
	}
	// A file without blocks on the disk is the trap: it is read at the speed of memory.
	if err := os.Truncate(l.File(7), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(l.File(7), l.FileBlocks*blockBytes); err != nil {
		t.Fatal(err)
	}
	if missing := l.missing(); len(missing) != 1 || missing[0] != 7 {
		t.Errorf("missing: %v", missing)
	}
	if said, _ := open(0); !strings.Contains(said, "making") {
		t.Errorf("%q", said)
	}
	if said, l := open(2 * tinySet); !strings.Contains(said, "making") || l.Bytes() != 2*tinySet {
		t.Errorf("%q, %d bytes", said, l.Bytes())
	}
}

func TestTwoRunsDoNotShareASet(t *testing.T) {
	l := testSet(t)
	_, _, err := openSet(context.Background(), l.Dir, 0, &progress.Line{W: new(bytes.Buffer)})
	if err == nil || !strings.Contains(err.Error(), "another run") {
		t.Error(err)
	}
}

func TestASetThatIsTooSmallIsRefused(t *testing.T) {
	if _, _, err := openSet(context.Background(), t.TempDir(), 1000, &progress.Line{W: new(bytes.Buffer)}); err == nil {
		t.Error("no error")
	}
}

func TestResidentAndColdParts(t *testing.T) {
	l := testSet(t)
	if err := l.warmHot(context.Background(), &progress.Line{}); err != nil {
		t.Fatal(err)
	}
	if err := l.dropCold(); err != nil {
		t.Fatal(err)
	}
	hot, err := l.resident(true)
	if err != nil || hot != 1 {
		t.Errorf("resident part: %v, %v", hot, err)
	}
	cold, err := l.resident(false)
	if err != nil || cold > residueMax {
		t.Errorf("cold part: %v, %v (on a file system that keeps its files in memory nothing is cold)", cold, err)
	}
}

func TestTheDeviceReadsTheWholeSetOnce(t *testing.T) {
	l := testSet(t)
	before := blocksRead(t)
	if err := l.fetch(context.Background(), &progress.Line{}); err != nil {
		t.Fatal(err)
	}
	if read := blocksRead(t) - before; read != 0 { // a file system in memory reads nothing and drops nothing
		if read < tinySet {
			t.Errorf("%d of %d bytes came from the device", read, tinySet)
		}
		if hot, err := l.resident(true); err != nil || hot > residueMax {
			t.Errorf("left in the page cache: %v of the resident part, %v", hot, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.fetch(ctx, &progress.Line{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// blocksRead is how many bytes this process has had read from devices, proc_pid_io(5).
func blocksRead(t *testing.T) (bytes int64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nread_bytes: ")
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return bytes
}
