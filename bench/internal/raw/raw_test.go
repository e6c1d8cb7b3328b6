package raw

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/unio-go/unio/bench/internal/host"
)

func TestLinesAreReadBack(t *testing.T) {
	facts := []host.Fact{{Key: "kernel", Value: "6.18"}, {Key: "seed", Value: "7"}}
	var b bytes.Buffer
	w := NewWriter(&b, facts)
	var l Line
	l.Name, l.Iters = "Toy/case=a", 10
	l.Add(12.34567, "cpu-ns/op")
	l.Add(math.NaN(), "enters/op")
	l.Add(5e9, "max-ns")
	for range 2 {
		if err := w.Write(l); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Count(b.String(), "kernel: 6.18\n") != 1 || strings.Contains(b.String(), "enters") {
		t.Errorf("written:\n%s", b.String())
	}
	lines, got, err := Read(&b, "test")
	if err != nil || len(lines) != 2 || !reflect.DeepEqual(got, facts) {
		t.Fatalf("%v, %v, %v", lines, got, err)
	}
	want := Line{"Toy/case=a", 10, []Value{{"cpu-ns/op", 12.3457}, {"max-ns", 5e9}}}
	if !reflect.DeepEqual(lines[1], want) {
		t.Errorf("%+v, want %+v", lines[1], want)
	}
}

func TestABrokenLineIsAnError(t *testing.T) {
	if lines, _, err := Read(strings.NewReader("BenchmarkToy 10 x ns/op\n"), "test"); err == nil {
		t.Errorf("%v", lines)
	}
	if lines, facts, err := Read(strings.NewReader("nothing of ours\n"), "test"); err != nil || lines != nil || facts != nil {
		t.Errorf("%v, %v, %v", lines, facts, err)
	}
}
