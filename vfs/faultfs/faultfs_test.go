package faultfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/faultfs"
	"github.com/unio-go/unio/vfs/osfs"
	"github.com/unio-go/unio/vfs/vfstest"
)

func below(t *testing.T) *osfs.FS {
	t.Helper()
	fsys, err := osfs.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

func TestConformance(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS { return faultfs.New(below(t), faultfs.NewPlan(1)) })
}

// plain is an FS without powers, whose files have none either, and so no option.
type plain struct{ vfs.FS }

func (p plain) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	if o != nil && *o != (vfs.Options{}) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
	}
	f, err := p.FS.OpenFile(name, flag, perm, nil)
	if err != nil {
		return nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		return struct {
			vfs.File
			listing
		}{f, d}, nil
	}
	return struct{ vfs.File }{f}, nil
}

type listing interface {
	ReadDir(n int) ([]fs.DirEntry, error)
}

func (p plain) Open(name string) (fs.File, error) { return p.OpenFile(name, os.O_RDONLY, 0, nil) }

func TestConformanceWithoutPowers(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS { return faultfs.New(plain{below(t)}, faultfs.NewPlan(1)) })
}

// The powers that a file or an FS can have, one by one.
type (
	datasync  struct{}
	allocate  struct{}
	prefetch  struct{}
	alignment struct{}
	link      struct{}
	lock      struct{}
	usage     struct{}
)

func (datasync) Datasync() error             { return nil }
func (allocate) Allocate(int64, int64) error { return nil }
func (prefetch) Prefetch(int64, int64) error { return nil }
func (alignment) Alignment() int             { return 512 }
func (link) Link(string, string) error       { return nil }
func (lock) Lock(string) (io.Closer, error)  { return io.NopCloser(nil), nil }
func (usage) Usage() (vfs.Usage, error)      { return vfs.Usage{Total: 7}, nil }

// fileWith is a file with powers by the bits of n.
func fileWith(n int, f vfs.File) vfs.File {
	return []vfs.File{
		f,
		struct {
			vfs.File
			datasync
		}{File: f},
		struct {
			vfs.File
			allocate
		}{File: f},
		struct {
			vfs.File
			datasync
			allocate
		}{File: f},
		struct {
			vfs.File
			prefetch
		}{File: f},
		struct {
			vfs.File
			datasync
			prefetch
		}{File: f},
		struct {
			vfs.File
			allocate
			prefetch
		}{File: f},
		struct {
			vfs.File
			datasync
			allocate
			prefetch
		}{File: f},
		struct {
			vfs.File
			alignment
		}{File: f},
		struct {
			vfs.File
			datasync
			alignment
		}{File: f},
		struct {
			vfs.File
			allocate
			alignment
		}{File: f},
		struct {
			vfs.File
			datasync
			allocate
			alignment
		}{File: f},
		struct {
			vfs.File
			prefetch
			alignment
		}{File: f},
		struct {
			vfs.File
			datasync
			prefetch
			alignment
		}{File: f},
		struct {
			vfs.File
			allocate
			prefetch
			alignment
		}{File: f},
		struct {
			vfs.File
			datasync
			allocate
			prefetch
			alignment
		}{File: f},
	}[n]
}

// fsWith is an FS with powers by the bits of n.
func fsWith(n int, f vfs.FS) vfs.FS {
	return []vfs.FS{
		f,
		struct {
			vfs.FS
			link
		}{FS: f},
		struct {
			vfs.FS
			lock
		}{FS: f},
		struct {
			vfs.FS
			link
			lock
		}{FS: f},
		struct {
			vfs.FS
			usage
		}{FS: f},
		struct {
			vfs.FS
			link
			usage
		}{FS: f},
		struct {
			vfs.FS
			lock
			usage
		}{FS: f},
		struct {
			vfs.FS
			link
			lock
			usage
		}{FS: f},
	}[n]
}

// powers names the powers that a file and an FS have.
func powers(fsys vfs.FS, f vfs.File) (has []string) {
	_, linker := fsys.(vfs.Linker)
	_, locker := fsys.(vfs.Locker)
	_, measurer := fsys.(vfs.Measurer)
	_, datasyncer := f.(vfs.Datasyncer)
	_, allocator := f.(vfs.Allocator)
	_, prefetcher := f.(vfs.Prefetcher)
	_, aligner := f.(vfs.Aligner)
	_, lists := f.(fs.ReadDirFile)
	for i, power := range []bool{linker, locker, measurer, datasyncer, allocator, prefetcher, aligner, lists} {
		if power {
			has = append(has, []string{"link", "lock", "usage", "datasync", "allocate", "prefetch", "alignment", "readdir"}[i])
		}
	}
	return has
}

// opening is an FS whose files are given powers.
type opening struct {
	plain
	n int
}

func (o opening) OpenFile(name string, flag int, perm fs.FileMode, opts *vfs.Options) (vfs.File, error) {
	f, err := o.FS.OpenFile(name, flag, perm, opts)
	if err != nil {
		return nil, err
	}
	return fileWith(o.n, struct{ vfs.File }{f}), nil
}

