package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/proxies"
)

// The whole command in slices of 10 ms: every contender that the machine has, in every case, without an error or a wrong byte, and
// what is made of the raw file afterwards.
func TestShortProxies(t *testing.T) {
	if _, _, err := host.ChooseCPUs(); errors.Is(err, host.ErrOneCPU) {
		t.Skipf("lacks: two CPUs: %v", err)
	}
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run([]string{"proxies", "-quick", "-rounds", "1", "-slice", "10ms", "-cases", ".", "-out", dir}, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, c := range proxies.Contenders() {
		measured := strings.Contains(out.String(), "  "+string(c)+" ")
		if left := strings.Contains(out.String(), "left out: "+string(c)); !measured && !left {
			t.Errorf("%s is neither measured nor left out in\n%s", c, &out)
		}
		if c == proxies.HTTPUtil && !measured { // which needs nothing that a machine may lack
			t.Errorf("%s is not measured in\n%s", c, &out)
		}
	}
	for _, cs := range proxies.Cases() {
		if !strings.Contains(out.String(), "\n"+cs.Title()+"\n") {
			t.Errorf("%s is missing in\n%s", cs, &out)
		}
	}
	raws, err := filepath.Glob(filepath.Join(dir, "proxies-*.txt"))
	if err != nil || len(raws) != 1 {
		t.Fatalf("raw files %v, %v", raws, err)
	}
	report := strings.TrimSuffix(raws[0], ".txt") + ".html"
	first, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for cmd, want := range map[string]string{"show": proxies.Fresh.Title(), "check": "uring of nginx", "plot": ".html"} {
		var b bytes.Buffer
		if err := run([]string{cmd, raws[0]}, &b); err != nil && cmd != "check" || !strings.Contains(b.String(), want) {
			t.Errorf("%s: %v\n%s", cmd, err, &b)
		}
	}
	page, err := os.ReadFile(report)
	if err != nil || !bytes.Contains(page, []byte("httputil.ReverseProxy")) {
		t.Errorf("the report made again has no configurations, %v", err)
	}
	if date := dateOf(first); date == "" || date != dateOf(page) {
		t.Errorf("the report is of %q, and made again of %q", date, dateOf(page))
	}
}

// dateOf is the date in the facts of a report.
func dateOf(page []byte) string {
	_, rest, _ := bytes.Cut(page, []byte("<td>date</td><td>"))
	date, _, _ := bytes.Cut(rest, []byte("<"))
	return string(date)
}
