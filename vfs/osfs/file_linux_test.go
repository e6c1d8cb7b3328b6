package osfs

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/unio-go/unio/vfs"
)

// openIn opens a file in a directory.
func openIn(t *testing.T, dir string, o *vfs.Options) (*regular, error) {
	t.Helper()
	fsys, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	f, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { f.Close() })
	return f.(*regular), nil
}

// TestDirectIsDirect: the kernel knows of the option, and the files of others are not touched by it.
func TestDirectIsDirect(t *testing.T) {
	for _, want := range []bool{false, true} {
		f, err := openIn(t, t.TempDir(), &vfs.Options{Direct: want})
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("lacks: direct access (O_DIRECT) in the directory for temporary files")
		}
		if err != nil {
			t.Fatal(err)
		}
		err = f.withFD(func(fd int) error {
			flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
			if errno != 0 {
				return errno
			}
			if got := flags&syscall.O_DIRECT != 0; got != want {
				t.Errorf("the file was opened with Direct: %v, and has O_DIRECT: %v", want, got)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if got := f.Alignment() > 1; got != want {
			t.Errorf("with Direct: %v, the alignment is %d", want, f.Alignment())
		}
	}
}

// TestAllocateTakesRoom: the device has set it aside, and the size is as it was.
func TestAllocateTakesRoom(t *testing.T) {
	f, err := openIn(t, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const room = 1 << 20
	err = f.Allocate(0, room)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("lacks: a file system that can reserve room (fallocate) below the directory for temporary files")
	}
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if taken := info.Sys().(*syscall.Stat_t).Blocks * 512; taken < room || info.Size() != 0 {
		t.Errorf("%d bytes are taken and the size is %d, want %d and 0", taken, info.Size(), room)
	}
}
