package memfs_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/unio-go/unio/vfs/memfs"
)

// Where names keep their order, those that there are after a crash were made before those that there are not. Where they do
// not, some seed shows that.
func TestCrashInOrder(t *testing.T) {
	fsys := memfs.New()
	const names = 10
	check(t, fsys.Mkdir("dir", 0o777))
	syncDir(t, fsys, ".")
	for i := range names {
		dir := []string{"", "dir/"}[i%2]
		create(t, fsys, fmt.Sprint(dir, i)).Close()
	}
	inOrder := func(after *memfs.FS) (found int, ordered bool) {
		there := [names]bool{}
		for i := range names {
			dir := []string{"", "dir/"}[i%2]
			if _, err := after.Stat(fmt.Sprint(dir, i)); err == nil {
				there[i] = true
				found++
			}
		}
		for i := range found {
			if !there[i] {
				return found, false
			}
		}
		return found, true
	}
	counts, reordered := map[int]bool{}, false
	for seed := range uint64(500) {
		n, ordered := inOrder(fsys.CrashInOrder(seed))
		if counts[n] = true; !ordered {
			t.Fatalf("seed %d: a name is there that was made after one that is not", seed)
		}
		_, ordered = inOrder(fsys.Crash(seed))
		reordered = reordered || !ordered
	}
	syncDir(t, fsys, "dir") // and with it the other, but for what was made after it
	for seed := range uint64(100) {
		if n, ordered := inOrder(fsys.CrashInOrder(seed)); n != names || !ordered {
			t.Fatalf("seed %d: after the sync of the last directory %d names are there", seed, n)
		}
	}
	if len(counts) != names+1 {
		t.Errorf("%d different numbers of names were found in 500 crashes, want all from none to %d", len(counts), names)
	}
	if !reordered {
		t.Error("Crash never changed the order")
	}
}

// The sync of one of the two directories of a rename left it out, where everything before and behind it was durable.
func TestCrashInOrderKeepsARenameWhenOneOfItsDirectoriesIsSynced(t *testing.T) {
	for _, synced := range []string{"from", "to"} {
		fsys := memfs.New()
		check(t, errors.Join(fsys.Mkdir("from", 0o777), fsys.Mkdir("to", 0o777)))
		writeFile(t, fsys, "from/file", nil)
		syncDir(t, fsys, "from")
		syncDir(t, fsys, ".")
		check(t, fsys.Rename("from/file", "to/file"))
		syncDir(t, fsys, synced)
		lost := false
		for seed := range uint64(100) {
			if after := tree(fsys.CrashInOrder(seed)); after != "from/ to/ to/file=(empty)" {
				t.Fatalf("after the sync of %s, seed %d leaves %s", synced, seed, after)
			}
			lost = lost || tree(fsys.Crash(seed)) == "from/ from/file=(empty) to/"
		}
		if !lost {
			t.Errorf("after the sync of %s alone Crash never undid the rename", synced)
		}
	}
}
