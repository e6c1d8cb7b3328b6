package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what came out into testdata, to be read as a diff")

// testEnv is the environment of all files in testdata.
func testEnv(name string) (string, bool) {
	s, ok := map[string]string{
		"BACKEND": "10.0.0.9:8080", "EMPTY": "", "TRAP": "a\n- b: {c}", "NETWORK": "10.1.0.0/16", "SECONDS": "7s",
	}[name]
	return s, ok
}

// golden compares got with a file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: go test -rewrite makes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: go test -rewrite renews it\ngot\n%s\nwant\n%s", file, got, want)
	}
}

// files returns those of a folder, and fails when there are fewer than expected.
func files(t testing.TB, pattern string, least int) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) < least {
		t.Fatalf("%s: %d files, %v; expected at least %d", pattern, len(all), err, least)
	}
	return all
}

// TestWrong holds what is said of each mistake, with its place.
func TestWrong(t *testing.T) {
	for _, file := range files(t, "testdata/wrong/*.yaml", 50) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := Parse(filepath.Base(file), text, testEnv)
			if err == nil {
				t.Fatalf("accepted: %+v", cfg)
			}
			if cfg != nil {
				t.Error("a Config came beside the error")
			}
			checkError(t, err, text)
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(err.Error()+"\n"))
		})
	}
}

// checkError holds what is true of each error of Parse.
func checkError(t *testing.T, err error, text []byte) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("the error is a %T", err)
	}
	lines := bytes.Count(text, []byte("\n")) + 1 + bytes.Count(text, []byte("\r")) +
		strings.Count(string(text), "\u2028") + strings.Count(string(text), "\u2029") + strings.Count(string(text), "\u0085")
	if len(e.Problems) == 0 || len(e.Problems) > problemsMax {
		t.Errorf("%d problems", len(e.Problems))
	}
	last := place{}
	for _, p := range e.Problems {
		if p.Line < 1 || p.Line > lines+1 || p.Column < 1 {
			t.Errorf("the place %d:%d is not in the file: %s", p.Line, p.Column, p.Text)
		}
		if p.Line < last.line || p.Line == last.line && p.Column < last.column {
			t.Errorf("%d:%d is told behind %d:%d", p.Line, p.Column, last.line, last.column)
		}
		last = place{p.Line, p.Column}
		if !strings.Contains(p.Text, "; ") && !strings.Contains(p.Text, ";\n") {
			t.Errorf("%q does not say what would be right", p.Text)
		}
	}
}

// index is a place in a list.
var index = regexp.MustCompile(`\[\d+\]`)

// TestGood holds what each file says to the gate. What is the same as in testdata/defaults.txt is left out.
func TestGood(t *testing.T) {
	least, err := Simple(":8080", []string{"127.0.0.1:3000"})
	if err != nil {
		t.Fatal(err)
	}
	usual := dump(least)
	golden(t, "testdata/defaults.txt", []byte(strings.Join(usual, "\n")+"\n"))
	for _, file := range files(t, "testdata/good/*.yaml", 8) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := Parse(filepath.Base(file), text, testEnv)
			if err != nil {
				t.Fatal(err)
			}
			if err := valid(cfg); err != nil {
				t.Error(err)
			}
			var b strings.Builder
			for _, l := range dump(cfg) {
				if !slices.Contains(usual, index.ReplaceAllString(l, "[0]")) {
					b.WriteString(l + "\n")
				}
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(b.String()))
		})
	}
}

// dump returns a line for each exported field that is not zero.
func dump(cfg *Config) []string {
	d := &dumper{}
	d.value("", reflect.ValueOf(cfg).Elem())
	return d.lines
}

type dumper struct{ lines []string }

func (d *dumper) line(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *dumper) value(name string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	switch x := v.Interface().(type) {
	case *Upstream:
		if !strings.HasPrefix(name, "Upstreams") {
			d.line("%s = %s", name, x.Name)
			return
		}
	case fmt.Stringer:
		d.line("%s = %v", name, x)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		d.line("%s:", name)
		d.value(name, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			d.value(fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				d.value(strings.TrimPrefix(name+"."+f.Name, "."), v.Field(i))
			}
		}
	case reflect.String:
		d.line("%s = %q", name, v.String())
	default:
		d.line("%s = %v", name, v.Interface())
	}
}
