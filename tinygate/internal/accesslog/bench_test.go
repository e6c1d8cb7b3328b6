package accesslog

import "testing"

// reset makes room, as the writing goroutine does.
func (w *Writer) reset() {
	w.b = w.b[:0]
	w.halves[w.turn].end.Store(0)
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
		n := testing.AllocsPerRun(1000, func() {
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
