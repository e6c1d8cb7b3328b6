package tidy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const faultsPage = "docs/faults.md"

// faultTest is a function in docs/faults.md: `folder.Name`, with unio for the root.
var faultTest = regexp.MustCompile("`([a-z/]+)\\.([A-Za-z0-9]+)`")

// The page of faults names tests that exist, one at least in each row, and has all of those that were written for it.
func TestFaultsNameTheirTests(t *testing.T) {
	tree := mustLoad(t)
	exist, required := faultTests(tree)
	for _, problem := range checkFaults(string(tree.Docs[faultsPage]), exist, required) {
		t.Errorf("%s: %s", faultsPage, problem)
	}
}

// faultTests are the functions of the workspace as the page names them, and those of the files for faults.
func faultTests(tree *Tree) (exist map[string]bool, required []string) {
	exist = map[string]bool{}
	for fn, f := range functions(tree) {
		folder, name := path.Dir(f.Path), fn.Name.Name
		if folder == "." {
			folder = "unio"
		}
		if fn.Recv != nil || strings.HasPrefix(name, "Test") != f.IsTest() {
			continue
		}
		exist[folder+"."+name] = true
		if folder == "unio" && strings.HasPrefix(f.Path, "faults_") && f.IsTest() {
			required = append(required, folder+"."+name)
		}
	}
	return exist, required
}

func checkFaults(page string, exist map[string]bool, required []string) (problems []string) {
	named := map[string]bool{}
	rows := 0
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.TrimSpace(cells[0]) == "fault" {
			continue
		}
		rows++
		found := faultTest.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(cells) != 3 || len(found) == 0 {
			problems = append(problems, fmt.Sprintf("the row %q wants three cells, the last with a test that proves it", cells[0]))
		}
		for _, m := range found {
			name := m[1] + "." + m[2]
			named[name] = true
			if !exist[name] {
				problems = append(problems, fmt.Sprintf("there is no %s: name the test that proves it", name))
			}
		}
	}
	if rows == 0 {
		problems = append(problems, "there is no table")
	}
	slices.Sort(required)
	for _, name := range required {
		if !named[name] {
			problems = append(problems, fmt.Sprintf("%s is not in a row: say what it proves", name))
		}
	}
	return problems
}

func TestFaultsPageThatIsWrong(t *testing.T) {
	exist := map[string]bool{"unio.TestA": true, "uring.TestB": true}
	const head = "| fault | what happens | proved by |\n|---|---|---|\n"
	for text, want := range map[string]int{
		head + "| a | b | `unio.TestA` `uring.TestB` |\n": 0,
		head + "| a | b | `unio.TestA` |\n":               0,
		head + "| a | b | `unio.TestC` |\n":               2, // it is not there, and TestA is in no row
		head + "| a | b | TestA |\n":                      2,
		head + "| a | `unio.TestA` |\n":                   1,
		"":                                                2,
	} {
		if got := checkFaults(text, exist, []string{"unio.TestA"}); len(got) != want {
			t.Errorf("%q: %q, want %d problems", text, got, want)
		}
	}
}
