package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/sandbox"
)

// bound is how long a test waits for what must happen.
const bound = time.Minute

// forbidVariable has this test binary be refused openat2 with an errno while it runs its tests.
const forbidVariable = "UNIO_TEST_FORBID_OPENAT2"

const lacksFilters = "lacks: a kernel that takes seccomp filters"

func TestMain(m *testing.M) {
	if errno, err := strconv.Atoi(os.Getenv(forbidVariable)); err == nil {
		if err := sandbox.Forbid(unix.SYS_OPENAT2, syscall.Errno(errno)); err != nil {
			fmt.Println(lacksFilters, err)
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func forbidden() bool { return os.Getenv(forbidVariable) != "" }

// eachWay runs fn on a directory that is empty, each way that names are resolved in this system.
func eachWay(t *testing.T, fn func(t *testing.T, d *Dir, dir string)) {
	for way, without := range map[string]bool{"openat2": false, "os.Root": true} {
		t.Run(way, func(t *testing.T) {
			dir := t.TempDir()
			d, err := Open(dir)
			must(t, err)
			defer d.Close()
			d.without.Store(without)
			before := descriptors(t)
			fn(t, d, dir)
			if n := descriptors(t); n > before {
				t.Errorf("%d descriptors, before that %d", n, before)
			}
			if d.without.Load() != (without || forbidden()) {
				t.Errorf("os.Root is asked: %v", d.without.Load())
			}
		})
	}
}

func descriptors(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(all)
}

// The same holds where a container's profile or an old kernel has no openat2.
func TestWithoutOpenat2(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.ENOSYS, unix.EPERM} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.v", "-test.run=TestNames|TestCauses|TestList|TestLinks|TestPipe")
		cmd.Env = append(os.Environ(), forbidVariable+"="+strconv.Itoa(int(errno)))
		out, err := cmd.CombinedOutput()
		if strings.HasPrefix(string(out), lacksFilters) {
			t.Skip(string(out))
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: TestLinks/openat2") {
			t.Errorf("%v: %v\n%s", errno, err, out)
		}
	}
}

// outside makes a directory that nothing may reach, and gives what tells whether something has.
func outside(t *testing.T) (dir string, untouched func()) {
	dir = t.TempDir()
	for _, name := range []string{"f", "g", "h"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("from outside"), 0o644))
	}
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	state := func() (all string) {
		err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			must(t, err)
			info, err := e.Info()
			must(t, err)
			links := info.Sys().(*syscall.Stat_t).Nlink
			all += fmt.Sprintln(name, info.Mode(), info.Size(), info.ModTime(), links)
			return nil
		})
		must(t, err)
		return all
	}
	before := state()
	return dir, func() {
		t.Helper()
		if after := state(); after != before {
			t.Errorf("outside there was\n%sand is\n%s", before, after)
		}
	}
}

