package hugeheap

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What the heap grows by is advised after the next collection, and no longer after Close.
func TestAdviceFollowsTheHeap(t *testing.T) {
	h, err := Advise()
	if errors.Is(err, errors.ErrUnsupported) && (available() != nil || advise() != nil) {
		return // the kernel has none, and it was told
	}
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var all [][]byte
	defer func() { runtime.KeepAlive(all) }()
	for range 3 {
		big := make([]byte, 100<<20) // more than an arena of the Go runtime has
		all = append(all, big)
		addr := uint64(reflect.ValueOf(big).Pointer()) + uint64(len(big))/2
		for deadline := time.Now().Add(20 * time.Second); !advised(t, addr); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%x is not advised", addr)
			}
			runtime.GC()
		}
	}
	h.Close()
	big := make([]byte, 100<<20)
	for range 10 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if advised(t, uint64(reflect.ValueOf(big).Pointer())+uint64(len(big))/2) {
		t.Error("advised after Close")
	}
	runtime.KeepAlive(big)
}

// advised reports whether the mapping of an address has the advice: "hg" among its VmFlags, proc_pid_smaps(5).
func advised(t *testing.T, addr uint64) bool {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(smaps)) {
		if m, ok := parse(line); ok {
			inside = m.from <= addr && addr < m.to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return strings.Contains(flags, " hg")
		}
	}
	t.Fatalf("no mapping has %x", addr)
	return false
}

// A kernel that gives none is told by the file that says so.
func TestKernelThatGivesNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "enabled")
	for text, none := range map[string]bool{
		"always madvise [never]\n": true, "always [madvise] never\n": false, "[always] madvise never\n": false,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := granted(file)
		if none != (err != nil) || none && (!errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), file)) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := granted(file + ".none"); err != nil {
		t.Errorf("without the file: %v", err)
	}
}

const maps = `00400000-00500000 r-xp 00000000 08:01 12 /bin/x
00600000-00700000 rw-p 00000000 00:00 0 
00700000-00800000 rw-p 00000000 00:00 0                          [heap]
c000000000-c000400000 rw-p 00000000 00:00 0                      [anon: Go: heap]
c000400000-c000800000 rw-p 00000000 00:00 0 
c000800000-c004000000 ---p 00000000 00:00 0                      [anon: Go: heap reservation]
c004000000-c004400000 rw-p 00000000 00:00 0 
c004400000-c004500000 rw-s 00000000 00:00 0 
7f0000000000-7f0000100000 rw-p 00000000 00:00 0 
7f0000100000-7f0000200000 rw-p 00000000 08:01 13 /lib/y
`

func TestAround(t *testing.T) {
	for addr, want := range map[uint64][]mapping{
		0xc000000000:   {{0xc000000000, 0xc000400000, true}, {0xc000400000, 0xc000800000, true}},
		0xc0007fffff:   {{0xc000000000, 0xc000400000, true}, {0xc000400000, 0xc000800000, true}},
		0xc000800000:   nil, // reserved
		0xc004000000:   {{0xc004000000, 0xc004400000, true}},
		0xc004400000:   nil, // shared
		0x00700000:     nil, // that of C
		0x7f0000100000: nil,
	} {
		if got := around(maps, addr); !reflect.DeepEqual(got, want) {
			t.Errorf("%x: %v, want %v", addr, got, want)
		}
	}
}

// Whatever is read, the mappings that come of it hold the address and follow each other.
func FuzzAround(f *testing.F) {
	f.Add(maps, uint64(0xc000000000))
	f.Add("1-3 rw-p 0 0 0\n3-2 rw-p 0 0 0\n\n3-8 rw-p 0 0 0", uint64(4))
	f.Fuzz(func(t *testing.T, text string, addr uint64) {
		run := around(text, addr)
		holds := len(run) == 0
		for i, m := range run {
			holds = holds || m.from <= addr && addr < m.to
			if !m.heap || m.from >= m.to || i > 0 && run[i-1].to != m.from {
				t.Errorf("%v", run)
			}
		}
		if !holds {
			t.Errorf("%x is not in %v", addr, run)
		}
	})
}
