package osfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/osfs"
)

func TestClosedFS(t *testing.T) {
	fsys, err := osfs.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fsys.Close(); err != nil {
		t.Fatal(err)
	}
	_, stat := fsys.Stat("file")
	_, open := fsys.Open("file")
	for call, err := range map[string]error{
		"Stat": stat, "Open": open, "Mkdir": fsys.Mkdir("dir", 0o777), "Rename": fsys.Rename("file", "other"),
		"Remove": fsys.Remove("file"), "Close": fsys.Close(),
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s of a closed FS: %v, want fs.ErrClosed", call, err)
		}
	}
	if _, err := file.Write([]byte("still open")); err != nil {
		t.Errorf("Write to a file that was opened before its FS was closed: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewOfWhatIsNoDirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{filepath.Join(dir, "missing"): fs.ErrNotExist, file: fs.ErrInvalid} {
		if _, err := osfs.New(name); !errors.Is(err, want) {
			t.Errorf("New(%q): %v, want %v", name, err, want)
		}
	}
}

// A file's descriptor is its own, and a directory has none to give.
func TestDescriptor(t *testing.T) {
	fsys, err := osfs.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	file, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
	if err != nil {
		t.Fatal(err)
	}
	if vfs.Fd(file) == vfs.NoFd {
		t.Error("an open file has no descriptor")
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if fd := vfs.Fd(file); fd != vfs.NoFd {
		t.Errorf("a closed file has the descriptor %d", fd)
	}
	root, err := fsys.OpenFile(".", os.O_RDONLY, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if fd := vfs.Fd(root); fd != vfs.NoFd {
		t.Errorf("a directory has the descriptor %d", fd)
	}
}
