package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// threadCount is how many threads the process has, with those that the kernel has made for it.
func threadCount(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// A read that fails in the middle says what the kernel says: the first page of a process cannot be read.
func TestFileReadErrorIsTheKernels(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		f, err := rt.OpenFile("/proc/self/mem", os.O_RDONLY, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p := make([]byte, 100)
		if _, err := f.ReadAt(p, 0); !errors.Is(err, syscall.EIO) {
			t.Errorf("ReadAt: %v, want EIO", err)
		}
		if _, err := f.ReadBuf(context.Background(), 0, 10); !errors.Is(err, syscall.EIO) {
			t.Errorf("ReadBuf: %v, want EIO", err)
		}
		if err := rt.ReadBatch(context.Background(), []unio.ReadOp{{File: f, P: p}}); !errors.Is(err, syscall.EIO) {
			t.Errorf("ReadBatch: %v, want EIO", err)
		}
	})
}

// Where memory may not be locked, files are read with memory that is not registered, and the report says so.
func TestFilesWithLittleMemlock(t *testing.T) {
	needRings(t)
	wantProof(t, "", "file-memlock", childFile(t))
}

func filesWithLittleMemlock(args []string) {
	t := &childTB{}
	const limit = 768 << 10 // enough for rings, less than a chunk of the pool
	if err := syscall.Setrlimit(unix.RLIMIT_MEMLOCK, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	becomeNobody(t) // CAP_IPC_LOCK is free of the limit
	rt, err := unio.New(&unio.Options{Engine: unio.Uring})
	if err != nil {
		fmt.Println("lacks: a kernel whose rings lock no memory:", err)
		return
	}
	readAround(t, rt, args[1])
	report := rt.Report().Files
	if n := rt.Stats().Files.Fixed; n != 0 || !strings.Contains(report, "limit of locked memory") {
		t.Fatalf("%d operations on registered memory; %q", n, report)
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("proved: files are read without registered memory:", report)
}

// Where the ring for files cannot be made although the engine works, threads read them, unless uring is wished for.
func TestFilesWithoutRing(t *testing.T) {
	needRings(t)
	for _, wish := range []unio.Engine{unio.Auto, unio.Uring} {
		wantProof(t, "", "file-no-ring", string(wish)+".", strconv.Itoa(unix.SYS_IO_URING_SETUP), strconv.Itoa(int(syscall.EPERM)),
			childFile(t))
	}
}

func filesWithoutRing(args []string) {
	t := &childTB{}
	wish := unio.Engine(strings.TrimSuffix(args[1], "."))
	rt, err := unio.New(&unio.Options{Engine: wish})
	if err != nil {
		t.Fatal(err)
	}
	mustForbid(t, args[2], args[3])
	if wish == unio.Uring {
		_, err := rt.OpenFile(args[4], os.O_RDONLY, 0, nil)
		if !errors.Is(err, syscall.EPERM) {
			t.Fatalf("OpenFile: %v", err)
		}
		fmt.Println("proved: who wishes for uring is told:", err)
	} else {
		readAround(t, rt, args[4])
		report := rt.Report().Files
		if !strings.Contains(report, "threads") {
			t.Fatal(report)
		}
		fmt.Println("proved: files are read by", report)
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
}

const childFileBytes = 1 << 20

// childFile makes a file that everybody may read.
func childFile(t *testing.T) (name string) {
	t.Helper()
	dir := t.TempDir()
	name = filepath.Join(dir, "a")
	err := errors.Join(os.WriteFile(name, noise(childFileBytes, 1), 0o644), os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// readAround reads all of a file, cold, at many places at once, in memory of the pool.
func readAround(t testing.TB, rt *unio.Runtime, name string) {
	f, err := rt.OpenFile(name, os.O_RDONLY, 0, &unio.FileOptions{Random: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Advise(0, 0, unio.AdviceDontNeed)); err != nil {
		t.Fatal(err)
	}
	want := noise(childFileBytes, 1)
	var group unio.Group
	for off := 0; off < childFileBytes; off += 4096 {
		group.Go(func() error {
			b, err := f.ReadBuf(context.Background(), int64(off), 4096)
			if err != nil {
				return err
			}
			defer b.Release()
			if !bytes.Equal(b.Bytes(), want[off:off+4096]) {
				return errors.New("other bytes")
			}
			return nil
		})
	}
	if err := errors.Join(group.Wait(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// A full file system fails the write that meets it, says how much was written, and nothing else breaks.
func TestFileSystemFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("the right to mount a small tmpfs: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ctx := context.Background()
		f, err := rt.OpenFile(filepath.Join(dir, string(rt.Report().Engine)), os.O_RDWR|os.O_CREATE, 0o644, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(f.Name())
		defer f.Close()
		first := noise(1000, 1)
		if off, err := f.Append(ctx, first, unio.Durable); off != 0 || err != nil {
			t.Fatal(off, err)
		}
		if n, err := f.WriteAt(make([]byte, 1<<20), 1<<16); !errors.Is(err, syscall.ENOSPC) || n == 0 || n == 1<<20 {
			t.Errorf("WriteAt: %d, %v", n, err)
		}
		if err := f.Truncate(1000); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Append(ctx, make([]byte, 1<<20), unio.Durable); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Append: %v", err)
		}
		if _, err := f.WriteBuf(ctx, 0, alloc(t, rt, 512<<10)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("WriteBuf: %v", err)
		}
		f.Truncate(1000)
		if off, err := f.Append(ctx, first, unio.Durable); off != 1000 || err != nil {
			t.Errorf("after that: %d, %v", off, err)
		}
	})
}
