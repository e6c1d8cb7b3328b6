package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The program asks for huge pages unless it is told not to, and where the kernel gives none it starts without them, or not at all if
// they were demanded.
func TestHugePages(t *testing.T) {
	text, _ := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	none := len(text) == 0 || strings.Contains(string(text), "[never]")
	for setting, want := range map[string]bool{"auto": !none, "on": !none, "off": false} {
		file := t.TempDir() + "/gate.yaml"
		writeFile(t, file, "listen: 127.0.0.1:0\nto: 127.0.0.1:1\nhuge_pages: "+setting+"\n")
		p := start(t, "0", nil, "run", file, "--loops", "1")
		if setting == "on" && none {
			if p.wait() == 0 {
				t.Error("it starts without the huge pages that were demanded")
			}
			p.wants("transparent_hugepage")
			continue
		}
		smaps, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", p.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		advised := false // "hg" among the VmFlags of a mapping, proc_pid_smaps(5)
		for line := range strings.Lines(string(smaps)) {
			advised = advised || strings.HasPrefix(line, "VmFlags:") && strings.Contains(line, " hg")
		}
		if advised != want {
			t.Errorf("%s: huge pages asked for: %v", setting, advised)
		}
	}
}
