package osfs_test

import (
	"os"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/osfs"
	"github.com/unio-go/unio/vfs/vfstest"
)

func TestConformance(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS { return newFS(t, t.TempDir()) })
}

// TestConformanceInMemory runs the kit where the system keeps files in memory (tmpfs).
func TestConformanceInMemory(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("lacks: a tmpfs at /dev/shm")
	}
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		dir, err := os.MkdirTemp("/dev/shm", "osfs")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return newFS(t, dir)
	})
}

func newFS(t *testing.T, dir string) *osfs.FS {
	t.Helper()
	fsys, err := osfs.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fsys.Close(); err != nil {
			t.Error(err)
		}
	})
	return fsys
}
