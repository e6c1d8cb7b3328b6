package unio_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// BenchmarkFileCached is a read of 4 KiB that is in the page cache, beside package os.
func BenchmarkFileCached(b *testing.B) {
	const size = 64 << 20
	name := filepath.Join(b.TempDir(), "a")
	if err := os.WriteFile(name, make([]byte, size), 0o644); err != nil {
		b.Fatal(err)
	}
	off := func() int64 { return rand.Int64N(size/4096) * 4096 }
	b.Run("os", func(b *testing.B) {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		p := make([]byte, 4096)
		for b.Loop() {
			f.ReadAt(p, off())
		}
	})
	for _, e := range uniotest.Engines() {
		rt, err := unio.New(&unio.Options{Engine: e})
		if err != nil {
			b.Logf("lacks: the engine %s: %v", e, err)
			continue
		}
		defer rt.Close()
		f, err := rt.OpenFile(name, os.O_RDONLY, 0, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(e)+"/ReadAt", func(b *testing.B) {
			p := make([]byte, 4096)
			for b.Loop() {
				f.ReadAt(p, off())
			}
		})
		b.Run(string(e)+"/ReadBuf", func(b *testing.B) {
			for b.Loop() {
				buf, err := f.ReadBuf(context.Background(), off(), 4096)
				if err != nil {
					b.Fatal(err)
				}
				buf.Release()
			}
		})
		b.Run(string(e)+"/task", func(b *testing.B) {
			inTask(b, func() {
				p := make([]byte, 4096)
				for b.Loop() {
					f.ReadAt(p, off())
				}
			})
		})
	}
}