// Symbolic links lead to what is beneath, and nowhere else.
func TestLinks(t *testing.T) {
	eachWay(t, func(t *testing.T, d *Dir, dir string) {
		out, untouched := outside(t)
		up, err := filepath.Rel(dir, out)
		must(t, err)
		must(t, os.MkdirAll(filepath.Join(dir, "sub/deep"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "sub/f"), []byte("inside"), 0o644))
		for name, to := range map[string]string{
			"good": "sub/f", "sub/deep/good": "../f", "around": "sub/deep/../../sub/f", "gooddir": "sub",
			"abs": out + "/f", "absdir": out, "up": up + "/f", "updir": up, "sub/deep/updir": "../../" + up,
			"around-out": "sub/deep/../../../" + filepath.Base(dir) + "/sub/f", "chain": "link", "link": "sub/deep/updir/f",
			"self": dir + "/sub/f", "dangling": out + "/new", "dangling-up": up + "/new", "loop": "loop", "root": "/", "above": "..",
		} {
			must(t, os.Symlink(to, filepath.Join(dir, name)))
		}
		for _, name := range []string{"good", "sub/deep/good", "around", "gooddir/f", "gooddir/deep/good"} {
			if got, err := read(d, name); got != "inside" || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			if info, err := d.Stat(name); err != nil || info.Size() != int64(len("inside")) || info.Name() != filepath.Base(name) {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		for _, name := range []string{"abs", "up", "around-out", "chain", "self", "absdir", "updir", "absdir/f", "updir/f",
			"sub/deep/updir/f", "gooddir/deep/updir/f", "loop", "root", "above", "root/etc", "dangling", "dangling-up"} {
			refuses(t, d, name)
			if _, err := d.Stat(name); name != "loop" && !errors.Is(err, fs.ErrPermission) {
				t.Errorf("stat %s: %v", name, err)
			}
		}
		for _, name := range []string{"abs", "dangling", "loop"} { // a link is a file as well
			info, err := d.Lstat(name)
			must(t, err)
			if info.Mode().Type() != fs.ModeSymlink {
				t.Errorf("%s: %v", name, info.Mode())
			}
			must(t, d.Link(name, "second"))
			must(t, d.Rename("second", "third"))
			must(t, d.Remove("third"))
			must(t, d.Remove(name))
		}
		untouched()
	})
}

// refuses wants no call to reach anything by a name that leads out.
func refuses(t *testing.T, d *Dir, name string) {
	t.Helper()
	for _, flag := range []int{
		os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_CREATE, os.O_WRONLY | os.O_CREATE | os.O_EXCL,
	} {
		f, err := d.OpenFile(name, flag, 0o666)
		if err == nil {
			f.Close()
			t.Errorf("open %s with %#x succeeds", name, flag)
		}
	}
	if info, err := d.Stat(name); err == nil {
		t.Errorf("stat %s: %v", name, info)
	}
	below := name + "/sub"
	_, lstat := d.Lstat(below)
	for what, err := range map[string]error{
		"lstat": lstat, "mkdir": d.Mkdir(name+"/new", 0o777), "mkdir at": d.Mkdir(name, 0o777), "remove": d.Remove(below),
		"rename from": d.Rename(below, "got"), "rename to": d.Rename("sub/f", name+"/new"),
		"link from": d.Link(name+"/f", "got"), "link to": d.Link("sub/f", name+"/new"),
	} {
		if err == nil {
			t.Errorf("%s of what is below %s succeeds", what, name)
		}
	}
}

func read(d *Dir, name string) (string, error) {
	f, err := d.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	p, err := io.ReadAll(f)
	return string(p), err
}

// Links of procfs that are not names lead nowhere.
func TestMagicLinks(t *testing.T) {
	d, err := Open("/proc/self")
	must(t, err)
	defer d.Close()
	f, err := os.Open(t.TempDir())
	must(t, err)
	defer f.Close()
	fd := fmt.Sprintf("fd/%d", f.Fd())
	for _, without := range []bool{false, true} {
		d.without.Store(without)
		for _, name := range []string{"root", "root/etc", "cwd", "cwd/tree.go", "exe", fd, fd + "/x", "task/self/root"} {
			if f, err := d.OpenFile(name, os.O_RDONLY, 0); err == nil {
				f.Close()
				t.Errorf("open %s succeeds", name)
			}
			if info, err := d.Stat(name); err == nil {
				t.Errorf("stat %s: %v", name, info)
			}
		}
		if err := d.Mkdir(fd+"/x", 0o755); err == nil {
			t.Error("mkdir succeeds")
		}
		if got, err := read(d, "comm"); got == "" || err != nil {
			t.Errorf("comm: %q, %v", got, err)
		}
	}
}

// A directory that somebody exchanges for a link to the outside, all the time, lets nothing out.
func TestExchangedDirectory(t *testing.T) {
	const tries, each = 3000, 100
	eachWay(t, func(t *testing.T, d *Dir, dir string) {
		out, untouched := outside(t)
		must(t, os.MkdirAll(filepath.Join(dir, "d/sub"), 0o755))
		must(t, os.Mkdir(filepath.Join(dir, "x"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "d/f"), []byte("inside"), 0o644))
		must(t, os.Symlink(out, filepath.Join(dir, "l")))
		must(t, os.Symlink("x/../d", filepath.Join(dir, "via")))
		var stop atomic.Bool
		defer stop.Store(true)
		stopped := make(chan error, 1)
		go func() {
			var err error
			for err == nil && !stop.Load() {
				err = unix.Renameat2(unix.AT_FDCWD, dir+"/d", unix.AT_FDCWD, dir+"/l", unix.RENAME_EXCHANGE)
			}
			stopped <- err
		}()
		var in, refused int
		end := time.Now().Add(bound)
		for i := 0; i < tries || in < each || refused < each; i++ {
			switch {
			case len(stopped) > 0:
				t.Fatalf("nobody exchanges it any more: %v", <-stopped)
			case i >= tries && time.Now().After(end):
				t.Fatalf("in %d tries %d found it and %d were refused, want %d of each", i, in, refused, each)
			}
			base := []string{"d", "via"}[i%2]
			got, err := read(d, base+"/f")
			switch {
			case err != nil:
				refused++
			case got == "inside":
				in++
			default:
				t.Fatalf("try %d: %q", i, got)
			}
			if info, err := d.Stat(base + "/f"); err == nil && info.Size() != int64(len("inside")) {
				t.Fatalf("try %d: stat found %d bytes", i, info.Size())
			}
			if f, err := d.OpenFile(base+"/g", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644); err == nil {
				f.Close()
			}
			d.Mkdir(base+"/m", 0o755)
			d.Link(base+"/f", base+"/link")
			d.Rename(base+"/g", "stolen")
			d.Rename("stolen", base+"/h")
			for _, name := range []string{"m", "link", "g", "h"} {
				d.Remove(base + "/" + name)
			}
		}
		stop.Store(true)
		must(t, <-stopped)
		untouched()
		t.Logf("%d found, %d refused", in, refused)
	})
}

// The other side of a pipe is not waited for.
func TestPipe(t *testing.T) {
	eachWay(t, func(t *testing.T, d *Dir, dir string) {
		must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
		f, err := d.OpenFile("pipe", os.O_RDONLY, 0)
		must(t, err)
		must(t, f.Close())
		if _, err := d.OpenFile("pipe", os.O_WRONLY, 0); !errors.Is(err, unix.ENXIO) {
			t.Error(err)
		}
	})
}

// What is opened waits as files do, whatever it was opened with.
func TestOpenFileBlocks(t *testing.T) {
	eachWay(t, func(t *testing.T, d *Dir, dir string) {
		f, err := d.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o600)
		must(t, err)
		defer f.Close()
		flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_NONBLOCK != 0 {
			t.Errorf("flags %#x, %v", flags, err)
		}
		flags, err = unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("flags of the descriptor %#x, %v", flags, err)
		}
	})
}

