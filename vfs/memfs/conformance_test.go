package memfs_test

import (
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
	"github.com/unio-go/unio/vfs/vfstest"
)

func TestConformance(t *testing.T) {
	vfstest.TestFS(t, func(*testing.T) vfs.FS { return memfs.New() })
}

// What a crash leaves is an FS like any other.
func TestConformanceAfterACrash(t *testing.T) {
	vfstest.TestFS(t, func(*testing.T) vfs.FS { return memfs.New().Crash(1) })
}
