package floors

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/unio-go/unio/internal/tidy"
)

// requirements are the modules that users of the root module get with it.
var requirements = []string{"golang.org/x/sys"}

// builds are the ways to build that change what a package imports.
var builds = func() (all []build) {
	for _, goos := range []string{"linux", "darwin"} {
		for _, tags := range []string{
			"", "unio_nouring", "unio_noepoll", "unio_nouring,unio_noepoll", "uniodebug",
		} {
			all = append(all, build{goos, tags})
		}
	}
	return all
}()

type build struct{ goos, tags string }

func (b build) String() string { return fmt.Sprintf("GOOS=%s -tags=%s", b.goos, b.tags) }

// line is one line of the plan.
type line struct {
	number int
	name   string
	may    []string
	seen   bool            // some build has such a package
	used   map[string]bool // which of may some build needs
}

// covers reports whether pattern, a name of the plan, stands for the package.
func covers(pattern, pkg string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		pattern = dir
		return pkg == pattern || strings.HasPrefix(pkg, pattern+"/")
	}
	return pkg == pattern
}

// parse reads the plan and tells every line that leans on something not laid before it.
func parse(text string) (plan []*line, problems []string) {
	for i, row := range strings.Split(text, "\n") {
		row, _, _ = strings.Cut(row, "#")
		if strings.TrimSpace(row) == "" {
			continue
		}
		name, may, ok := strings.Cut(row, " :")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			problems = append(problems, fmt.Sprintf(`floors.txt:%d: write "package : what it may import"`, i+1))
			continue
		}
		l := &line{number: i + 1, name: name, may: strings.Fields(may), used: map[string]bool{}}
		for _, m := range l.may {
			laid := slices.ContainsFunc(plan, func(p *line) bool { return p.name == m })
			if !outside(m) && !laid {
				problems = append(problems, fmt.Sprintf("floors.txt:%d: %s leans on %s, which no earlier line has laid: "+
					"move its line up, or take the arrow out", l.number, name, m))
			}
		}
		if slices.ContainsFunc(plan, func(p *line) bool { return p.name == name }) {
			problems = append(problems, fmt.Sprintf("floors.txt:%d: %s has a line already", l.number, name))
		}
		plan = append(plan, l)
	}
	return plan, problems
}

// find gives the line of a package: the one with its name, else the longest pattern above it.
func find(plan []*line, pkg string) *line {
	var best *line
	for _, l := range plan {
		if l.name == pkg {
			return l
		}
		if covers(l.name, pkg) && (best == nil || len(l.name) > len(best.name)) {
			best = l
		}
	}
	return best
}

// check holds one package against the plan and marks what it uses of it.
func check(plan []*line, pkg string, imports []string) (problems []string) {
	l := find(plan, pkg)
	if l == nil {
		return []string{fmt.Sprintf("package %s has no line: decide on which floor it lies and add "+
			"%q to internal/floors/floors.txt, below the lines of what it imports",
			pkg, pkg+" : "+strings.Join(imports, " "))}
	}
	l.seen = true
	for _, imp := range imports {
		i := slices.Index(l.may, imp)
		if i < 0 {
			i = slices.IndexFunc(l.may, func(m string) bool {
				return covers(m, imp) || outside(m) && strings.HasPrefix(imp, m+"/")
			})
		}
		switch {
		case i >= 0:
			l.used[l.may[i]] = true
		case find(plan, imp) == l && strings.HasSuffix(l.name, "/..."):
		default:
			problems = append(problems, fmt.Sprintf("%s imports %s, which floors.txt:%d does not allow: use a lower "+
				"floor, or decide that the arrow is right and add %s to that line", pkg, imp, l.number, imp))
		}
	}
	return problems
}

// outside reports whether a name is one of another module: its first element is a domain.
func outside(name string) bool { return strings.Contains(strings.Split(name, "/")[0], ".") }

// leftover tells what the plan allows and no build needs.
func leftover(plan []*line) (problems []string) {
	for _, l := range plan {
		if !l.seen {
			problems = append(problems,
				fmt.Sprintf("floors.txt:%d: there is no package %s: take the line out", l.number, l.name))
			continue
		}
		for _, m := range l.may {
			if !l.used[m] {
				problems = append(problems,
					fmt.Sprintf("floors.txt:%d: nobody needs %s : %s any more: take it out", l.number, l.name, m))
			}
		}
	}
	return problems
}

