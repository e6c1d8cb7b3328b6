package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

func TestReadAtEachHeight(t *testing.T) {
	uniotest.CheckLeaks(t)
	want := make([]byte, 100_000)
	for i := range want {
		want[i] = byte(i * 13 >> 4)
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, want, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, engine := range uniotest.Engines() {
		if uniotest.Refused(engine) != nil {
			continue // the others are the same test
		}
		for height := range heights {
			t.Run(fmt.Sprint(engine, "/", height), func(t *testing.T) {
				t.Setenv(unio.EngineVariable, string(engine))
				for _, c := range []struct{ off, n int }{
					{0, 100}, {0, 100_000}, {5, 4096}, {4096, 4096}, {99_990, 500}, {99_999, 1}, {100_000, 1}, {1 << 20, 10},
				} {
					readPart(t, height, name, want, c.off, c.n)
				}
			})
		}
	}
}

// readPart reads a part at a height. What this machine lacks for it the error must name.
func readPart(t *testing.T, height, name string, file []byte, off, n int) {
	t.Helper()
	want := file[min(off, len(file)):min(off+n, len(file))]
	var got bytes.Buffer
	err := run(height, []string{name, fmt.Sprint(off), fmt.Sprint(n)}, &got)
	switch {
	case err == nil:
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes at %d: %d came, want %d", n, off, got.Len(), len(want))
		}
	case height == "task" && strings.Contains(err.Error(), "O_DIRECT"),
		height == "ring" && (errors.Is(err, errors.ErrUnsupported) || uniotest.Refused(unio.Uring) != nil):
		t.Log(err)
	default:
		t.Errorf("%d bytes at %d: %v", n, off, err)
	}
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{}, {"x"}, {"x", "y", "1"}, {"x", "1", "y"}, {"/nowhere/at/all", "0", "1"},
		{"main.go", "0", "-1"}, {"main.go", "-1", "1"}} {
		for height := range heights {
			if err := run(height, args, new(bytes.Buffer)); err == nil {
				t.Errorf("%s %q: no error", height, args)
			}
		}
	}
	if err := run("cloud", []string{"x", "0", "1"}, new(bytes.Buffer)); err == nil {
		t.Error("a height that there is not: no error")
	}
}
