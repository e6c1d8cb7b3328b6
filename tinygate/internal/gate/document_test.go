package gate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

const failuresPage = "../../../docs/tinygate-failures.md"

// The page has the table that TestRetries holds against the gate, and names tests that there are.
func TestFailuresAreDocumented(t *testing.T) {
	b, err := os.ReadFile(failuresPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	var rows strings.Builder
	for _, r := range retryTable {
		fmt.Fprintf(&rows, "| %s | %d | %s | %s | %s | %s |\n", r.fails, r.rule.Tries, reasons(r.rule), r.idempotent, r.others, r.streamed)
	}
	if !strings.Contains(page, rows.String()) {
		t.Errorf("%s has not the rows of retryTable:\n%s", failuresPage, rows.String())
	}
	tests := allTests(t)
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(page, -1)
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("%s names %s, which there is not", failuresPage, m[1])
		}
	}
	if len(named) < 20 {
		t.Errorf("%s names %d tests", failuresPage, len(named))
	}
}

// reasons are when a rule has a request sent again, as the configuration names them.
func reasons(r config.Retry) string {
	var all []string
	for _, on := range []struct {
		is   bool
		name string
	}{{r.Connect, "connect"}, {r.Reset, "reset"}, {r.Timeout, "timeout"}, {len(r.Status) > 0, "503"}} {
		if on.is {
			all = append(all, on.name)
		}
	}
	return strings.Join(all, ", ")
}

// allTests are the names of the tests of this package, of those beside it and of the program.
func allTests(t *testing.T) map[string]bool {
	files, err := filepath.Glob("../*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Glob("../../*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, program...)
	all := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(b, -1) {
			all[string(m[1])] = true
		}
	}
	return all
}
