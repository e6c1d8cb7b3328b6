package tidy

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// engineTags are the build tags that leave an engine out: pkg is the engine, of which only the stand-in that refuses to
// start may be left, and gone are packages of which nothing may be.
var engineTags = []struct {
	tag, pkg string
	gone     []string
}{
	{"unio_nouring", Module + "/internal/engine/uringengine", []string{Module + "/uring"}},
	{"unio_noepoll", Module + "/internal/engine/epollengine", nil},
}

// enginesProgram is the program in which the test looks for engines.
const enginesProgram = Module + "/examples/echo"

// TestTagsLeaveEnginesOut builds a program for linux with and without each tag and looks at what was linked.
func TestTagsLeaveEnginesOut(t *testing.T) {
	tree := mustLoad(t)
	whole := linked(t, tree, "")
	for _, e := range engineTags {
		without := linked(t, tree, e.tag)
		if len(whole.inside(e.pkg)) == 0 {
			t.Errorf("%s has nothing of %s even without tags: correct the names in this test", enginesProgram, e.pkg)
		}
		if left := without.inside(e.pkg); len(left) > 0 {
			t.Errorf("-tags %s: %s still has the inside of %s: tag its files; left are %q", e.tag, enginesProgram, e.pkg, left)
		}
		for _, pkg := range e.gone {
			if !slices.Contains(whole.deps, pkg) {
				t.Errorf("%s does not need %s even without tags: correct the names in this test", enginesProgram, pkg)
			}
			if slices.Contains(without.deps, pkg) || strings.Contains(without.symbols, " "+pkg+".") {
				t.Errorf("-tags %s: %s still needs %s: find who imports it with go list -deps -tags %[1]s",
					e.tag, enginesProgram, pkg)
			}
		}
	}
}

// binary is what the linker put together.
type binary struct {
	deps    []string // import paths
	symbols string   // as go tool nm prints them
}

// inside gives the symbols of a package's own functions and variables: those without a name for other packages. A
// stand-in has none, since it consists of the names that its users need.
func (b binary) inside(pkg string) []string {
	own := regexp.MustCompile(` ` + regexp.QuoteMeta(pkg) + `\.((\(\*?\w+\)|[A-Z]\w*)\.)?(\(\*)?[a-z][\w.]*`)
	closure := regexp.MustCompile(`\.[A-Z]\w*\.(func|deferwrap|gowrap)\d+`)
	return slices.DeleteFunc(own.FindAllString(b.symbols, -1), closure.MatchString)
}

func linked(t *testing.T, tree *Tree, tags string) (b binary) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	build := tree.Command(linuxAMD64, "build", "-o", file, "-tags="+tags, enginesProgram)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build -tags=%s %s: %v\n%s", tags, enginesProgram, err, out)
	}
	symbols, err := tree.Command(linuxAMD64, "tool", "nm", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	deps, err := tree.Command(linuxAMD64, "list", "-deps", "-tags="+tags, enginesProgram).Output()
	if err != nil {
		t.Fatal(err)
	}
	return binary{deps: strings.Fields(string(deps)), symbols: string(symbols)}
}

// TestSimIsNotInPrograms holds the simulated engine out of what is not a test: who imports it links it, whoever chooses it.
func TestSimIsNotInPrograms(t *testing.T) {
	const sim = Module + "/internal/engine/simengine"
	tree := mustLoad(t)
	program := linked(t, tree, "")
	if slices.Contains(program.deps, sim) || strings.Contains(program.symbols, " "+sim+".") {
		t.Errorf("%s has %s: only package uniotest may import it", enginesProgram, sim)
	}
	deps, err := tree.Command(linuxAMD64, "list", "-deps", Module+"/uniotest").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strings.Fields(string(deps)), sim) {
		t.Errorf("package uniotest does not need %s: correct the names in this test", sim)
	}
}
