package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/vfs"
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
	report := strings.Join(rt.Report().Limits, "\n")
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

// Where the alignment of direct access cannot be asked for, because the kernel or a profile is older than that, a page is taken.
func TestFileDirectWithoutStatx(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSYS, syscall.EPERM} {
		wantProof(t, "", "file-no-statx", strconv.Itoa(unix.SYS_STATX), strconv.Itoa(int(errno)), childFile(t))
	}
}

func directWithoutStatx(args []string) {
	t := &childTB{}
	mustForbid(t, args[1], args[2])
	rt, err := unio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := rt.OpenFile(args[3], os.O_RDONLY, 0, &unio.FileOptions{Direct: true})
	if errors.Is(err, errors.ErrUnsupported) {
		fmt.Println("lacks: direct access (O_DIRECT) in the directory for temporary files")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if f.Alignment() != os.Getpagesize() {
		t.Fatalf("an alignment of %d", f.Alignment())
	}
	b, err := f.ReadBuf(context.Background(), 0, os.Getpagesize())
	if err != nil || b.Len() != os.Getpagesize() {
		t.Fatal(err)
	}
	b.Release()
	if err := errors.Join(f.Close(), rt.Close()); err != nil {
		t.Fatal(err)
	}
	fmt.Println("proved: direct access goes by pages without statx")
}

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
	const block = 64 << 10
	want := noise(childFileBytes, 1)
	var ops []unio.ReadOp // as a batch, so that they go to a ring whatever the scheduler does
	for off := 0; off < childFileBytes; off += block {
		b := alloc(t, rt, block)
		defer b.Release()
		ops = append(ops, unio.ReadOp{File: f, Off: int64(off), P: b.Bytes()})
	}
	if err := rt.ReadBatch(context.Background(), ops); err != nil {
		t.Fatal(err)
	}
	for _, o := range ops {
		if !bytes.Equal(o.P, want[o.Off:o.Off+block]) {
			t.Fatal("other bytes")
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// Linux 5.9 and 5.10 say of what is not in the page cache that the file ended there (preadv2(2), BUGS), as a sandbox can have any
// kernel say it.
func TestFileEndsWhereItEndsWhateverTheCacheSays(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		wantProof(t, rt.Report().Engine, "cache-says-end", childFile(t))
	})
}

func cacheSaysEnd(rt *unio.Runtime, args []string) {
	t := &childTB{}
	mustForbid(t, strconv.Itoa(unix.SYS_PREADV2), "0")
	readAround(t, rt, args[1])
	f, err := rt.OpenFile(args[1], os.O_RDONLY, 0, nil)
	must(t, err)
	want := noise(childFileBytes, 1)
	got, err := io.ReadAll(io.NewSectionReader(f, 0, 2*childFileBytes))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("ReadAt gave %d of %d bytes, %v", len(got), len(want), err)
	}
	b, err := f.ReadBuf(context.Background(), 5000, 64<<10)
	must(t, err)
	if !bytes.Equal(b.Bytes(), want[5000:][:64<<10]) {
		t.Fatalf("ReadBuf gave %d bytes, or others", b.Len())
	}
	b.Release()
	m, err := rt.Map(f)
	must(t, err)
	if n, err := m.ReadAt(got[:100], childFileBytes-100); n != 100 || err != nil || !bytes.Equal(got[:100], want[childFileBytes-100:]) {
		t.Fatalf("ReadAt of a mapping gave %d bytes, or others, %v", n, err)
	}
	fmt.Println("proved: where the file ends is not asked of the page cache")
}

