//go:build linux && !unio_nouring

package uringengine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
)

// benchFileBytes is the size of the file that is read: more than a device's own cache, and quickly made.
const benchFileBytes = 2 << 30

// BenchmarkFileRead reads 4 KiB at random places of a file past the page cache, so many at once. It reports the CPU time of
// the process per read, that of the kernel's threads included, and the entries into the kernel.
//
// It is the least that a task's read can cost: the loop's ring without tasks.
func BenchmarkFileRead(b *testing.B) {
	f := benchFile(b)
	for _, depth := range []int{8, 32, 512} {
		for _, registered := range []bool{true, false} {
			b.Run(fmt.Sprintf("depth=%d/registered=%v", depth, registered), func(b *testing.B) {
				benchFileRead(b, f, depth, registered)
			})
		}
	}
}

// benchFile makes a file of real blocks that are not in the page cache.
func benchFile(b *testing.B) *os.File {
	b.Helper()
	path := filepath.Join(b.TempDir(), "data")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_DIRECT, 0o600)
	if err != nil {
		b.Skipf("lacks: O_DIRECT on the temporary directory: %v", err)
	}
	b.Cleanup(func() { f.Close() })
	r := newRig(b, sizes[0], nil)
	defer r.close()
	buf, _ := r.pool.TryGet(1 << 20)
	defer buf.Release()
	for i := range buf.Bytes() {
		buf.Bytes()[i] = byte(rand.Uint32())
	}
	for off := int64(0); off < benchFileBytes; off += int64(buf.Len()) {
		if _, err := f.WriteAt(buf.Bytes(), off); err != nil {
			b.Skipf("lacks: room for %d bytes in the temporary directory: %v", int64(benchFileBytes), err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return f
}

func benchFileRead(b *testing.B, f *os.File, depth int, registered bool) {
	r := newRig(b, sizes[0], nil)
	defer r.close()
	file := &fileio.File{OS: f, FD: int(f.Fd()), ID: 1, Direct: true}
	if !registered {
		file.ID = 1 << 30
	}
	ops, ios := make([]engine.Op, depth), make([]fileio.Op, depth)
	rnd := rand.New(rand.NewPCG(1, 2))
	place := func() int64 { return int64(rnd.Uint64N(benchFileBytes>>12)) << 12 }
	for i := range ops {
		ios[i] = fileio.Op{Code: fileio.Read, File: file, Off: place()}
		if registered {
			buf, _ := r.pool.TryGet(4096)
			defer buf.Release()
			ios[i].Data = buf.Bytes()
		} else {
			ios[i].Data = aligned(4096)
		}
		ops[i] = engine.Op{Code: engine.File, IO: &ios[i]}
		r.e.Submit(&ops[i])
	}
	warm := depth * 4
	var before syscall.Rusage
	var enters uint64
	submitted, completed := depth, 0
	for completed < warm+b.N {
		ready, err := r.e.Poll()
		if err == nil && !ready {
			err = r.e.Wait(-1)
		}
		if err != nil {
			b.Fatal(err)
		}
		for op := r.e.Next(); op != nil; op = r.e.Next() {
			if op.Err != nil || op.IO.N != 4096 {
				b.Fatalf("read %d bytes: %v", op.IO.N, op.Err)
			}
			if completed++; completed == warm {
				b.ResetTimer()
				syscall.Getrusage(syscall.RUSAGE_SELF, &before)
				enters = r.e.stats.enters + r.e.Counters().Enters.Load()
			}
			if submitted < warm+b.N {
				submitted++
				op.IO.Off = place()
				r.e.Submit(op)
			}
		}
	}
	b.StopTimer()
	var after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(r.e.stats.enters+r.e.Counters().Enters.Load()-enters)/float64(b.N), "enters/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}

// aligned is memory of Go's that O_DIRECT takes.
func aligned(n int) []byte {
	p := make([]byte, n+4096)
	at := int(-addrOf(p) & 4095)
	return p[at:][:n:n]
}
