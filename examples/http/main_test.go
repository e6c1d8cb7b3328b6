package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// --help was taken for the address to listen on.
func TestHelpWasAnAddress(t *testing.T) {
	prog := filepath.Join(t.TempDir(), "http")
	if out, err := exec.Command("go", "build", "-o", prog, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(prog, "--help").CombinedOutput(); err != nil || !strings.Contains(string(out), "ADDRESS") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestServerAndClientOverUnio(t *testing.T) {
	for _, engine := range uniotest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			if err := uniotest.Refused(engine); err != nil {
				t.Skip(err)
			}
			uniotest.CheckLeaks(t)
			t.Setenv(unio.EngineVariable, string(engine))
			var out bytes.Buffer
			if err := run(&out, "127.0.0.1:0", false); err != nil {
				t.Fatal(err)
			}
			if out.String() != "hello, gopher\n" {
				t.Errorf("got %q", out.String())
			}
		})
	}
}
