//go:build unio_planted

package planted

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// seedsMax is within how many seeds a defect must be found.
const seedsMax = "10000"

// TestTheSimulationFindsEachDefect builds the simulation of the runtime with each defect, and wants it to fail.
func TestTheSimulationFindsEachDefect(t *testing.T) {
	files, err := filepath.Glob("*_on.go")
	if err != nil || len(files) < 12 {
		t.Fatalf("the defects are %q, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, "_on.go")
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "simulation.test")
			build := exec.Command("go", "test", "-c", "-tags", "unio_bug_"+name, "-o", program, "../..")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			run := exec.Command(program, "-test.run", "^TestSimulatedRuntime$", "-test.timeout", "10m")
			run.Env = append(run.Environ(), "UNIO_SEEDS="+seedsMax, "UNIO_SEED=1")
			out, err := run.CombinedOutput()
			if err == nil {
				t.Fatalf("not found within %s seeds", seedsMax)
			}
			found := regexp.MustCompile(`(?m)seed \d+ failed:\n.*|^panic: .*|^fatal error: .*`).Find(out)
			if found == nil || strings.Contains(string(found), "test timed out") {
				t.Fatalf("it failed in an unknown way: %v\n%.4000s", err, out)
			}
			t.Logf("%s", found)
		})
	}
}