// A file system that does not tell types is asked for them.
func TestTypes(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "link")))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	must(t, unix.Mknod(filepath.Join(dir, "socket"), unix.S_IFSOCK|0o600, 0))
	f, err := os.Open(dir)
	must(t, err)
	defer f.Close()
	l := NewList(f)
	all, err := l.Next(-1)
	must(t, err)
	want := map[string]fs.FileMode{
		"dir": fs.ModeDir, "file": 0, "link": fs.ModeSymlink, "pipe": fs.ModeNamedPipe, "socket": fs.ModeSocket,
	}
	if len(all) != len(want) {
		t.Error(all)
	}
	for _, e := range all {
		asked, err := l.typed(e.Name, unix.DT_UNKNOWN)
		if typ, ok := want[e.Name]; !ok || e.Type != typ || asked != e || err != nil {
			t.Errorf("%v, asked %v, %v", e, asked, err)
		}
	}
	if e, err := l.typed("gone", unix.DT_UNKNOWN); e.Name != "" || err != nil {
		t.Errorf("what has gone: %v, %v", e, err)
	}
	for kind, typ := range map[byte]fs.FileMode{
		unix.DT_BLK: fs.ModeDevice, unix.DT_CHR: fs.ModeDevice | fs.ModeCharDevice, unix.DT_WHT: fs.ModeIrregular,
	} {
		if got := typeOf(kind); got != typ {
			t.Errorf("%d: %v, want %v", kind, got, typ)
		}
	}
}

func TestUsage(t *testing.T) {
	d, err := Open(t.TempDir())
	must(t, err)
	defer d.Close()
	total, free, avail, err := d.Usage()
	if err != nil || total == 0 || free > total || avail > free {
		t.Errorf("%d, %d, %d, %v", total, free, avail, err)
	}
}
