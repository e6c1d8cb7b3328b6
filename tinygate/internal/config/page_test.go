package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	page     = "../../../docs/tinygate.md"
	examples = "../../examples/*.yaml"
)

// TestExamples holds that each example is without a fault, and named on the page.
func TestExamples(t *testing.T) {
	text := readPage(t)
	for _, file := range files(t, examples, 10) {
		name := filepath.Base(file)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		accept(t, name, string(b))
		if !strings.Contains(text, "](../tinygate/examples/"+name+")") {
			t.Errorf("%s is not on the page of the configuration: name it among the tasks", name)
		}
	}
}

// accept parses a file that may have no fault.
func accept(t *testing.T, name, text string) *Config {
	t.Helper()
	cfg, err := Parse(name, []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := valid(cfg); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("%s: %q", name, cfg.Warnings)
	}
	return cfg
}

func readPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPageBlocks holds that each YAML block of the page is a file without a fault.
func TestPageBlocks(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readPage(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for i, b := range blocks {
		accept(t, fmt.Sprintf("block %d", i), b[1])
	}
}

// row is a line of a table of the page.
type row struct {
	keys     []string
	def      string // the default, where it is a value
	ofARoute bool
}

// pageRows returns the tables whose first column is "key", by their heading in lower case.
func pageRows(text string) map[string][]row {
	all := map[string][]row{}
	section, inTable := "", false
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "#"):
			section = strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
		case strings.HasPrefix(line, "| key |"):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && strings.HasPrefix(line, "| `"):
			all[section] = append(all[section], parseRow(line))
		}
	}
	return all
}

var code = regexp.MustCompile("`([^`]*)`")

func parseRow(line string) row {
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	var r row
	for _, m := range code.FindAllStringSubmatch(cells[0], -1) {
		r.keys = append(r.keys, m[1])
	}
	if m := regexp.MustCompile("^`([^`]*)`$").FindStringSubmatch(cells[2]); m != nil {
		r.def = m[1]
	}
	r.ofARoute = cells[3] == "yes"
	return r
}

// TestPageHasEachKey holds the page against the decoder: each key of each section has its row, and no other is there.
func TestPageHasEachKey(t *testing.T) {
	rows := pageRows(readPage(t))
	for section, want := range known {
		base, ofARoute := strings.CutSuffix(section, " of a route")
		var got []string
		for _, r := range rows[base] {
			if !ofARoute || r.ofARoute {
				got = append(got, r.keys...)
			}
		}
		want = slices.Sorted(slices.Values(want))
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("the table below the heading %q has\n%v\nand there are\n%v", base, got, want)
		}
	}
	for _, section := range slices.Sorted(maps.Keys(rows)) {
		if known[section] == nil {
			t.Errorf("there is no section %q", section)
		}
	}
}

// withKey are files with room for a key of a section.
var withKey = map[string]string{
	"the file":           "listen: :80\nto: 10.0.0.1:80\n%s",
	"access_log":         "listen: :80\nto: 10.0.0.1:80\naccess_log: {path: stdout, %s}",
	"a listener":         "listen: {address: \":80\", %s}\nto: 10.0.0.1:80",
	"tls of a listener":  "listen: {address: \":80\", tls: {cert: a, key: b, client_ca: c, %s}}\nto: 10.0.0.1:80",
	"an upstream":        "listen: :80\nto: web\nupstreams: {web: {servers: 10.0.0.1:80, %s}}",
	"a server":           "listen: :80\nto: web\nupstreams: {web: {servers: {address: 10.0.0.1:80, %s}}}",
	"health":             "listen: :80\nto: web\nupstreams: {web: {servers: 10.0.0.1:80, health: {%s}}}",
	"eject":              "listen: :80\nto: web\nupstreams: {web: {servers: 10.0.0.1:80, eject: {%s}}}",
	"pool":               "listen: :80\nto: web\nupstreams: {web: {servers: 10.0.0.1:80, pool: {%s}}}",
	"tls of an upstream": "listen: :80\nto: web\nupstreams: {web: {servers: 10.0.0.1:80, tls: {%s}}}",
	"a route":            "listen: :80\nroutes: {to: 10.0.0.1:80, %s}",
	"answer":             "listen: :80\nroutes: {answer: {%s}}",
	"times":              "listen: :80\nto: 10.0.0.1:80\ntimes: {%s}",
	"forwarded":          "listen: :80\nto: 10.0.0.1:80\ntrusted_proxies: 10.0.0.0/8\nforwarded: {%s}",
	"limits":             "listen: :80\nto: 10.0.0.1:80\nlimits: {%s}",
	"buffer":             "listen: :80\nto: 10.0.0.1:80\nbuffer: {%s}",
	"retry":              "listen: :80\nto: 10.0.0.1:80\nretry: {%s}",
}

// TestPageDefaults holds that each default on the page is what a file without the key has.
func TestPageDefaults(t *testing.T) {
	tried := 0
	for section, rows := range pageRows(readPage(t)) {
		for _, r := range rows {
			if r.def == "" || section == "a condition" { // where false would say nothing, and is refused
				continue
			}
			file := withKey[section]
			if file == "" {
				t.Errorf("there is no file to try %s of %s in", r.keys[0], section)
				continue
			}
			tried++
			name := section + ": " + r.keys[0] + ": " + r.def
			without := dump(accept(t, name, fmt.Sprintf(file, "")))
			with := dump(accept(t, name, fmt.Sprintf(file, r.keys[0]+": "+r.def)))
			if !slices.Equal(with, without) {
				t.Errorf("%s is not the default: with it %q, without it %q", name, beside(with, without), beside(without, with))
			}
		}
	}
	if tried < 40 {
		t.Errorf("%d defaults were found", tried)
	}
}

// beside returns the lines of a that are not in b.
func beside(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return slices.Contains(b, l) })
}

// TestPageDescribesVariables holds that each variable has its place on the page.
func TestPageDescribesVariables(t *testing.T) {
	text := readPage(t)
	for _, n := range slices.Concat(EditNames, RedirectNames, LogNames) {
		if !strings.Contains(text, "${"+n+"}") {
			t.Errorf("${%s} is not on the page", n)
		}
	}
}

// TestGoodFilesHaveEachKey holds that the golden files leave no key out.
func TestGoodFilesHaveEachKey(t *testing.T) {
	var all strings.Builder
	for _, file := range files(t, "testdata/good/*.yaml", 8) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for section, names := range known {
		for _, n := range names {
			if !regexp.MustCompile(`\b` + n + `: |\b` + n + `:\n`).MatchString(all.String()) {
				t.Errorf("%s of %s is in no file of testdata/good", n, section)
			}
		}
	}
}
