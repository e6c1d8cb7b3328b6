package metrics

import (
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCount compares the two ways for a single writer to count.
func BenchmarkCount(b *testing.B) {
	var v [4]atomic.Uint64
	b.Run("way=add", func(b *testing.B) {
		for b.Loop() {
			for i := range v {
				v[i].Add(1)
			}
		}
	})
	b.Run("way=store", func(b *testing.B) {
		for b.Loop() {
			for i := range v {
				v[i].Store(v[i].Load() + 1)
			}
		}
	})
}

func BenchmarkRequestEnded(b *testing.B) {
	m := New("test", 1)
	number := m.SetRoutes([]string{"site"})[0]
	l := m.Loop(0)
	b.ReportAllocs()
	took := time.Microsecond
	for b.Loop() {
		took += 1001
		l.RequestEnded(number, 200, took, 0, 5120)
	}
}

func BenchmarkScrape(b *testing.B) {
	m := New("test", 2)
	m.SetRoutes([]string{"a", "b", "c", "d"})
	for b.Loop() {
		if _, err := m.registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	m := New("test", 1)
	l, route := m.Loop(0), m.SetRoutes([]string{"a"})[0]
	n := testing.AllocsPerRun(1000, func() {
		l.ClientOpened()
		l.RequestBegan()
		l.RequestEnded(route, 200, time.Millisecond, 1, 2)
		l.Handshake(0x304)
		l.ClientRefused(RefusedLimit)
		l.ClientClosed()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
