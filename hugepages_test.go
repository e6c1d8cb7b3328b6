package unio_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/unio-go/unio"
)

// The heap is advised, or New says that there are no huge pages.
func TestHugePages(t *testing.T) {
	out, err := childOn(unio.Auto, "huge-pages")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	setting, _ := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	want := "advised\n"
	if runtime.GOOS != "linux" || len(setting) == 0 || strings.Contains(string(setting), "[never]") {
		want = "refused\n"
	}
	if out != want {
		t.Errorf("%q, want %q: the kernel's setting is %q", out, want, setting)
	}
}

// hugePages says what the option has done to this process.
func hugePages([]string) {
	rt, err := unio.New(&unio.Options{HugePages: true})
	if errors.Is(err, errors.ErrUnsupported) {
		fmt.Println("refused")
		return
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer rt.Close()
	smaps, err := os.ReadFile("/proc/self/smaps")
	for line := range strings.Lines(string(smaps)) {
		if strings.HasPrefix(line, "VmFlags:") && strings.Contains(line, " hg") { // proc_pid_smaps(5)
			fmt.Println("advised")
			return
		}
	}
	fmt.Println("not advised", err)
}