// A full file system fails the write that meets it, says how much was written, and nothing else breaks.
func TestFileSystemFull(t *testing.T) {
	dir := smallFileSystem(t)
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

// A copy that meets the end of the room counts what was written of its last part: n is how far the position has moved.
func TestFileCopyCountsAPartialWrite(t *testing.T) {
	dir := smallFileSystem(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		content := noise(1<<20, 2)
		from := fileScene{t, rt, t.TempDir(), nil}.create("from", content)
		to, err := rt.OpenFile(filepath.Join(dir, "to"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		to.Seek(100, io.SeekStart) // so that no part of the copy ends with the room
		n, err := from.CopyTo(context.Background(), to, 0, -1)
		if at, _ := to.Seek(0, io.SeekCurrent); !errors.Is(err, syscall.ENOSPC) || n == 0 || at != 100+n {
			t.Errorf("%d bytes, and the position is %d: %v", n, at, err)
		}
		if got, err := os.ReadFile(to.Name()); err != nil || int64(len(got)) != 100+n || !bytes.Equal(got[100:], content[:n]) {
			t.Errorf("%d bytes for %d, or others: %v", len(got), n, err)
		}
	})
}

// With Random one cold read brings in what it asked for and nothing more.
func TestFileRandomReadsNothingAhead(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(name, noise(4<<20, 1), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := rt.OpenFile(name, os.O_RDWR, 0, &unio.FileOptions{Random: true})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p := make([]byte, 4096)
		if _, err := f.ReadAt(p, 0); err != nil {
			t.Fatal(err)
		}
		if rt.Stats().Files.Hits == 0 {
			t.Skip("lacks: a file system whose page cache can be asked (RWF_NOWAIT) in the temporary directory")
		}
		cold := func() uint64 {
			if err := errors.Join(f.Sync(), f.Advise(0, 0, unio.AdviceDontNeed)); err != nil {
				t.Fatal(err)
			}
			hits := rt.Stats().Files.Hits
			for _, block := range []int64{0, 1, 2, 500} {
				if _, err := f.ReadAt(p, block*4096); err != nil {
					t.Fatal(err)
				}
			}
			return rt.Stats().Files.Hits - hits
		}
		// What is on some CPU's way to the lists of the cache stays, posix_fadvise(2), BUGS, and may be several pages together: once
		// or twice. Read-ahead would bring some each time.
		n := cold()
		for tries := 1; n > 0 && tries < 10; tries++ {
			n = cold()
		}
		if n > 0 {
			t.Errorf("%d of four cold reads found their page, and never none", n)
		}
	})
}

// smallFileSystem is a directory with room for 256 KiB.
func smallFileSystem(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("lacks: the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// What was written before an append failed is made durable by the next durable one, as everything before it is.
func TestFailedAppendLeavesItsBytesToTheNextSync(t *testing.T) {
	dir := smallFileSystem(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		f, err := rt.OpenFile(filepath.Join(dir, "a"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Append(context.Background(), make([]byte, 1<<20), unio.Buffered); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Append: %v", err)
		}
		if !unio.AppendsUnsynced(f) {
			t.Error("no sync would cover what was written")
		}
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Append(context.Background(), make([]byte, 100), unio.Durable); err != nil {
			t.Errorf("Append: %v", err)
		}
		if unio.AppendsUnsynced(f) {
			t.Error("a durable append has left something")
		}
	})
}

// loopDevice is a block device with content.
func loopDevice(t *testing.T, content []byte) (name string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, content, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("lacks: a loop device, and the right to set it up by losetup(8): %v: %s", err, out)
	}
	name = strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "-d", name).Run() })
	return name
}

// A block device has a size although its description says 0: Seek finds its end, and Append begins there and not with its first
// bytes.
func TestFileOfABlockDeviceHasAnEnd(t *testing.T) {
	content := noise(1<<20, 5)
	size := int64(len(content))
	name := loopDevice(t, content)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ctx := context.Background()
		for _, direct := range []bool{false, true} {
			f, err := rt.OpenFile(name, os.O_RDWR, 0, &unio.FileOptions{Direct: direct})
			if err != nil {
				t.Fatal(err)
			}
			if at, err := f.Seek(-10, io.SeekEnd); at != size-10 || err != nil {
				t.Errorf("Seek: %d, %v", at, err)
			}
			block := alloc(t, rt, 4096)
			if _, err := f.Append(ctx, block.Bytes(), unio.Durable); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Append: %v", err)
			}
			var b bytes.Buffer
			if n, err := f.CopyTo(ctx, &b, 0, -1); n != size || err != nil || !bytes.Equal(b.Bytes(), content) {
				t.Errorf("CopyTo: %d, %v, or other bytes", n, err)
			}
			if err := f.AppendFrom(8192); err != nil {
				t.Fatal(err)
			}
			copy(block.Bytes(), content[8192:])
			if off, err := f.Append(ctx, block.Bytes(), unio.Durable); off != 8192 || err != nil {
				t.Errorf("Append where AppendFrom says: %d, %v", off, err)
			}
			block.Release()
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A pipe is refused without a wait for its other side, in which it would hold a turn of those that opening takes: as many pipes as
// there are turns kept every other file of the runtime from being opened.
func TestOpenFileOfAPipeDoesNotWait(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		name := filepath.Join(t.dir, "pipe")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(bound, func() {
			t.Error("it waits")
			if f, err := os.OpenFile(name, os.O_RDWR, 0); err == nil { // lets go of who waits
				t.Cleanup(func() { f.Close() })
			}
		})
		defer timer.Stop()
		tree, err := t.rt.FS(t.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
			for what, open := range map[string]func() (vfs.File, error){
				"Runtime": func() (vfs.File, error) { return t.rt.OpenFile(name, flag, 0, nil) },
				"FS":      func() (vfs.File, error) { return tree.OpenFile("pipe", flag, 0, nil) },
			} {
				_, err := open()
				if err == nil || !strings.Contains(err.Error(), "pipe") || !strings.Contains(err.Error(), "package os") {
					t.Errorf("%s, flag %d: %v", what, flag, err)
				}
			}
		}
		f := t.open("file", os.O_RDWR|os.O_CREATE, nil)
		if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
			t.Errorf("a file has the flags %#x, %v", flags, err)
		}
	})
}

