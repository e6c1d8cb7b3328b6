package pebblevfs_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/metamorphic"
	pebble "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/unio-go/unio/adapter/pebblevfs"
)

// opsInHistory is how long a history of the metamorphic test is. The environment variable UNIO_METAMORPHIC says how many
// histories are played on each file system; the gate plays one.
const opsInHistory = 1500

// Pebble's metamorphic test: random operations on a database with random options have the same results on the adapter as on
// Pebble's own file system in memory. The operation that crashes and opens the database again is left out, because it asks for
// that file system and no other; TestCrashesLoseNothing is in its place.
func TestMetamorphic(t *testing.T) {
	for _, s := range systems {
		t.Run(s.name, func(t *testing.T) {
			for seed := range uint64(number(t, "UNIO_METAMORPHIC", 1)) {
				dir := t.TempDir()
				histories := []string{playHistory(t, seed, nil), playHistory(t, seed, pebblevfs.New(s.open(t, dir)))}
				if i, diff := metamorphic.CompareHistories(t, histories); i != 0 {
					t.Fatalf("seed %d: the histories differ:\n%s", seed, diff)
				}
			}
		})
	}
}

// playHistory plays the operations of a seed with the options of the seed, and gives the name of the file with what came of
// them. nil is Pebble's own file system.
func playHistory(t *testing.T, seed uint64, fsys pebble.FS) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	kf := metamorphic.TestkeysKeyFormat
	ops := metamorphic.GenerateOps(rng, opsInHistory, kf, metamorphic.DefaultOpConfig().WithOpWeight(metamorphic.OpDBRestart, 0))
	opts := metamorphic.RandomOptions(rng, kf, metamorphic.RandomOptionsCfg{})
	if opts.Opts.Cache != nil {
		defer opts.Opts.Cache.Unref()
	}
	opts.Opts.Logger = quiet{}
	if fsys != nil {
		opts.Opts.FS = fsys
		if opts.Opts.WALFailover != nil {
			opts.Opts.WALFailover.Secondary.FS = fsys
		}
	}
	history := filepath.Join(t.TempDir(), "history")
	f, err := os.Create(history)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := metamorphic.New(ops, opts, "/db", f)
	if err == nil {
		err = metamorphic.Execute(m)
	}
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return history
}
