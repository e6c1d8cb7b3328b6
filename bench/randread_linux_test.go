package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The whole command on a tiny set: every contender that the machine has, in every state of the cache, and what is made of the
// raw file afterwards.
func TestShortRandRead(t *testing.T) {
	out, raw := shortRandRead(t, "-contenders", "^(uring|epoll|os|mmap|aio)", "-cases", "direct|cold|mix90|cached")
	for _, want := range []string{"uring/readat", "uring/batch", "uring/map", "epoll/map", "epoll/task", "os/readat", "mmap/copy", "aio/loop", "O_DIRECT, 4 in flight",
		"90 % cached", "a computing goroutine per P", "of mmap", "spins"} {
		if !strings.Contains(out, want) && !strings.Contains(out, "left out: uring") {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	for cmd, want := range map[string]string{"show": "cold, through the page cache", "check": "threads, kernel workers included", "plot": ".html"} {
		var b bytes.Buffer
		if err := run([]string{cmd, raw}, &b); err != nil && cmd != "check" || !strings.Contains(b.String(), want) {
			t.Errorf("%s: %v\n%s", cmd, err, b.String())
		}
	}
	page, err := os.ReadFile(strings.TrimSuffix(raw, ".txt") + ".html")
	if err != nil || bytes.Count(page, []byte("data:image/png")) < 20 {
		t.Errorf("the report made again has %d heat maps, %v", bytes.Count(page, []byte("data:image/png")), err)
	}
	if err := os.Remove(strings.TrimSuffix(raw, ".txt") + ".heat.gz"); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := run([]string{"plot", raw}, &b); err != nil || !strings.Contains(b.String(), "no heat maps") {
		t.Errorf("a report made again without its heat maps: %v, %q", err, b.String())
	}
}

// Fio, where it is installed, reads the same set, and its heat maps are among the others.
func TestShortRandReadOfFio(t *testing.T) {
	if _, err := exec.LookPath("fio"); err != nil {
		t.Skip("lacks: fio")
	}
	out, raw := shortRandRead(t, "-slice", "200ms", "-contenders", "fio/(io_uring-fixed|psync)", "-cases", "direct.*4$|cached")
	for _, want := range []string{"fio/io_uring-fixed", "fio/psync", "process", "threads"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	page, err := os.ReadFile(strings.TrimSuffix(raw, ".txt") + ".html")
	if err != nil || bytes.Count(page, []byte("data:image/png")) != 3 {
		t.Errorf("%d heat maps, %v", bytes.Count(page, []byte("data:image/png")), err)
	}
}

// shortRandRead runs for a few seconds on a set of 32 MiB, 4 reads in flight.
func shortRandRead(t *testing.T, args ...string) (said, raw string) {
	t.Helper()
	dir := t.TempDir()
	var out bytes.Buffer
	err := run(append([]string{"randread", "-quick", "-rounds", "1", "-slice", "20ms", "-depths", "4", "-size", "32MiB",
		"-dir", filepath.Join(dir, "set"), "-out", dir}, args...), &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	raws, err := filepath.Glob(filepath.Join(dir, "randread-*.txt"))
	if err != nil || len(raws) != 1 {
		t.Fatalf("raw files %v, %v", raws, err)
	}
	return out.String(), raws[0]
}

// A mode that cannot be had is refused with the reason.
func TestRandReadRefusesModes(t *testing.T) {
	dir := t.TempDir()
	err := run([]string{"randread", "-quick", "-mode", "iopoll", "-size", "16MiB", "-dir", dir, "-out", dir, "-slice", "20ms", "-rounds", "1",
		"-contenders", "uring"}, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "refused") && !strings.Contains(err.Error(), "no contender is left") {
		t.Error(err)
	}
}
