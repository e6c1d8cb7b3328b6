package pebblevfs_test

import (
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
	"github.com/unio-go/unio/vfs/osfs"
)

// systems are what the adapter stands on in tests, each at a directory that is there, or by itself.
var systems = []struct {
	name   string
	memory bool // it has no files of the operating system
	open   func(t testing.TB, dir string) vfs.FS
}{
	{"osfs", false, openOS},
	{"uring", false, openRuntime(unio.Uring)},
	{"epoll", false, openRuntime(unio.Epoll)},
	{"std", false, openRuntime(unio.Std)},
	{"memfs", true, func(testing.TB, string) vfs.FS { return memfs.New() }},
}

func openOS(t testing.TB, dir string) vfs.FS {
	fsys, err := osfs.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

// openRuntime gives Runtime.FS on an engine.
func openRuntime(engine unio.Engine) func(testing.TB, string) vfs.FS {
	return func(t testing.TB, dir string) vfs.FS {
		if err := uniotest.Refused(engine); err != nil {
			t.Skipf("lacks: the engine %s: %v", engine, err)
		}
		rt, err := unio.New(&unio.Options{Engine: engine})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := rt.Close(); err != nil {
				t.Error(err)
			}
		})
		fsys, err := rt.FS(dir)
		if err != nil {
			t.Fatal(err)
		}
		return fsys
	}
}

// bare hides the powers of a file system and of its files.
type bare struct{ vfs.FS }
