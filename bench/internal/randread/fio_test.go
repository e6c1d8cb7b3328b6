package randread

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// The output was recorded: fio 3.33, io_uring, O_DIRECT, 32 in flight.
func TestOutputOfFio(t *testing.T) {
	text, err := os.ReadFile("testdata/fio.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseFio(append([]byte("fio: a warning\n"), text...))
	if err != nil {
		t.Fatal(err)
	}
	if s.Reads != 47856 || math.Abs(s.Rate-79627) > 1 {
		t.Errorf("%d reads, %v per second", s.Reads, s.Rate)
	}
	// 1.5 % and 37.83 % of 600 ms
	if math.Abs(s.CPUNs-4931) > 1 || math.Abs(s.Switches-1549.0/47856) > 1e-9 {
		t.Errorf("%v ns of CPU, %v switches", s.CPUNs, s.Switches)
	}
	if s.P50 != 329728 || s.P90 != 366592 || s.P99 != 3325952 || s.P99_9 != 4947968 || s.P99_99 != 6127616 || s.Max != 6104387 {
		t.Errorf("%+v", s)
	}
}

func TestBrokenOutputOfFio(t *testing.T) {
	good, err := os.ReadFile("testdata/fio.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":        "fio: nothing",
		"cut":            string(good[:len(good)/2]),
		"no job":         `{"jobs": []}`,
		"error":          strings.Replace(string(good), `"error" : 0`, `"error" : 5`, 1),
		"no reads":       strings.Replace(string(good), `"total_ios" : 47856`, `"total_ios" : 0`, 1),
		"no percentiles": strings.ReplaceAll(string(good), `"99.990000"`, `"99.980000"`),
	} {
		if text == string(good) {
			t.Fatalf("%s: the recorded output is not what it was", name)
		}
		if s, err := parseFio([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// Bins of fio's histogram: below 128 each is a nanosecond, then 64 lie between a power of two and the next.
func TestBinsOfFio(t *testing.T) {
	for i, want := range map[int]time.Duration{0: 0, 127: 127, 128: 129, 191: 255, 192: 258, 64 * 10: 33024} {
		if got := fioBin(i); got != want {
			t.Errorf("bin %d: %d, want %d", i, got, want)
		}
	}
}

// Lines of bins, four of fio's in each as the option fioCoarse asks for, become cells.
func TestHistogramLogOfFio(t *testing.T) {
	line := func(ms string, bin int) string {
		fields := []string{ms, "0", "4096"}
		for i := range 464 {
			fields = append(fields, map[bool]string{true: "7", false: "0"}[i == bin])
		}
		return strings.Join(fields, ", ") + "\n"
	}
	const bin = 640 >> fioCoarse // 33 µs
	heat, err := parseFioHist(strings.NewReader(line("25", bin)+line("500", bin)), 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	row := heatRow(33 * time.Microsecond)
	if len(heat) != 2 || heat[[2]int{0, row}] != 7 || heat[[2]int{heatColumns - 1, row}] != 7 {
		t.Errorf("%v, row %d", heat, row)
	}
	for _, text := range []string{"1, 2\n", "x, 0, 4096, 1\n", "1, 0, 4096, y\n"} {
		if heat, err := parseFioHist(strings.NewReader(text), time.Second); err == nil {
			t.Errorf("%q: %v", text, heat)
		}
	}
}
