package vfstest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/unio-go/unio/vfs/osfs"
)

// TestDefectsAreFound breaks one thing at a time in an FS that passes, and has the case that is for it find it. Each case must
// find something, or it holds nobody to anything.
func TestDefectsAreFound(t *testing.T) {
	for _, d := range defects {
		t.Run(d.found+"/"+strings.ReplaceAll(d.name, " ", "_"), func(t *testing.T) {
			i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == d.found })
			if i < 0 {
				t.Fatalf("there is no case %s", d.found)
			}
			broken := breakable(temporary(t))
			d.plant(broken)
			said := record(t, func(r *recorder) { cases[i].on(r, broken) })
			if len(said) == 0 {
				t.Errorf("%s does not find that %s", d.found, d.name)
			}
			for _, line := range said[:min(len(said), 2)] {
				t.Log(line)
			}
		})
	}
}

// TestEachCaseFindsADefect: a case that nothing was planted for may be unable to fail.
func TestEachCaseFindsADefect(t *testing.T) {
	for _, c := range cases {
		if !slices.ContainsFunc(defects, func(d defect) bool { return d.found == c.name }) {
			t.Errorf("no defect is planted for %s", c.name)
		}
	}
}

// TestNothingBrokenPasses: it is the defects that are found, not how they are planted.
func TestNothingBrokenPasses(t *testing.T) {
	for _, c := range cases {
		if said := record(t, func(r *recorder) { c.on(r, breakable(temporary(t))) }); len(said) > 0 {
			t.Errorf("%s fails where nothing is broken: %q", c.name, said)
		}
	}
}

// temporary is a sound FS, in memory where the system has such a directory.
func temporary(t *testing.T) *osfs.FS {
	t.Helper()
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "vfstest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	fsys, err := osfs.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

// recorder is a test whose failures are wanted.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

// record gives what a test says that fails, and nothing for one that passes.
func record(t *testing.T, run func(r *recorder)) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // Fatal ends a goroutine
		defer close(done)
		run(r)
	}()
	<-done
	return r.said
}

func (r *recorder) say(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, line)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.said) > 0
}

func (r *recorder) Error(args ...any)                 { r.say(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.say(fmt.Sprintf(format, args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
