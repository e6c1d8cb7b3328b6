package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// functionLines is what fits a screen.
const functionLines = 70

// bannedWords are promises that nobody keeps; they are written so that this file does not hold them.
var bannedWords = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

func mustLoad(t *testing.T) *Tree {
	t.Helper()
	tree, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestFormatting(t *testing.T) {
	for _, f := range mustLoad(t).Files {
		want, err := format.Source(f.Src)
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
		} else if !bytes.Equal(f.Src, want) {
			t.Errorf("%s: run gofmt -w %[1]s", f.Path)
		}
	}
}

func TestBannedWords(t *testing.T) {
	tree := mustLoad(t)
	texts := map[string][]byte{}
	for name, src := range tree.Docs {
		texts[name] = src
	}
	for _, f := range tree.Files {
		texts[f.Path] = f.Src
	}
	for name, src := range texts {
		for i, l := range bytes.Split(src, []byte("\n")) {
			if w := bannedWords.Find(l); w != nil {
				t.Errorf("%s:%d: %s: do it now, or say as a sentence what the limit is", name, i+1, w)
			}
		}
	}
}

func TestNoInit(t *testing.T) {
	tree := mustLoad(t)
	for fn, f := range functions(tree) {
		if fn.Recv == nil && fn.Name.Name == "init" {
			t.Errorf("%v: no init functions: initialise where the value is made, or by a variable's declaration",
				at(tree, f, fn.Pos()))
		}
	}
}

func TestFunctionLength(t *testing.T) {
	tree := mustLoad(t)
	for fn, f := range functions(tree) {
		if f.IsTest() {
			continue
		}
		n := tree.Fset.Position(fn.End()).Line - tree.Fset.Position(fn.Pos()).Line + 1
		if n > functionLines {
			t.Errorf("%v: %s has %d lines: split it, %d fit a screen",
				at(tree, f, fn.Pos()), fn.Name.Name, n, functionLines)
		}
	}
}

// functions ranges over the declared functions and methods of the workspace.
func functions(tree *Tree) func(yield func(*ast.FuncDecl, *File) bool) {
	return func(yield func(*ast.FuncDecl, *File) bool) {
		for _, f := range tree.Files {
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && !yield(fn, f) {
					return
				}
			}
		}
	}
}

func at(tree *Tree, f *File, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, tree.Fset.Position(pos).Line)
}

func TestUnsafeFileNames(t *testing.T) {
	tree := mustLoad(t)
	for _, f := range tree.Files {
		for _, imp := range f.AST.Imports {
			name, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name == "unsafe" && !strings.Contains(path.Base(f.Path), "_unsafe") {
				t.Errorf("%v: imports unsafe: move that code into a file whose name has _unsafe in it",
					at(tree, f, imp.Pos()))
			}
		}
	}
}

func TestPackageDocs(t *testing.T) {
	docs := map[string][]string{} // by folder and name: which files have a package comment
	for _, f := range mustLoad(t).Files {
		if f.IsTest() {
			continue
		}
		key := path.Dir(f.Path) + " " + f.AST.Name.Name
		docs[key] = append(docs[key], "")[:len(docs[key])]
		if f.AST.Doc != nil && strings.TrimSpace(f.AST.Doc.Text()) != "" {
			docs[key] = append(docs[key], f.Path)
		}
	}
	for key, files := range docs {
		switch len(files) {
		case 0:
			t.Errorf("%s: no package comment: say in doc.go what the package is for, and for whom it is not", key)
		case 1:
		default:
			slices.Sort(files)
			t.Errorf("%s: package comments in %v: keep one, in doc.go or in the file of the same name", key, files)
		}
	}
}

func TestExportedSymbolsAreDocumented(t *testing.T) {
	tree := mustLoad(t)
	for _, f := range tree.Files {
		if f.IsTest() {
			continue
		}
		for _, d := range f.AST.Decls {
			for _, id := range undocumented(d) {
				t.Errorf("%v: exported %s has no comment: say what it is, and who owns, what blocks, which error",
					at(tree, f, id.Pos()), id.Name)
			}
		}
	}
}

// undocumented gives the exported names of a declaration that no comment explains. In a group the group's comment,
// the one above a name, or the one behind it will do.
func undocumented(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && (d.Doc == nil || d.Lparen.IsValid()) {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				if d.Doc != nil || s.Doc != nil || s.Comment != nil {
					continue
				}
				for _, id := range s.Names {
					if id.IsExported() {
						names = append(names, id)
					}
				}
			}
		}
	}
	return names
}

// receiver is the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
