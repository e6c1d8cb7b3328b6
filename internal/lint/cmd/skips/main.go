// Command skips reads the output of go test -json, prints it as go test without -v would, and fails when a test was
// skipped that is not listed with the capability it lacks: a lane that skips what it should prove is not green.
//
//	go test -json work | skips -allow .ci/skips
//
// The list has lines "package TestName : capability", the package as a path below the root module ("unio" for the
// root). A line covers the test and its subtests.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const module = "github.com/unio-go/unio"

func main() {
	allow := flag.String("allow", ".ci/skips", "file with the skips that are allowed")
	flag.Parse()
	list, err := os.ReadFile(*allow)
	if err == nil {
		var allowed []rule
		if allowed, err = parseRules(string(list)); err == nil {
			err = newReader(os.Stdout, allowed).run(os.Stdin)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "skips:", err)
		os.Exit(1)
	}
}

// rule is a line of the list.
type rule struct{ pkg, test, capability string }

func parseRules(text string) (rules []rule, err error) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		what, capability, ok := strings.Cut(line, " : ")
		fields := strings.Fields(what)
		if !ok || len(fields) != 2 || strings.TrimSpace(capability) == "" {
			return nil, fmt.Errorf(`line %d of the list: want "package TestName : capability", have %q`, i+1, line)
		}
		rules = append(rules, rule{fields[0], fields[1], strings.TrimSpace(capability)})
	}
	return rules, nil
}

func (r rule) covers(pkg, test string) bool {
	return r.pkg == short(pkg) && (test == r.test || strings.HasPrefix(test, r.test+"/"))
}

// short is a package's name in the list.
func short(pkg string) string {
	if pkg == module {
		return "unio"
	}
	return strings.TrimPrefix(pkg, module+"/")
}

// event is what go test -json writes; see go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
}

// id names a test, or a package by an empty test.
type id struct{ pkg, test string }

type reader struct {
	out     io.Writer
	allowed []rule
	pending map[id][]string // output of tests that have not ended, in order
	failed  []string
	missing []string // skips that are not listed
	skipped int
	passed  int
}

func newReader(out io.Writer, allowed []rule) *reader {
	return &reader{out: out, allowed: allowed, pending: map[id][]string{}}
}

// run reads to the end of in. The error says what failed, and which skips are not listed.
func (r *reader) run(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
			r.take(e)
		} else {
			fmt.Fprint(r.out, line) // not an event: the go command itself speaks
		}
		if err == io.EOF {
			return r.verdict()
		} else if err != nil {
			return err
		}
	}
}

func (r *reader) take(e event) {
	key := id{e.Package, e.Test}
	switch e.Action {
	case "output":
		if strings.HasPrefix(e.Output, "=== ") {
			return // progress, which go test shows with -v only
		}
		if e.Test != "" {
			r.pending[key] = append(r.pending[key], e.Output)
		} else if e.Output != "PASS\n" {
			fmt.Fprint(r.out, e.Output)
		}
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "build-fail":
		r.failed = append(r.failed, short(e.ImportPath)+" (build)")
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		delete(r.pending, key)
	case "skip":
		if e.Test != "" {
			r.skip(key)
		}
		delete(r.pending, key)
	case "fail":
		if e.Test == "" {
			r.packageFailed(e.Package)
			return
		}
		r.print(key)
		r.failed = append(r.failed, short(e.Package)+" "+e.Test)
	}
}

func (r *reader) skip(key id) {
	r.skipped++
	if !slices.ContainsFunc(r.allowed, func(a rule) bool { return a.covers(key.pkg, key.test) }) {
		r.missing = append(r.missing, short(key.pkg)+" "+key.test)
		r.print(key)
	}
}

// packageFailed prints what tests said that had not ended when the process did.
func (r *reader) packageFailed(pkg string) {
	var open []id
	for key := range r.pending {
		if key.pkg == pkg {
			open = append(open, key)
		}
	}
	slices.SortFunc(open, func(a, b id) int { return strings.Compare(a.test, b.test) })
	for _, key := range open {
		r.print(key)
	}
	r.failed = append(r.failed, short(pkg))
}

func (r *reader) print(key id) {
	for _, s := range r.pending[key] {
		fmt.Fprint(r.out, s)
	}
	delete(r.pending, key)
}

func (r *reader) verdict() error {
	fmt.Fprintf(r.out, "%d tests passed, %d skipped\n", r.passed, r.skipped)
	var problems []string
	if len(r.failed) > 0 {
		problems = append(problems, "failed: "+strings.Join(r.failed, ", "))
	}
	if len(r.missing) > 0 {
		problems = append(problems, "skipped and not in the list: "+strings.Join(r.missing, ", ")+
			"; give the machine what they lack, or add \"package TestName : capability\"")
	}
	if r.passed == 0 && len(problems) == 0 {
		problems = append(problems, "no test ran")
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s", strings.Join(problems, "\n"))
	}
	return nil
}
