package unio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// Populate brings in what it is asked for, and what it brings in Resident shows, whichever way it takes.
func TestMapPopulateMakesResident(t *testing.T) {
	ways := map[string]func(*unio.Mapping){
		"as it is": func(*unio.Mapping) {},
		"blind":    (*unio.Mapping).BeBlind,
		"old":      (*unio.Mapping).BeOld,
		"both":     func(m *unio.Mapping) { m.BeBlind(); m.BeOld() },
	}
	eachFileScene(t, func(t fileScene) {
		const size = 3<<20 + 5000
		content := noise(size, 3)
		f := t.create("a", content)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		for _, random := range []bool{false, true} {
			for way, become := range ways {
				f := t.open("a", os.O_RDONLY, &unio.FileOptions{Random: random})
				look, m := t.mapped(f), t.mapped(f)
				become(m)
				for _, c := range [][2]int64{{100, 1}, {4090, 10}, {0, 20_000}, {5000, 100_000}, {1 << 20, 2 << 20}, {0, size}} {
					if all := populated(t, m, look, c[0], c[1]); !slices.Equal(all, []unio.Extent{{Off: c[0], Len: c[1]}}) {
						t.Errorf("%s: %d bytes at %d: %v", way, c[1], c[0], all)
					}
					p, err := m.Bytes(c[0], c[1])
					if err != nil || !bytes.Equal(p, content[c[0]:c[0]+c[1]]) {
						t.Errorf("%s: %d bytes at %d: not what is in the file", way, c[1], c[0])
					}
				}
				look.Close()
				m.Close()
				f.Close()
			}
		}
	})
}

// populated drops n bytes at off from memory, has m bring them in, and tells what look sees then: of five times the first when it
// is all. The kernel may take any page out again at once, and does so now and then: by cachestat(2) it was evicted in between.
func populated(t fileScene, m, look *unio.Mapping, off, n int64) (all []unio.Extent) {
	t.Helper()
	for tries := 0; tries < 5 && !slices.Equal(all, []unio.Extent{{Off: off, Len: n}}); tries++ {
		dropMapping(t, look)
		dropMapping(t, m)
		if err := m.Populate(background, off, n); err != nil {
			t.Fatalf("%d bytes at %d: %v", n, off, err)
		}
		var err error
		if all, err = look.Resident(off, n); err != nil {
			t.Fatalf("%d bytes at %d: %v", n, off, err)
		}
	}
	return all
}

// wantResident has fill bring pages in and wants m to see those of want in n bytes at off, of five times once, for the kernel may have
// taken one out again, or kept one.
func wantResident(t fileScene, what string, m *unio.Mapping, off, n int64, want []unio.Extent, fill func()) {
	t.Helper()
	var all []unio.Extent
	for range 5 {
		fill()
		var err error
		if all, err = m.Resident(off, n); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(all, want) {
			return
		}
	}
	t.Errorf("%s: %v, want %v", what, all, want)
}

// populate brings n bytes at off in.
func populate(t fileScene, m *unio.Mapping, off, n int64) {
	t.Helper()
	if err := m.Populate(background, off, n); err != nil {
		t.Fatal(err)
	}
}

// A page that is missing in the middle is seen, and brought in.
func TestMapResidentTellsGaps(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		if strings.HasPrefix(t.dir, "/dev/shm/") {
			return // memory does not leave memory
		}
		const page = 4096
		f := t.create("a", noise(600*page, 3))
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		f = t.open("a", os.O_RDONLY, &unio.FileOptions{Random: true})
		m := t.mapped(f)
		want := []unio.Extent{
			{Off: 3*page + 100, Len: page - 100}, {Off: 7 * page, Len: 2 * page}, {Off: 300 * page, Len: page}, {Off: 599 * page, Len: 100},
		}
		gaps := func() {
			dropMapping(t, m)
			for _, at := range []int64{3, 7, 8, 300, 599} {
				populate(t, m, at*page+10, 5)
			}
		}
		wantResident(t, "pages with gaps", m, 3*page+100, 596*page, want, gaps)
		wantResident(t, "the gaps too", m, 0, m.Size(), []unio.Extent{{Off: 0, Len: m.Size()}}, func() {
			gaps()
			populate(t, m, 0, m.Size())
		})
	})
}

