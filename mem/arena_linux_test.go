package mem

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// statusBytes is a line of /proc/self/status, proc(5).
func statusBytes(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), name)
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

func TestReservedMemoryIsNotCharged(t *testing.T) {
	const limit = 256 << 30
	before := statusBytes(t, "VmData:")
	p := newPool(t, limit)
	needArena(t, p)
	get(t, p, MaxBytes).Release()
	if grown := statusBytes(t, "VmData:") - before; grown > limit/64 {
		t.Errorf("a pool that may have %d GiB and has 1 MiB is charged with %d MiB", limit>>30, grown>>20)
	}
}

func TestCloseGivesMemoryBackBesideAChunkThatIsOut(t *testing.T) {
	const chunks = 128
	p, err := NewPool(&PoolOptions{LimitBytes: chunks * MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	var bufs []*Buf
	for range chunks {
		b := get(t, p, MaxBytes)
		clear(b.Bytes())
		bufs = append(bufs, b)
	}
	before := statusBytes(t, "RssAnon:")
	for _, b := range bufs[1:] {
		b.Release()
	}
	if err := p.Close(); err == nil {
		t.Fatal("Close does not tell that a buffer is out")
	}
	if freed := before - statusBytes(t, "RssAnon:"); freed < chunks/2*MaxBytes {
		t.Errorf("%d MiB of %d were given back", freed>>20, chunks-1)
	}
	bufs[0].Release()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A pool's memory has the advice that was chosen, whether the addresses were reserved or not.
func TestHugePagesAreAskedFor(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		if _, err := NewPool(&PoolOptions{HugePages: true}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("the kernel has no huge pages: %v", err)
		}
		return
	}
	for name, reserve := range map[string]func(int) []byte{"range": reserveMemory, "chunks": func(int) []byte { return nil }} {
		for huge, flag := range map[bool]string{true: " hg", false: " nh"} { // VmFlags, proc_pid_smaps(5)
			p := &Pool{limit: 2 * MaxBytes}
			if err := p.open(huge, reserve); err != nil {
				t.Fatal(err)
			}
			b := get(t, p, 1)
			if flags := flagsOf(t, uint64(addressOf(b.Bytes()))); !strings.Contains(flags, flag) {
				t.Errorf("%s, huge pages %v: %q", name, huge, flags)
			}
			b.Release()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// flagsOf are the VmFlags of the mapping of an address.
func flagsOf(t *testing.T, addr uint64) string {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(smaps)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= addr && addr < to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return flags
		}
	}
	t.Fatalf("no mapping has %x", addr)
	return ""
}
