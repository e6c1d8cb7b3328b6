package tidy

import (
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The section of README.md with one row for each package: | [`name`](folder) | what it is |
var (
	packageSection = regexp.MustCompile(`(?ms)^## Packages\n(.*?)(?:^## |\z)`)
	packageRow     = regexp.MustCompile("(?m)^\\| \\[`([^`]+)`\\]\\(([^)]+)\\) \\|")
)

func TestReadmeListsThePackages(t *testing.T) {
	tree := mustLoad(t)
	section := packageSection.FindSubmatch(tree.Docs["README.md"])
	if section == nil {
		t.Fatal(`README.md: no section "## Packages"`)
	}
	listed := map[string]bool{}
	for _, row := range packageRow.FindAllSubmatch(section[1], -1) {
		name, link := string(row[1]), string(row[2])
		listed[name] = true
		if _, err := os.Stat(filepath.Join(tree.Root, filepath.FromSlash(link))); err != nil {
			t.Errorf("README.md: the link of %s leads nowhere: %v", name, err)
		}
	}
	pkgs, err := tree.List(linuxAMD64, "work")
	if err != nil {
		t.Fatal(err)
	}
	exist := map[string]bool{}
	for _, p := range pkgs {
		if name, _ := Short(p.ImportPath); !isInternal(name) {
			exist[name] = true
		}
	}
	for name := range exist {
		if !listed[name] {
			folder := name
			if name == "unio" {
				folder = "."
			}
			t.Errorf("README.md: add a row \"| [`%s`](%s) | what it is |\" to the list of packages", name, folder)
		}
	}
	for name := range listed {
		if !exist[name] {
			t.Errorf("README.md: there is no package %s: take its row out", name)
		}
	}
}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

func TestGoBlocksAreCompiledExamples(t *testing.T) {
	tree := mustLoad(t)
	texts := exampleTexts(tree)
	for _, name := range slices.Sorted(maps.Keys(tree.Docs)) {
		for _, block := range goBlock.FindAllSubmatch(tree.Docs[name], -1) {
			if text := string(block[1]); !texts[normal(text)] {
				t.Errorf("%s: this block is not the text of a compiled example: copy a whole file of examples/ (its first "+
					"comment may be left out) or a whole Example function (or its body):\n%s", name, text)
			}
		}
	}
}

// exampleTexts are the texts that documents may quote.
func exampleTexts(tree *Tree) map[string]bool {
	texts := map[string]bool{}
	for _, f := range tree.Files {
		if strings.HasPrefix(f.Path, "examples/") || strings.Contains(f.Path, "/examples/") {
			texts[normal(string(f.Src))] = true
			texts[normal(string(f.Src[tree.Fset.Position(f.AST.Package).Offset:]))] = true
		}
		if !f.IsTest() {
			continue
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Example") {
				continue
			}
			start, end := tree.Fset.Position(fn.Pos()).Offset, tree.Fset.Position(fn.End()).Offset
			open, shut := tree.Fset.Position(fn.Body.Lbrace).Offset, tree.Fset.Position(fn.Body.Rbrace).Offset
			texts[normal(string(f.Src[start:end]))] = true
			texts[normal(string(f.Src[open+1:shut]))] = true
		}
	}
	return texts
}

// normal is a text without the indentation that all its lines share and without blank lines around it.
func normal(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for {
		for _, l := range lines {
			if l != "" && !strings.HasPrefix(l, "\t") {
				return strings.TrimSpace(strings.Join(lines, "\n"))
			}
		}
		if len(strings.Join(lines, "")) == 0 {
			return ""
		}
		for i, l := range lines {
			lines[i] = strings.TrimPrefix(l, "\t")
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	tree := mustLoad(t)
	for _, name := range slices.Sorted(maps.Keys(tree.Docs)) {
		for _, m := range link.FindAllSubmatch(tree.Docs[name], -1) {
			target := filepath.Join(tree.Root, filepath.Dir(name), string(m[1]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link to %s leads nowhere: correct it or take it out", name, m[1])
			}
		}
	}
}
