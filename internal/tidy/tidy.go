// Package tidy is the style of this workspace as tests, and the few functions with which such tests read it: the
// source files, and what the go command says about packages.
//
// It is for tests only. Everything in it may be called from any goroutine and blocks while the go command runs.
package tidy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Module is the path of the root module, to which all names in plans and lists are relative.
const Module = "github.com/unio-go/unio"

// File is one Go source file of the workspace.
type File struct {
	Path string // relative to the root, with slashes
	Src  []byte
	AST  *ast.File
}

// IsTest reports whether the file belongs to a test.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Tree is the workspace as text.
type Tree struct {
	Root  string // absolute path of the folder with go.work
	Fset  *token.FileSet
	Files []*File           // every Go file outside of testdata
	Docs  map[string][]byte // every Markdown file, by path relative to the root
}

// Load reads the workspace once per process. It opens every file itself, also where a test then only starts the go
// command: the test cache knows which files a test opened, but not what a process started by it has read.
var Load = sync.OnceValues(load)

func load() (*Tree, error) {
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	t := &Tree{Root: root, Fset: token.NewFileSet(), Docs: map[string][]byte{}}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")
			if name != root && (hidden || d.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		return t.add(name)
	})
	return t, err
}

func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.work above the test: run it in a checkout of the workspace")
		}
		dir = up
	}
}

func (t *Tree) add(name string) error {
	rel, err := filepath.Rel(t.Root, name)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	switch filepath.Ext(name) {
	case ".go", ".md", ".s", ".mod", ".work":
	default:
		return nil
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	switch filepath.Ext(name) {
	case ".md":
		t.Docs[rel] = src
	case ".go":
		f, err := parser.ParseFile(t.Fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.Files = append(t.Files, &File{Path: rel, Src: src, AST: f})
	}
	return nil
}

// Command prepares the go command (or what it names) in the root of the workspace, with env added to the environment.
func (t *Tree) Command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = t.Root
	cmd.Env = append(append(os.Environ(), "PWD="+t.Root), env...)
	return cmd
}

// Package is what go list says about a package, as far as the tests ask for it.
type Package struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	Export     string
	Imports    []string
	Module     *struct{ Path string }
}

// List runs go list with the environment env and the arguments args. A package that does not build is listed too: to
// say so is the compiler's task.
func (t *Tree) List(env []string, args ...string) ([]*Package, error) {
	const fields = "-json=ImportPath,Name,Dir,GoFiles,Export,Imports,Module"
	cmd := t.Command(env, append([]string{"list", "-e", fields}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	var list []*Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(Package)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
		}
		list = append(list, p)
	}
}

// Short is the name of a package of the workspace in plans and lists: its path below the root module, or "unio" for
// the root itself. For any other package it is the import path, and ok is false.
func Short(path string) (name string, ok bool) {
	if path == Module {
		return "unio", true
	}
	if rest, ok := strings.CutPrefix(path, Module+"/"); ok {
		return rest, true
	}
	return path, false
}
