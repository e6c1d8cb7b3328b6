//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const installed = "/usr/local/bin/tinygate"

// The unit of the manual is one that systemd takes, and its commands are ones of the program.
func TestServiceUnit(t *testing.T) {
	b, err := os.ReadFile("examples/tinygate.service")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "gate.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\nto: 127.0.0.1:3000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	unit := strings.NewReplacer(installed, os.Args[0], "/etc/tinygate/gate.yaml", file).Replace(string(b))
	checks := 0
	for line := range strings.Lines(unit) {
		_, call, _ := strings.Cut(strings.TrimSpace(line), "="+os.Args[0]+" ")
		switch args := strings.Fields(call); {
		case len(args) == 0:
		case args[0] == "check":
			checks++
			if code, out, stderr := command(t, args...); code != 0 {
				t.Errorf("%v: exit code %d\n%s%s", args, code, out, stderr)
			}
		default:
			if p := start(t, "0", nil, args...); p.addr == "" {
				t.Errorf("%v does not serve:\n%s", args, &p.out)
			}
		}
	}
	if checks != 2 {
		t.Errorf("%d checks, want one before the start and one before a reload", checks)
	}
	t.Run("systemd", func(t *testing.T) {
		analyze := tool(t, "systemd-analyze")
		path := filepath.Join(dir, "tinygate.service")
		if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", path).CombinedOutput()
		if strings.Contains(string(out), "tinygate.service") { // it tells of other units, too
			t.Errorf("%v\n%s", err, out)
		}
	})
}
