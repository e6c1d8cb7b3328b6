package tidy

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "renew the files in testdata/api; then read the diff")

// linuxAMD64 is the machine whose API is the golden one, wherever the test runs.
var linuxAMD64 = []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"}

// TestAPI compares the exported symbols of each public package of the root module with testdata/api, so that a reviewer
// sees a change of the API as such.
func TestAPI(t *testing.T) {
	tree := mustLoad(t)
	list, err := tree.List(linuxAMD64, "./...")
	if err != nil {
		t.Fatal(err)
	}
	promised := map[string]bool{}
	for _, p := range list {
		if name, _ := Short(p.ImportPath); p.Name != "main" && !isInternal(name) {
			promised[goldenName(name)] = true
			t.Run(name, func(t *testing.T) { compareAPI(t, tree, name, p) })
		}
	}
	old, err := filepath.Glob(filepath.Join("testdata", "api", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if !promised[name] {
			t.Errorf("%s: there is no such package: take the file out", name)
		}
	}
}

// isInternal reports whether no other module may import the package.
func isInternal(name string) bool { return slices.Contains(strings.Split(name, "/"), "internal") }

func goldenName(pkg string) string {
	return filepath.Join("testdata", "api", strings.ReplaceAll(pkg, "/", "_")+".txt")
}

func compareAPI(t *testing.T, tree *Tree, name string, p *Package) {
	golden := goldenName(name)
	lines := exported(typeCheck(t, tree, p))
	got := strings.Join(append(lines, ""), "\n")
	if *rewrite {
		if err := writeGolden(golden, got); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := lineDiff(string(want), got); diff != "" {
		t.Errorf("the API of %s is not what %s says:\n%sif that is meant: go test ./internal/tidy -run TestAPI "+
			"-rewrite, and a line in CHANGELOG.md", name, golden, diff)
	}
}

func writeGolden(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o666)
}

// lineDiff tells which lines of two sorted texts are in one only.
func lineDiff(want, got string) string {
	var b strings.Builder
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	for _, l := range w {
		if _, found := slices.BinarySearch(g[:len(g)-1], l); !found && l != "" {
			b.WriteString("  - " + l)
		}
	}
	for _, l := range g {
		if _, found := slices.BinarySearch(w[:len(w)-1], l); !found && l != "" {
			b.WriteString("  + " + l)
		}
	}
	return b.String()
}

// exported lists the exported symbols of a package, sorted.
func exported(pkg *types.Package) (lines []string) {
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			lines = append(lines, symbol(obj)...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// typeCheck reads a package with the compiler's export data for what it imports.
func typeCheck(t *testing.T, tree *Tree, p *Package) *types.Package {
	list, err := tree.List(linuxAMD64, "-deps", "-export", p.ImportPath)
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for _, p := range list {
		exports[p.ImportPath] = p.Export
	}
	var files []*ast.File
	fset := token.NewFileSet()
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	conf := types.Config{
		Sizes: types.SizesFor("gc", "amd64"),
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
			if exports[path] == "" {
				return nil, fmt.Errorf("no export data of %s: does it build for linux?", path)
			}
			return os.Open(exports[path])
		}),
	}
	pkg, err := conf.Check(p.ImportPath, fset, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// symbol describes one object and, for a type, its exported fields and methods, each on a line of its own.
func symbol(obj types.Object) (lines []string) {
	qualify := func(p *types.Package) string {
		if p == obj.Pkg() {
			return ""
		}
		return p.Name()
	}
	switch obj := obj.(type) {
	case *types.Const:
		typ := types.TypeString(obj.Type(), qualify)
		return []string{fmt.Sprintf("const %s %s = %s", obj.Name(), typ, obj.Val().ExactString())}
	case *types.TypeName:
		if obj.IsAlias() {
			return []string{types.ObjectString(obj, qualify)}
		}
	default:
		return []string{types.ObjectString(obj, qualify)}
	}
	named := obj.Type().(*types.Named)
	kind := "type " + strings.TrimPrefix(types.ObjectString(obj, qualify), "type ")
	switch u := named.Underlying().(type) {
	case *types.Struct:
		kind, _, _ = strings.Cut(kind, " struct{")
		lines = append(lines, kind+" struct")
		for f := range u.Fields() {
			if f.Exported() {
				lines = append(lines, fmt.Sprintf("field %s.%s %s", obj.Name(), f.Name(), types.TypeString(f.Type(), qualify)))
			}
		}
	case *types.Interface:
		kind, _, _ = strings.Cut(kind, " interface{")
		lines = append(lines, kind+" interface")
		for m := range u.Methods() {
			what := strings.TrimPrefix(types.TypeString(m.Type(), qualify), "func")
			lines = append(lines, fmt.Sprintf("method %s.%s%s", obj.Name(), m.Name(), what))
		}
	default:
		lines = append(lines, kind)
	}
	for m := range named.Methods() {
		if m.Exported() {
			what := strings.TrimPrefix(types.TypeString(m.Signature(), qualify), "func")
			recv := types.TypeString(m.Signature().Recv().Type(), qualify)
			lines = append(lines, fmt.Sprintf("method (%s) %s%s", recv, m.Name(), what))
		}
	}
	return lines
}
