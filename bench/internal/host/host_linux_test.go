package host

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestParseCPUList(t *testing.T) {
	for in, want := range map[string][]int{"0": {0}, "0-2": {0, 1, 2}, "1,4-5": {1, 4, 5}} {
		got, err := parseCPUList(in)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "1-b"} {
		if got, err := parseCPUList(in); err == nil {
			t.Errorf("%q: got %v, want an error", in, got)
		}
	}
}

func TestProcessCPUGrowsWithWork(t *testing.T) {
	before, err := ProcessCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	x := 1
	for range 100_000_000 {
		x *= 3
	}
	after, err := SleepingCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after <= before {
		t.Errorf("CPU time went from %v to %v over work that gave %d", before, after, x)
	}
}

// A thread that ends takes nothing out of the account: the workers of a ring end when they have been idle for a while, which lies within
// another slice than their work.
func TestProcessCPUKeepsWhatEndedThreadsUsed(t *testing.T) {
	var used time.Duration
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // and never gives the thread back, which then ends with the goroutine
		x := 1
		for range 50_000_000 {
			x *= 3
		}
		var err error
		used, err = ProcessCPU(os.Getpid())
		runtime.KeepAlive(x)
		ended <- err
	}()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // in which it ends
	if after, err := ProcessCPU(os.Getpid()); err != nil || after < used {
		t.Errorf("CPU time went from %v back to %v, %v", used, after, err)
	}
}

func TestDiskOfAFolder(t *testing.T) {
	facts := DiskFacts(t.TempDir())
	t.Log(facts)
	if len(facts) == 0 || facts[0].Key != "filesystem" {
		t.Errorf("%v", facts)
	}
	if facts := DiskFacts("/nowhere"); facts != nil {
		t.Errorf("a folder that is not there: %v", facts)
	}
}

// A disk that counts flushes has done one at least when a file was synced on it.
func TestFlushesAreCounted(t *testing.T) {
	dir := t.TempDir()
	d := DiskOf(dir)
	before, ok := d.Flushes()
	if !ok {
		t.Log("the disk does not count, or needs none")
	}
	f, err := os.Create(dir + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if after, _ := d.Flushes(); ok && after <= before {
		t.Errorf("%d flushes before and %d after a sync", before, after)
	}
	if _, ok := Disk("/nowhere").Flushes(); ok {
		t.Error("a disk that there is not counts")
	}
}

// The account of a session has what its members use, children of the first one included, and ends with them.
func TestSessionIsAllThatAProcessStarted(t *testing.T) {
	cmd := exec.Command("sh", "-c", "exec 3<&0; cat <&3 & i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Error(err)
	}
	s := Session(cmd.Process.Pid)
	if pids, err := s.Members(); err != nil || len(pids) != 2 {
		t.Errorf("members %v, %v; want the shell and cat", pids, err)
	}
	if d, err := s.SleepingCPU(); err != nil || d < 5*time.Millisecond {
		t.Errorf("%v of CPU for 200,000 turns of a shell's loop, %v", d, err)
	}
	if n, err := s.Resident(); err != nil || n < 1<<18 {
		t.Errorf("%d bytes in RAM, %v", n, err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := s.SleepingCPU(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after its end: %v, want %v", err, os.ErrProcessDone)
	}
	if _, err := ProcessCPU(cmd.Process.Pid); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after its end: %v, want %v", err, os.ErrProcessDone)
	}
}

// A comparison that followed another in one process found itself on one CPU, because the thread had been left bound.
func TestThreadIsGivenBackAsItWas(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := AllowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	undo, err := PinThread(before[len(before)-1])
	if err != nil {
		t.Fatal(err)
	}
	bound, err := AllowedCPUs()
	undo()
	if err != nil || !slices.Equal(bound, before[len(before)-1:]) {
		t.Errorf("bound to %v, %v", bound, err)
	}
	if after, err := AllowedCPUs(); err != nil || !slices.Equal(after, before) {
		t.Errorf("%v before, and %v afterwards, %v", before, after, err)
	}
	if _, err := PinThread(-1); err == nil {
		t.Error("bound to a CPU that there is not")
	}
}
