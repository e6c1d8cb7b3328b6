package trial

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unio-go/unio/bench/internal/host"
)

// The page of a run has its figures, verdicts, facts and drawing; one of a run without its base has no drawing.
func TestReport(t *testing.T) {
	s := *toy
	s.About = "toys & games"
	name := filepath.Join(t.TempDir(), "toy-1.txt")
	samples := append(samplesOf("fast", 300, 4000, 500), samplesOf("plain", 100, 1000, 250)...)
	var said bytes.Buffer
	if err := WriteReport(&said, name, &Record{&s, []host.Fact{{Key: "kernel", Value: "6.18"}}, samples}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(strings.TrimSuffix(name, ".txt") + ".html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"toys &amp; games", "one at a time", "(300..4000)", "BROKEN", "holds", "6.18", "<svg", "go run ./bench toy",
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is missing in the page", want)
		}
	}
	if bytes.Contains(page, []byte("two at a time")) {
		t.Error("a case without samples is in the page")
	}
	if !strings.Contains(said.String(), ".svg") || !strings.Contains(said.String(), ".html") {
		t.Errorf("it said %q", said.String())
	}
	said.Reset()
	if err := WriteReport(&said, filepath.Join(t.TempDir(), "toy-2.txt"), &Record{&s, nil, samplesOf("fast", 1)}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said.String(), ".svg") {
		t.Errorf("without the base it said %q", said.String())
	}
}