func TestFloors(t *testing.T) {
	text, err := os.ReadFile("floors.txt")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tidy.Load()
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := parse(string(text))
	type result struct {
		list []*tidy.Package
		err  error
	}
	results := make([]result, len(builds))
	var wg sync.WaitGroup
	for i, b := range builds {
		wg.Go(func() {
			env := []string{"GOOS=" + b.goos, "GOARCH=amd64", "CGO_ENABLED=0"}
			results[i].list, results[i].err = tree.List(env, "-tags="+b.tags, "work")
		})
	}
	wg.Wait()
	for i, b := range builds {
		if results[i].err != nil {
			t.Fatalf("%v: %v", b, results[i].err)
		}
		for _, p := range results[i].list {
			for _, found := range check(plan, short(p.ImportPath), bound(p)) {
				problems = append(problems, found+" ("+b.String()+")")
			}
		}
	}
	problems = append(problems, leftover(plan)...)
	told := map[string]bool{} // one build of ten is enough to see a problem
	for _, p := range problems {
		if what, _, _ := strings.Cut(p, " (GOOS="); !told[what] {
			told[what] = true
			t.Error(p)
		}
	}
}

func short(path string) string {
	name, _ := tidy.Short(path)
	return name
}

// bound are the imports of a package that the plan rules: those of this workspace, and in the root module those of
// other modules too. Modules of their own choose their libraries in their go.mod.
func bound(p *tidy.Package) (names []string) {
	for _, imp := range p.Imports {
		name, ours := tidy.Short(imp)
		std := !outside(imp)
		if ours || !std && p.Module != nil && p.Module.Path == tidy.Module {
			names = append(names, name)
		}
	}
	return names
}

func TestRootModuleRequiresOnlySys(t *testing.T) {
	tree, err := tidy.Load()
	if err != nil {
		t.Fatal(err)
	}
	out, err := tree.Command(nil, "mod", "edit", "-json", path.Join(tree.Root, "go.mod")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require                []struct{ Path string }
		Tool, Replace, Retract []any
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !slices.Contains(requirements, r.Path) {
			t.Errorf("go.mod requires %s: the root module requires %v only; put what needs it into a module of its own "+
				"(tinygate, bench, internal/lint)", r.Path, requirements)
		}
	}
	if len(mod.Tool) > 0 {
		t.Error("go.mod names a tool, which every user would get as a requirement: name it in internal/lint/go.mod")
	}
	if len(mod.Replace) > 0 {
		t.Error("go.mod replaces a module, which has no effect for users: take the line out")
	}
}

func TestPlanRefusesWhatItShould(t *testing.T) {
	for _, c := range []struct {
		name, plan, pkg string
		imports         []string
		want            string
	}{
		{"allowed", "a :\nb : a\n", "b", []string{"a"}, ""},
		{"upwards", "b : a\na :\n", "b", []string{"a"}, "no earlier line"},
		{"circle", "a : b\nb : a\n", "b", []string{"a"}, "no earlier line"},
		{"itself", "a : a\n", "a", nil, "no earlier line"},
		{"twice", "a :\na :\n", "a", nil, "has a line already"},
		{"new arrow", "a :\nb :\n", "b", []string{"a"}, "b imports a, which floors.txt:2"},
		{"no line", "a :\n", "b", []string{"a"}, `add "b : a"`},
		{"no package", "a :\nb : a\nc :\n", "b", []string{"a"}, "there is no package c"},
		{"unused arrow", "a :\nb : a\n", "b", nil, "nobody needs b : a"},
		{"no colon", "a\n", "a", nil, "write"},
		{"comment", "# why\na : # ground\n", "a", nil, ""},
		{"below a pattern", "a :\nb/... : a\n", "b/c", []string{"a", "b/d"}, ""},
		{"beside a pattern", "a :\nb/... : a\n", "bc", []string{"a"}, `add "bc : a"`},
		{"own line below a pattern", "a :\nb/c :\nb/... : a b/c\n", "b/c", []string{"a"}, "b/c imports a"},
		{"another module", "a : example.org/x\n", "a", []string{"example.org/x/y"}, ""},
		{"another module's neighbour", "a : example.org/x\n", "a", []string{"example.org/xy"}, "imports example.org/xy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, problems := parse(c.plan)
			if l := find(plan, "a"); l != nil {
				l.seen = true
			}
			problems = append(problems, check(plan, c.pkg, c.imports)...)
			problems = append(problems, leftover(plan)...)
			if all := strings.Join(problems, "\n"); c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("problems %q, want %q", all, c.want)
			}
		})
	}
}
