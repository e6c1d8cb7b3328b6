package memfs_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/unio-go/unio/vfs/memfs"
)

// Files that are durable and are moved about, with directories made, moved and removed around them, are never lost, and never
// have two names or two contents. Directories do not come to lie in each other.
func TestNothingThatMovesIsLost(t *testing.T) {
	const files = 4
	for run := range seeds(t, 200) {
		random := rand.New(rand.NewPCG(run, 0))
		fsys := memfs.New()
		for i := range files {
			name := fmt.Sprint("file", i)
			writeFile(t, fsys, name, []byte(name))
			syncFile(t, fsys, name)
		}
		syncDir(t, fsys, ".")
		for range 60 {
			moveAbout(t, fsys, random)
			if random.IntN(4) > 0 {
				continue
			}
			seed := random.Uint64()
			found := map[string]int{}
			after := fsys.Crash(seed)
			check(t, fs.WalkDir(after, ".", func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				found[string(readFile(t, after, name))]++
				return nil
			}))
			for i := range files {
				if name := fmt.Sprint("file", i); found[name] != 1 {
					t.Fatalf("run %d: %s is there %d times in %s, and it was in %s", run, name, found[name], tree(after), tree(fsys))
				}
			}
		}
	}
}

// moveAbout makes a change that loses no file.
func moveAbout(t *testing.T, fsys *memfs.FS, random *rand.Rand) {
	var dirs, all []string
	check(t, fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if d.IsDir() {
			dirs = append(dirs, name)
		}
		if name != "." {
			all = append(all, name)
		}
		return err
	}))
	any := func(names []string) string { return names[random.IntN(len(names))] }
	fresh := any(dirs) + "/" + fmt.Sprint(random.IntN(1000))
	fresh = strings.TrimPrefix(fresh, "./")
	switch random.IntN(8) {
	case 0:
		syncDir(t, fsys, any(dirs))
	case 1, 2:
		_ = fsys.Mkdir(fresh, 0o777)
	case 3:
		if name := any(all); strings.Count(name, "/") < 3 {
			_ = fsys.Remove(any(dirs)) // where it is empty
		}
	default:
		if _, err := fsys.Stat(fresh); err != nil {
			_ = fsys.Rename(any(all), fresh)
		}
	}
}

// An FS that is synced does not grow with what has been done to it, and neither does one that is not, beyond its files.
func TestMemoryIsBounded(t *testing.T) {
	for _, synced := range []bool{true, false} {
		t.Run(fmt.Sprint("synced ", synced), func(t *testing.T) {
			fsys := memfs.New()
			f := create(t, fsys, "file")
			work := func(n int) {
				p := make([]byte, 100)
				for i := range n {
					if _, err := f.WriteAt(p, int64(i*61%100_000)); err != nil {
						t.Fatal(err)
					}
					writeFile(t, fsys, "new", p)
					check(t, fsys.Rename("new", "old"))
					if synced && i%10 == 0 {
						check(t, f.Sync())
						syncDir(t, fsys, ".")
					}
				}
			}
			work(20_000)
			before := heap()
			work(20_000)
			if after := heap(); after > before+1<<20 {
				t.Errorf("the same again took %d bytes more, with %d before", after-before, before)
			}
			runtime.KeepAlive(fsys)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