// TestPowersAreThoseBelow: no power is lost on the way up, and none comes from nowhere.
func TestPowersAreThoseBelow(t *testing.T) {
	fsys := below(t)
	if err := vfs.WriteFileAtomic(fsys, "file", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for n := range 16 {
		lower := fsWith(n%8, opening{plain{fsys}, n})
		upper := faultfs.New(lower, faultfs.NewPlan(1))
		var found [2][]string
		for i, one := range []vfs.FS{lower, upper} {
			f, err := one.OpenFile("file", os.O_RDWR, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			found[i] = powers(one, f)
			f.Close()
		}
		if !slices.Equal(found[0], found[1]) {
			t.Errorf("above %v there is %v", found[0], found[1])
		}
		if u, ok := upper.(vfs.Unwrapper); !ok || u.Unwrap() == nil {
			t.Error("the FS does not tell what it stands on")
		}
	}
}

// lister is a file that has the methods of a directory as well, as a *unio.File has.
type lister struct{ vfs.File }

func (l lister) Datasync() error                    { return l.Sync() }
func (l lister) ReadDir(int) ([]fs.DirEntry, error) { return nil, fs.ErrInvalid }

type listers struct{ vfs.FS }

func (l listers) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	f, err := l.FS.OpenFile(name, flag, perm, o)
	if err != nil {
		return nil, err
	}
	return lister{f}, nil
}

// TestPowersOfAFileThatHasAReadDir: what is a directory is asked below, where no plan has a say.
func TestPowersOfAFileThatHasAReadDir(t *testing.T) {
	p := faultfs.NewPlan(1)
	add(t, p, faultfs.Rule{Op: "stat", Err: fs.ErrPermission})
	fsys := faultfs.New(listers{below(t)}, p)
	f, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if has := powers(nil, f); !slices.Equal(has, []string{"datasync"}) {
		t.Errorf("a file has %v", has)
	}
	d, err := fsys.OpenFile(".", os.O_RDONLY, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if has := powers(nil, d); !slices.Equal(has, []string{"readdir"}) {
		t.Errorf("a directory has %v", has)
	}
	if n := p.Calls(); n != 2 {
		t.Errorf("the plan was asked %d times, by two that open", n)
	}
}

// halfRead is an FS whose directories can be read in part.
type halfRead struct{ *osfs.FS }

var errHalf = errors.New("the rest cannot be read")

func (h halfRead) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := h.FS.ReadDir(name)
	return entries, errors.Join(err, errHalf)
}

func (h halfRead) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	f, err := h.FS.OpenFile(name, flag, perm, o)
	if err != nil {
		return nil, err
	}
	return halfOpen{f, f.(fs.ReadDirFile)}, nil
}

type halfOpen struct {
	vfs.File
	dir fs.ReadDirFile
}

func (h halfOpen) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := h.dir.ReadDir(n)
	return entries, errors.Join(err, errHalf)
}

