package host

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Facts tells what a reader must know about the machine to judge a measurement taken on it. A fact that the
// machine does not tell is left out.
func Facts() []Fact {
	return told([]Fact{
		{"date", time.Now().UTC().Format(time.RFC3339)},
		{"goos", runtime.GOOS},
		{"goarch", runtime.GOARCH},
		{"go", runtime.Version()},
		{"kernel", firstLine("/proc/sys/kernel/osrelease")},
		{"cpu", cpuModel()},
		{"cpus", strconv.Itoa(runtime.NumCPU())},
		{"governor", firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
		{"mitigations", firstLine("/sys/devices/system/cpu/vulnerabilities/spectre_v2")},
		{"congestion-control", firstLine("/proc/sys/net/ipv4/tcp_congestion_control")},
		{"gcc", gccVersion()},
		{"commit", commit()},
	})
}

// told leaves out what the machine does not tell.
func told(facts []Fact) []Fact {
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}

func firstLine(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func gccVersion() string {
	out, err := exec.Command("gcc", "-dumpfullversion").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// commit is the checked-out commit of the working directory, with "+" when files differ from it.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return ""
	}
	id := strings.TrimSpace(string(out))
	if exec.Command("git", "diff", "--quiet", "HEAD").Run() != nil {
		id += "+"
	}
	return id
}
