package faultfs_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/faultfs"
	"github.com/unio-go/unio/vfs/memfs"
)

// A Sync that failed loses what was written before it, although the next succeeds: fsync(2) after an error. That is so whatever is
// between the plan and what can lose power.
func TestFailedSyncLosesAlthoughTheNextSucceeds(t *testing.T) {
	direct := func(below vfs.FS) vfs.FS { return below }
	over := func(below vfs.FS) vfs.FS { return faultfs.New(below, faultfs.NewPlan(2)) }
	for name, one := range map[string]struct {
		sync  func(vfs.File) error
		below func(vfs.FS) vfs.FS
	}{"Sync": {vfs.File.Sync, direct}, "Datasync": {vfs.Datasync, direct}, "over another": {vfs.File.Sync, over}} {
		t.Run(name, func(t *testing.T) {
			below, plan, sync := memfs.New(), faultfs.NewPlan(1), one.sync
			fsys := faultfs.New(one.below(below), plan)
			f, err := fsys.OpenFile("file", os.O_RDWR|os.O_CREATE, 0o666, nil)
			if err == nil {
				err = vfs.SyncDir(fsys, ".")
			}
			if err == nil {
				err = plan.Add(faultfs.Rule{Op: "sync", Nth: 1})
			}
			if err == nil {
				_, err = f.Write([]byte("lost"))
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := sync(f); !errors.Is(err, faultfs.ErrInjected) {
				t.Fatalf("the first: %v", err)
			}
			if err := sync(f); err != nil {
				t.Fatalf("the second: %v", err)
			}
			found := map[string]bool{}
			for seed := range uint64(200) {
				p, err := fs.ReadFile(below.Crash(seed), "file")
				if err != nil {
					t.Fatal(err)
				}
				found[string(p)] = true
			}
			if len(found) != 2 || !found["lost"] || !found["\x00\x00\x00\x00"] {
				t.Errorf("after crashes there was %v", found)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
