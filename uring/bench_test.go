//go:build linux

package uring

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkNop passes batches of no-operations through a ring of the kind that a loop uses: what an entry,
// an enter and a completion cost.
func BenchmarkNop(b *testing.B) {
	for _, batch := range []int{1, 8, 64} {
		for _, c := range []struct {
			name  string
			flags uint32
			enter func(*Ring) error
		}{
			{"poll", SetupSingleIssuer | SetupDeferTaskrun | SetupNoSqarray, func(r *Ring) error { _, err := r.Poll(); return err }},
			{"wait", SetupSingleIssuer | SetupDeferTaskrun | SetupNoSqarray, func(r *Ring) error { _, err := r.SubmitAndWait(1); return err }},
			{"shared", 0, func(r *Ring) error { _, err := r.Submit(); return err }},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, batch), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				r := newTestRing(b, 64, c.flags)
				for done := 0; done < b.N; {
					for range batch {
						s := r.SQE()
						s.PrepNop()
						s.UserData = 1
					}
					if err := c.enter(r); err != nil && !Temporary(err) {
						b.Fatal(err)
					}
					for c := range r.CQEs() {
						done += int(c.UserData)
					}
				}
			})
		}
	}
}

// BenchmarkStore is the price of publishing a head or tail with and without a barrier.
func BenchmarkStore(b *testing.B) {
	for _, plain := range []bool{true, false} {
		b.Run(fmt.Sprintf("plain=%v", plain), func(b *testing.B) {
			f := newFake(b, 8, 8, 0, 0)
			f.plain = plain
			for i := range uint32(b.N) {
				f.store(f.cqHead, i)
			}
		})
	}
}

// BenchmarkEntry is the price of an entry without any system call.
func BenchmarkEntry(b *testing.B) {
	f := newFake(b, 8, 8, 0, 0)
	for i := range b.N {
		s := f.SQE()
		s.PrepRecv(3, 4096, 100, 0)
		s.UserData = uint64(i)
		f.sqeHead++
	}
}
