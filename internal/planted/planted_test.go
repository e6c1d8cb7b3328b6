//go:build unio_planted

package planted

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// seedsMax is within how many seeds a defect must be found, and firstSeed where they begin: one defect is met in three thousand
// seeds, and so by chance soon after this one.
const (
	seedsMax  = "10000"
	firstSeed = "10001"
)

// TestTheSimulationFindsEachDefect runs the simulation of the runtime with each defect, and wants it to fail.
func TestTheSimulationFindsEachDefect(t *testing.T) {
	source, err := os.ReadFile("planted.go")
	defects := regexp.MustCompile(`(?m)^\t\w+ += "(\w+)" +// `).FindAllSubmatch(source, -1)
	if err != nil || len(defects) < 15 {
		t.Fatalf("the defects are %q, %v", defects, err)
	}
	program := filepath.Join(t.TempDir(), "simulation.test")
	build := exec.Command("go", "test", "-c", "-tags", "unio_planted", "-o", program, "../..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := simulation(program, None, "10"); err != nil {
		t.Fatalf("it fails without a defect: %v\n%.4000s", err, out)
	}
	for _, d := range defects {
		t.Run(string(d[1]), func(t *testing.T) {
			t.Parallel()
			out, err := simulation(program, string(d[1]), seedsMax)
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

// simulation runs the simulation with a defect.
func simulation(program, defect, seeds string) ([]byte, error) {
	run := exec.Command(program, "-test.run", "^TestSimulatedRuntime$", "-test.timeout", "10m")
	run.Env = append(run.Environ(), Variable+"="+defect, "UNIO_SEEDS="+seeds, "UNIO_SEED="+firstSeed)
	return run.CombinedOutput()
}