// What has no positions is refused with fs.ErrInvalid, whether open(2) gives a descriptor of it or ENXIO.
func TestOpenFileOfASocketWasNotInvalid(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		ln, err := net.Listen("unix", filepath.Join(t.dir, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if err := syscall.Mkfifo(filepath.Join(t.dir, "pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		tree, err := t.rt.FS(t.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		for _, name := range []string{"socket", "pipe"} {
			for _, flag := range []int{os.O_RDONLY, os.O_WRONLY} {
				_, ofRuntime := t.rt.OpenFile(filepath.Join(t.dir, name), flag, 0, nil)
				_, ofFS := tree.OpenFile(name, flag, 0, nil)
				for _, err := range []error{ofRuntime, ofFS} {
					if !errors.Is(err, fs.ErrInvalid) {
						t.Errorf("%s, flag %d: %v", name, flag, err)
					}
				}
			}
		}
	})
}

// Signals interrupt system calls and the kernel's workers; no call notices.
func TestFileUnderSignals(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		stop := make(chan struct{})
		var storm sync.WaitGroup
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					syscall.Kill(os.Getpid(), syscall.SIGURG)
				}
			}
		})
		defer storm.Wait()
		defer close(stop)
		want := noise(1<<20, 3)
		f := t.create("a", want)
		var group unio.Group
		for i := range 8 {
			group.Go(func() error {
				p := make([]byte, 20_000)
				for range 30 {
					off := rand.IntN(len(want) - len(p))
					switch i % 4 {
					case 0:
						if _, err := f.WriteAt(want[off:off+len(p)], int64(off)); err != nil {
							return err
						}
					case 1:
						if err := f.Datasync(); err != nil {
							return err
						}
						f.Advise(0, 0, unio.AdviceDontNeed)
					default:
						if _, err := f.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p, want[off:off+len(p)]) {
							return fmt.Errorf("%d bytes at %d: %w", len(p), off, err)
						}
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// A slice of a goroutine's stack would move with the stack while the kernel writes to where it was. ReadAt has the compiler
// put such memory on the heap; and what the kernel writes to is not collected meanwhile.
func TestFileReadsIntoMemoryThatStays(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		want := noise(1<<20, 4)
		f := t.create("a", want)
		f.Sync()
		stop := make(chan struct{})
		var collector sync.WaitGroup
		collector.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		})
		defer collector.Wait()
		defer close(stop)
		var group unio.Group
		for range 16 {
			group.Go(func() error {
				for range 20 {
					f.Advise(0, 0, unio.AdviceDontNeed)
					if err := readOnStack(f, want, rand.IntN(250)*4096); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func readOnStack(f *unio.File, want []byte, off int) error {
	var p [4096]byte
	if _, err := f.ReadAt(p[:], int64(off)); err != nil {
		return err
	}
	growStack(20)
	if !bytes.Equal(p[:], want[off:off+4096]) {
		return errors.New("other bytes")
	}
	return nil
}

//go:noinline
func growStack(n int) byte {
	var p [1024]byte
	if n > 0 {
		p[n] = growStack(n - 1)
	}
	return p[n]
}