// Entries that come with an error of the FS below are told, as by the FS below.
func TestEntriesBesideAnError(t *testing.T) {
	fsys := halfRead{below(t)}
	if err := fsys.Mkdir("dir", 0o777); err != nil {
		t.Fatal(err)
	}
	plan := faultfs.NewPlan(1)
	faulty := faultfs.New(fsys, plan)
	d, err := faulty.OpenFile(".", os.O_RDONLY, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, want := range []int{1, 0} {
		if entries, err := faulty.ReadDir("."); len(entries) != want || err == nil {
			t.Errorf("ReadDir of the FS: %v, %v; want %d", entries, err, want)
		}
		if entries, err := d.(fs.ReadDirFile).ReadDir(-1); len(entries) != want || err == nil {
			t.Errorf("ReadDir of the directory: %v, %v; want %d", entries, err, want)
		}
		add(t, plan, faultfs.Rule{Op: "readdir", Err: errHalf})
	}
}

// add adds rules that are good.
func add(t *testing.T, p *faultfs.Plan, rules ...faultfs.Rule) {
	t.Helper()
	for _, r := range rules {
		if err := p.Add(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	for _, r := range []faultfs.Rule{
		{Op: "wriet"}, {Path: "["}, {Nth: -1}, {Chance: -0.1}, {Chance: 1.1}, {Torn: true}, {Op: "sync", Torn: true},
		{Op: "write", Torn: true, After: true},
	} {
		if err := faultfs.NewPlan(1).Add(r); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%+v: %v, want fs.ErrInvalid", r, err)
		}
	}
}

// TestRules: operation, pattern, count, cause, and whether the call was done.
func TestRules(t *testing.T) {
	lower, p := below(t), faultfs.NewPlan(1)
	fsys := faultfs.New(lower, p)
	add(t, p,
		faultfs.Rule{Op: "mkdir", Path: "a*", Err: syscall.ENOSPC},
		faultfs.Rule{Op: "rename", Path: "done", After: true},
		faultfs.Rule{Op: "mkdir", Path: "b?", Nth: 2, Err: syscall.EIO})
	err := fsys.Mkdir("abc", 0o777)
	var e *fs.PathError
	if !errors.As(err, &e) || e.Op != "mkdir" || e.Path != "abc" || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Mkdir: %v", err)
	}
	for i, want := range []error{nil, syscall.EIO, nil} {
		if err := fsys.Mkdir(fmt.Sprintf("b%d", i), 0o777); !errors.Is(err, want) {
			t.Errorf("Mkdir %d: %v, want %v", i, err, want)
		}
	}
	var le *os.LinkError
	if err := fsys.Rename("b0", "done"); !errors.As(err, &le) || !errors.Is(err, faultfs.ErrInjected) {
		t.Errorf("Rename: %v", err)
	}
	if info, err := lower.Stat("done"); err != nil || !info.IsDir() {
		t.Errorf("a rename that was to be done: %v", err)
	}
	if err := fsys.Rename("missing", "done"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a call that fails by itself: %v", err)
	}
	want := `[call 1: mkdir ["abc"]: no space left on device call 3: mkdir ["b1"]: input/output error ` +
		`call 5: rename ["b0" "done"], done: injected failure]`
	if got := fmt.Sprint(p.Log()); got != want {
		t.Errorf("log\n%s, want\n%s", got, want)
	}
	if p.Calls() != 6 {
		t.Errorf("%d calls, want 6", p.Calls())
	}
	p.Clear()
	if err := fsys.Mkdir("abc", 0o777); err != nil {
		t.Errorf("after Clear: %v", err)
	}
}

// TestTornWrites: a part is written, and the count says how much.
func TestTornWrites(t *testing.T) {
	const text = "0123456789"
	p := faultfs.NewPlan(7)
	lengths := map[int]bool{}
	lower := below(t)
	fsys := faultfs.New(lower, p)
	add(t, p, faultfs.Rule{Op: "write", Torn: true})
	for i := range 50 {
		name := fmt.Sprint("file-", i)
		f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666, nil)
		if err != nil {
			t.Fatal(err)
		}
		write := f.Write
		if i%2 == 0 {
			write = func(p []byte) (int, error) { return f.WriteAt(p, 0) }
		}
		n, err := write([]byte(text))
		if !errors.Is(err, faultfs.ErrInjected) || n < 0 || n >= len(text) {
			t.Errorf("a torn write: %d, %v", n, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if got, err := fs.ReadFile(lower, name); err != nil || string(got) != text[:n] {
			t.Errorf("the file holds %q (%v), want %q", got, err, text[:n])
		}
		lengths[n] = true
	}
	if len(lengths) < 5 {
		t.Errorf("all writes were torn at %v", lengths)
	}
}

// TestSeedRepeats: the same seed fails the same calls, another one others.
func TestSeedRepeats(t *testing.T) {
	run := func(seed uint64) string {
		p := faultfs.NewPlan(seed)
		add(t, p, faultfs.Rule{Op: "write", Chance: 0.2, Torn: true}, faultfs.Rule{Chance: 0.1})
		fsys := faultfs.New(below(t), p)
		var out strings.Builder
		for i := range 40 {
			f, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
			if err != nil {
				continue
			}
			n, _ := f.Write([]byte("0123456789"))
			fmt.Fprintln(&out, i, n, f.Sync(), f.Close())
		}
		return out.String() + fmt.Sprint(p.Log())
	}
	if a, b := run(1), run(1); a != b {
		t.Errorf("one seed, and two runs:\n%s\nand\n%s", a, b)
	}
	if run(1) == run(2) {
		t.Error("two seeds, and the same run")
	}
}

// TestFailuresLeakNothing: whatever fails, and whether before or after it was done, no descriptor stays open.
func TestFailuresLeakNothing(t *testing.T) {
	for _, after := range []bool{false, true} {
		lower, p := below(t), faultfs.NewPlan(1)
		fsys := faultfs.New(lower, p)
		before := openFiles(t)
		add(t, p, faultfs.Rule{Op: "open", Nth: 2, After: after}, faultfs.Rule{Op: "lock", Nth: 1, After: after},
			faultfs.Rule{Op: "close", After: after})
		for i := range 4 {
			f, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
			if failed := i == 1; failed != errors.Is(err, faultfs.ErrInjected) || failed != (f == nil) {
				t.Fatalf("OpenFile %d: %v, %v", i, f, err)
			}
			if f == nil {
				continue
			}
			if err := f.Close(); !errors.Is(err, faultfs.ErrInjected) {
				t.Errorf("Close: %v", err)
			}
			if err := f.Close(); !errors.Is(err, fs.ErrClosed) && !errors.Is(err, faultfs.ErrInjected) {
				t.Errorf("second Close: %v", err)
			}
		}
		if _, err := vfs.Lock(fsys, "lock"); !errors.Is(err, faultfs.ErrInjected) {
			t.Errorf("Lock: %v", err)
		}
		l, err := vfs.Lock(fsys, "lock")
		if err != nil {
			t.Fatalf("a lock that failed is held: %v", err)
		}
		l.Close()
		if after := openFiles(t); after > before {
			t.Errorf("%d descriptors are open, were %d", after, before)
		}
	}
}

// openFiles counts the descriptors of the process, where the system tells.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries)
}
