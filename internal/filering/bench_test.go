//go:build linux && !unio_nouring

package filering

import (
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
)

// used is what the process has used, worker threads of the kernel included, getrusage(2): CPU time in nanoseconds, and how
// often a thread has slept.
func used() (cpu, switches int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	return u.Utime.Nano() + u.Stime.Nano(), int64(u.Nvcsw)
}

// measure adds the CPU time per operation, and with a ring how often it was entered.
func measure(b *testing.B, r *Ring, fn func()) {
	cpu, switches := used()
	var enters uint64
	if r != nil {
		enters = r.Counters().Enters.Load()
	}
	b.ResetTimer()
	fn()
	b.StopTimer()
	cpuNow, switchesNow := used()
	n := float64(b.N)
	b.ReportMetric(float64(cpuNow-cpu)/n, "cpu-ns/op")
	b.ReportMetric(float64(switchesNow-switches)/n, "switches/op")
	if r != nil {
		b.ReportMetric(float64(r.Counters().Enters.Load()-enters)/n, "enters/op")
	}
}

// spread runs fn b.N times on n goroutines.
func spread(b *testing.B, n int, fn func(worker int)) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				fn(i)
			}
		})
	}
	group.Wait()
}

const (
	benchBytes = 512 << 20
	blockBytes = 4096
)

// directFile is a file of real blocks, opened with O_DIRECT.
func directFile(b *testing.B) *fileio.File {
	name := filepath.Join(os.TempDir(), "unio-filering-bench")
	if s, err := os.Stat(name); err != nil || s.Size() != benchBytes {
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		p := make([]byte, 1<<20)
		for range benchBytes / len(p) {
			rand.Read(p)
			if _, err := f.Write(p); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			b.Fatal(err)
		}
	}
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		b.Skipf("lacks: O_DIRECT in %s: %v", os.TempDir(), err)
	}
	b.Cleanup(func() { f.Close() })
	return &fileio.File{OS: f, FD: int(f.Fd()), Direct: true}
}

// arena is memory in chunks of 1 MiB.
type arena struct{ memory []byte }

func newArena(tb testing.TB, chunks int) *arena {
	m, err := unix.Mmap(-1, 0, chunks<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { unix.Munmap(m) })
	return &arena{m}
}

func (a *arena) Chunks() int { return len(a.memory) >> 20 }

func (a *arena) Chunk(p []byte) (int, []byte, bool) {
	at, ok := offsetIn(a.memory, p)
	if !ok {
		return 0, nil, false
	}
	n := at >> 20
	return n, a.memory[n<<20:][:1<<20], true
}

func newRing(tb testing.TB, c Config) *Ring {
	r, err := New(c)
	if err != nil {
		tb.Skipf("lacks: io_uring: %v", err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func BenchmarkNop(b *testing.B) {
	for _, n := range []int{1, 32, 512} {
		b.Run(name(n), func(b *testing.B) {
			r := newRing(b, Config{})
			ops := make([]fileio.Op, n)
			measure(b, r, func() { spread(b, n, func(i int) { r.Do(&ops[i]) }) })
		})
	}
}

func BenchmarkDirectRead(b *testing.B) {
	f := directFile(b)
	for _, n := range []int{1, 8, 32, 512} {
		a := newArena(b, max(1, n*blockBytes>>20))
		block := func(i int) []byte { return a.memory[i*blockBytes:][:blockBytes:blockBytes] }
		off := func() int64 { return mrand.Int64N(benchBytes/blockBytes) * blockBytes }
		b.Run("os/"+name(n), func(b *testing.B) {
			measure(b, nil, func() {
				spread(b, n, func(i int) {
					if _, err := f.OS.ReadAt(block(i), off()); err != nil {
						b.Error(err)
					}
				})
			})
		})
		for _, fixed := range []bool{false, true} {
			c := Config{}
			kind := "plain/"
			if fixed {
				c.Memory, kind = a, "fixed/"
			}
			b.Run("ring/"+kind+name(n), func(b *testing.B) {
				f.Ring.Store(0)
				r := newRing(b, c)
				ops := make([]fileio.Op, n)
				measure(b, r, func() {
					spread(b, n, func(i int) {
						op := &ops[i]
						op.Code, op.File, op.Off, op.Data = fileio.Read, f, off(), block(i)
						r.Do(op)
						if op.N != blockBytes {
							b.Error(op.N, op.Err)
						}
					})
				})
			})
			b.Run("batch/"+kind+name(n), func(b *testing.B) {
				f.Ring.Store(0)
				r := newRing(b, c)
				ops := make([]*fileio.Op, n)
				for i := range ops {
					ops[i] = &fileio.Op{Code: fileio.Read, File: f, Data: block(i)}
				}
				measure(b, r, func() {
					for left := b.N; left > 0; left -= n {
						for _, op := range ops {
							op.Off = off()
						}
						r.DoAll(ops)
						for _, op := range ops {
							if op.N != blockBytes {
								b.Error(op.N, op.Err)
							}
						}
					}
				})
			})
		}
	}
}

// BenchmarkBesideComputing reads while a goroutine computes on each P, so that a completion finds no idle thread.
func BenchmarkBesideComputing(b *testing.B) {
	f := directFile(b)
	for _, n := range []int{1, 8, 32} {
		a := newArena(b, 1)
		for _, kind := range []string{"os", "ring"} {
			b.Run(kind+"/"+name(n), func(b *testing.B) {
				f.Ring.Store(0)
				r := newRing(b, Config{Memory: a})
				ops := make([]fileio.Op, n)
				times := make([][]time.Duration, n)
				stop := compute()
				measure(b, r, func() {
					spread(b, n, func(i int) {
						op := &ops[i]
						op.Code, op.File, op.Off = fileio.Read, f, mrand.Int64N(benchBytes/blockBytes)*blockBytes
						op.Data = a.memory[i*blockBytes:][:blockBytes:blockBytes]
						began := time.Now()
						if kind == "os" {
							op.N, op.Err = f.OS.ReadAt(op.Data, op.Off)
						} else {
							r.Do(op)
						}
						times[i] = append(times[i], time.Since(began))
						if op.N != blockBytes {
							b.Error(op.N, op.Err)
						}
					})
				})
				stop()
				all := slices.Concat(times...)
				slices.Sort(all)
				b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
				b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
			})
		}
	}
}

// compute keeps every P busy until stop.
func compute() (stop func()) {
	var ended atomic.Bool
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for !ended.Load() {
			}
		})
	}
	return func() {
		ended.Store(true)
		group.Wait()
	}
}
