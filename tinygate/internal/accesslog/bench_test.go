package accesslog

import (
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// reset makes room, as the writing goroutine does.
func (w *Writer) reset() {
	w.b = w.b[:0]
	w.filling.end.Store(0)
}

func BenchmarkAdd(b *testing.B) {
	for _, format := range []string{"json", "combined"} {
		b.Run("format="+format, func(b *testing.B) {
			f, err := compile(format)
			if err != nil {
				b.Fatal(err)
			}
			w, e := writerOf(f), entry()
			b.ReportAllocs()
			for b.Loop() {
				if len(w.b) > bufBytes-8<<10 {
					w.reset()
				}
				w.Add(&e)
			}
			if w.dropped.Load() > 0 {
				b.Fatal("lines were dropped")
			}
		})
	}
}

// BenchmarkPaced has two loops that are never idle log 100,000 lines a second each, and reports how many are dropped. With
// two buffers a loop it was a tenth on a machine with two busy CPUs.
func BenchmarkPaced(b *testing.B) {
	const loops, pace = 2, 10 * time.Microsecond
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(loops + 1)) // as the program has it
	l, err := Open(config.AccessLog{Path: filepath.Join(b.TempDir(), "access.log")}, loops)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var wg sync.WaitGroup
	for i := range loops {
		wg.Go(func() {
			w, e := l.Writer(i), entry()
			for range b.N {
				for next := time.Now().Add(pace); time.Now().Before(next); {
				}
				w.Add(&e)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(l.Dropped())/float64(b.N*loops), "dropped/line")
}

func TestAddDoesNotAllocate(t *testing.T) {
	for _, format := range []string{"json", "combined"} {
		f, err := compile(format)
		if err != nil {
			t.Fatal(err)
		}
		w, e := writerOf(f), entry()
		e.UserAgent = []byte("hostile \" \x00 \xff \u2028")
		long := e
		long.Path = make([]byte, 60<<10)
		n := testing.AllocsPerRun(100, func() {
			if len(w.b) > bufBytes/2 {
				w.reset()
			}
			w.Add(&e)
			w.reset()
			w.Add(&long)
			w.reset()
		})
		if n != 0 || w.dropped.Load() > 0 {
			t.Errorf("%s: %v allocations a line, %d dropped", format, n, w.dropped.Load())
		}
	}
}
