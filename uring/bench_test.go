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
	const loopFlags = SetupSingleIssuer | SetupDeferTaskrun | SetupNoSqarray
	for _, batch := range []int{1, 8, 64} {
		for _, c := range []struct {
			name  string
			flags uint32
			enter func(*Ring) (int, error)
		}{
			{"poll", loopFlags, (*Ring).Poll},
			{"wait", loopFlags, func(r *Ring) (int, error) { return r.SubmitAndWait(1) }},
			{"shared", 0, (*Ring).Submit},
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
					if _, err := c.enter(r); err != nil && !Temporary(err) {
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