// What is not needed leaves memory in whole pages alone.
func TestMapAdviceEndsBetweenPages(t *testing.T) {
	eachFileScene(t, func(t fileScene) {
		if strings.HasPrefix(t.dir, "/dev/shm/") {
			return // memory does not leave memory
		}
		page := int64(os.Getpagesize())
		f := t.create("a", noise(int(8*page), 3))
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		f = t.open("a", os.O_RDONLY, &unio.FileOptions{Random: true})
		m := t.mapped(f)
		for _, c := range []struct {
			off, n int64
			want   []unio.Extent
		}{
			{2*page - 1, 2*page + 1, []unio.Extent{{Off: 0, Len: 2 * page}, {Off: 4 * page, Len: 4 * page}}},
			{2 * page, 2*page + 1, []unio.Extent{{Off: 0, Len: 2 * page}, {Off: 4 * page, Len: 4 * page}}},
			{2*page + 1, page, []unio.Extent{{Off: 0, Len: 8 * page}}},
			{7*page - 1, 0, []unio.Extent{{Off: 0, Len: 7 * page}}},
		} {
			wantResident(t, fmt.Sprintf("after %d bytes at %d", c.n, c.off), m, 0, m.Size(), c.want, func() {
				dropMapping(t, m)
				for at := range int64(8) { // each as a piece of its own
					populate(t, m, at*page, 1)
				}
				if err := m.Advise(c.off, c.n, unio.AdviceDontNeed); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}

// To open a file reads nothing of it, nor does to map it.
func TestOpenAndMapReadNothing(t *testing.T) {
	for what, begin := range map[string]func(t fileScene, f *unio.File){
		"open": func(t fileScene, _ *unio.File) { t.open("a", os.O_RDWR, nil) },
		"map":  func(t fileScene, f *unio.File) { t.mapped(f) },
	} {
		eachFileScene(t, func(t fileScene) {
			f := t.create("a", noise(1<<20, 1))
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			m := t.mapped(f)
			dropMapping(t, m)
			if all, err := m.Resident(0, m.Size()); err != nil || len(all) > 0 {
				return // memory does not leave memory
			}
			begin(t, f)
			time.Sleep(10 * time.Millisecond) // for a device to answer
			if all, err := m.Resident(0, m.Size()); err != nil || len(all) > 0 {
				t.Errorf("%s: %v came in, %v", what, all, err)
			}
		})
	}
}

// To who neither owns a file nor may write it the kernel says that everything is in memory: Resident says that it does not
// tell, and Populate does not believe it.
func TestMapOfAnothersFile(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("lacks: the right to become another user")
	}
	dir, err := os.MkdirTemp("", "unio-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "a")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(name, noise(1<<20, 1), 0o644)); err != nil {
		t.Fatal(err)
	}
	wantProof(t, "", "map-of-another", name)
}

func mapOfAnother(args []string) {
	t := &childTB{}
	becomeNobody(t)
	rt, err := unio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := rt.OpenFile(args[1], os.O_RDONLY, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := rt.Map(f)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := m.Resident(0, m.Size()); !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("Resident: %v, %v", all, err)
	}
	p := make([]byte, m.Size())
	for range 2 {
		if err := m.Populate(background, 0, m.Size()); err != nil {
			t.Fatal(err)
		}
		if n, err := m.ReadAt(p, 0); n != len(p) || err != nil || !bytes.Equal(p, noise(1<<20, 1)) {
			t.Fatalf("ReadAt: %d, %v", n, err)
		}
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("proved: what the kernel does not tell is not believed")
}

// While a page is waited for, the one P that there is runs goroutines, and the loop tasks: a fault that the kernel holds until
// the test lets go of it would stop them for good if it held the P.
func TestMapPopulateHoldsNoP(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine == unio.Sim {
			return // whose callers do everything themselves
		}
		for caller, begin := range map[string]func(func()){"goroutine": func(fn func()) { go fn() }, "task": rt.Go} {
			t.Run(caller, func(t *testing.T) { populateHeld(t, rt, begin) })
		}
	})
}

func populateHeld(t *testing.T, rt *unio.Runtime, begin func(func())) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	dir, err := os.MkdirTemp("/dev/shm", "unio-test-")
	if err != nil {
		t.Skipf("lacks: a tmpfs at /dev/shm: %v", err)
	}
	defer os.RemoveAll(dir)
	f, err := rt.OpenFile(filepath.Join(dir, "a"), os.O_RDWR|os.O_CREATE, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := int64(os.Getpagesize())
	if err := f.Truncate(4 * page); err != nil { // nothing of it is there
		t.Fatal(err)
	}
	m, err := rt.Map(f)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := m.Bytes(0, m.Size())
	if err != nil {
		t.Fatal(err)
	}
	faults := holdFaults(t, p)
	populated := make(chan error, 1)
	begin(func() { populated <- m.Populate(background, page, page) })
	at := faults.wait(t)
	ran := make(chan struct{})
	go rt.Go(func() { close(ran) })
	await(t, ran, "a task beside it")
	select {
	case err := <-populated:
		t.Errorf("Populate did not wait: %v", err)
	default:
	}
	faults.letGo(t, at)
	if err := await(t, populated, "Populate"); err != nil || p[page] != 0 {
		t.Errorf("Populate: %v; %d", err, p[page])
	}
}
