//go:build !race && !uniodebug

package unio_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// What is in memory is asked for and copied without an allocation, by any caller.
func TestMapAllocatesNothing(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		for fsName, dir := range fileDirs(t) {
			name := filepath.Join(dir, "a")
			if err := os.WriteFile(name, noise(1<<20, 1), 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := rt.OpenFile(name, os.O_RDONLY, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, err := rt.Map(f)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(fsName, func(t *testing.T) {
				eachCaller(t, rt, func(t testing.TB) {
					p, bg := make([]byte, 100_000), context.Background()
					wantAllocs(t, "Populate of a page", func() { m.Populate(bg, 5000, 100) })
					wantAllocs(t, "Populate of pages", func() { m.Populate(bg, 5000, 100_000) })
					wantAllocs(t, "Bytes", func() { m.Bytes(5000, 100) })
					wantAllocs(t, "ReadAt", func() { m.ReadAt(p, 5000) })
				})
			})
			if err := errors.Join(m.Close(), f.Close()); err != nil {
				t.Error(err)
			}
		}
	})
}
