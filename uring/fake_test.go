//go:build linux

package uring

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestCountersWrap passes 2^32 on both rings, with the queues full, empty and in between.
func TestCountersWrap(t *testing.T) {
	f := newFake(t, 8, 16, 0, ^uint32(0)-100)
	var next, want uint64
	for round := range 100 {
		n := uint32(round%8 + 1)
		for range n {
			s := f.SQE()
			if s == nil {
				t.Fatalf("round %d: full at %d pending", round, f.Pending())
			}
			s.PrepNop()
			s.UserData = next
			next++
		}
		if got := f.Pending(); got != n || f.SQSpace() != 8-n {
			t.Fatalf("round %d: pending %d, space %d, want %d", round, got, f.SQSpace(), n)
		}
		for _, s := range f.consume(n) {
			f.post(CQE{UserData: s.UserData})
		}
		if f.CQReady() != n {
			t.Fatalf("round %d: %d ready, want %d", round, f.CQReady(), n)
		}
		for c := range f.CQEs() {
			if c.UserData != want {
				t.Fatalf("round %d: completion of %d, want %d", round, c.UserData, want)
			}
			want++
		}
	}
	if f.sqeTail > 1000 {
		t.Fatalf("the counters did not wrap: %d", f.sqeTail)
	}
}

// TestFullQueueGivesNil also at the point where the counters wrap.
func TestFullQueueGivesNil(t *testing.T) {
	for _, start := range []uint32{0, ^uint32(0) - 2} {
		f := newFake(t, 4, 8, 0, start)
		for i := range 4 {
			if f.SQE() == nil {
				t.Fatalf("start %d: nil at %d", start, i)
			}
		}
		if f.SQE() != nil || f.Pending() != 4 || f.SQSpace() != 0 {
			t.Fatalf("start %d: an entry beyond the end, %d pending", start, f.Pending())
		}
		f.consume(1)
		if f.SQE() == nil || f.SQE() != nil {
			t.Fatalf("start %d: one place was freed, not exactly one entry came", start)
		}
	}
}

// TestSQEIsZeroed: what the entry held before must not leak into the next request.
func TestSQEIsZeroed(t *testing.T) {
	f := newFake(t, 2, 4, 0, 0)
	for range 10 {
		s := f.SQE()
		if *s != (SQE{}) {
			t.Fatalf("entry %+v", *s)
		}
		*s = SQE{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
		f.consume(1)
	}
}

func TestSeenIsBounded(t *testing.T) {
	f := newFake(t, 2, 4, 0, ^uint32(0))
	f.post(CQE{})
	f.Seen(1000)
	if f.CQReady() != 0 || *f.cqHead != *f.cqTail {
		t.Fatalf("head %d, tail %d", *f.cqHead, *f.cqTail)
	}
}

// TestLeavingTheLoopKeepsTheRest: what was not reached stays, what was reached is gone.
func TestLeavingTheLoopKeepsTheRest(t *testing.T) {
	f := newFake(t, 2, 8, 0, ^uint32(0)-1)
	for i := range 4 {
		f.post(CQE{UserData: uint64(i)})
	}
	for c := range f.CQEs() {
		if c.UserData == 1 {
			break
		}
	}
	if c := f.PeekCQE(); c == nil || c.UserData != 2 || f.CQReady() != 2 {
		t.Fatalf("left: %+v, %d ready", c, f.CQReady())
	}
	func() {
		defer func() { recover() }()
		for range f.CQEs() {
			panic("handler")
		}
	}()
	if f.CQReady() != 2 {
		t.Fatalf("%d are left after a panic, want 2", f.CQReady())
	}
}

// TestMixedCompletions: 32-byte completions take two places, fillers none of the loop's turns.
func TestMixedCompletions(t *testing.T) {
	f := newFake(t, 2, 8, SetupCqeMixed, ^uint32(0)-2)
	for round := range uint64(20) {
		f.post(CQE{UserData: 10 * round})
		if *f.cqTail&f.cqMask == f.cqMask {
			f.post(CQE{UserData: 999, Flags: CqeFSkip})
		}
		big := *f.cqTail
		f.post(CQE{UserData: 10*round + 1, Flags: CqeF32})
		f.post(CQE{UserData: 555, Res: 1}) // the second half
		extra := f.Extra(f.cqe(big))
		if extra == nil || extra[0] != 555 {
			t.Fatalf("round %d: extra %v", round, extra)
		}
		want := 10 * round
		for c := range f.CQEs() {
			if c.UserData != want {
				t.Fatalf("round %d: %+v, want %d", round, *c, want)
			}
			want++
		}
		if want != 10*round+2 || f.CQReady() != 0 {
			t.Fatalf("round %d: ended at %d with %d ready", round, want, f.CQReady())
		}
	}
	f.post(CQE{Flags: CqeFSkip})
	if c := f.PeekCQE(); c != nil {
		t.Fatalf("a filler came out: %+v", *c)
	}
}

// TestMixedEntries: a 128-byte entry takes two places that do not wrap.
func TestMixedEntries(t *testing.T) {
	f := newFake(t, 4, 8, SetupSqeMixed, 0)
	f.SQE().PrepNop()
	f.SQE().PrepNop()
	f.SQE().PrepNop()
	if s, _ := f.SQE128(); s != nil {
		t.Fatal("128 bytes in a queue with one place")
	}
	f.consume(3)
	s, cmd := f.SQE128() // place 3 would wrap: a filler takes it
	if s == nil {
		t.Fatal("no entry")
	}
	s.PrepUringCmd128(1, 2)
	cmd[79] = 0xee
	got := f.consume(3)
	if got[0].Opcode != OpNop || got[0].Flags != SqeCqeSkipSuccess || got[1].Opcode != OpUringCmd128 ||
		f.Pending() != 0 {
		t.Fatalf("entries %+v, %d pending", got, f.Pending())
	}
	if got[2].Pad2>>56 != 0xee {
		t.Fatalf("second half %+v", got[2])
	}
	plain := newFake(t, 4, 8, 0, 0)
	if s, _ := plain.SQE128(); s != nil {
		t.Fatal("a ring of 64-byte entries gave one of 128")
	}
}

// FuzzCQ lets two sides work on a ring in any order, from any start, and holds the result against a list.
func FuzzCQ(f *testing.F) {
	f.Add(uint32(0), []byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(^uint32(0)-3, []byte{0x13, 0x91, 0x22, 0xff, 0x00, 0x47, 0x66, 0x05, 0x81, 0xc3})
	f.Fuzz(func(t *testing.T, start uint32, script []byte) {
		r := newFake(t, 8, 16, 0, start)
		var queued, posted []uint64
		var next uint64
		for _, b := range script {
			n := uint32(b >> 3)
			switch b & 7 {
			case 0, 1: // queue
				for range n {
					s := r.SQE()
					if (s == nil) != (len(queued) == 8) {
						t.Fatalf("nil is %v with %d queued", s == nil, len(queued))
					}
					if s != nil {
						s.UserData = next
						queued = append(queued, next)
						next++
					}
				}
			case 2, 3: // the kernel takes some and completes them
				for _, s := range r.consume(min(n, r.Pending())) {
					if s.UserData != queued[0] {
						t.Fatalf("took %d, want %d", s.UserData, queued[0])
					}
					queued = queued[1:]
					if r.post(CQE{UserData: s.UserData}) {
						posted = append(posted, s.UserData)
					}
				}
			case 4: // look
				if c := r.PeekCQE(); (c == nil) != (len(posted) == 0) || c != nil && c.UserData != posted[0] {
					t.Fatalf("peek %v of %v", c, posted)
				}
			case 5: // take some
				n = min(n, r.CQReady())
				for i := range n {
					if c := r.CQE(i); c.UserData != posted[i] {
						t.Fatalf("completion %d is %d, want %d", i, c.UserData, posted[i])
					}
				}
				r.Seen(n)
				posted = posted[n:]
			default: // take in a loop that is left
				left := n
				for c := range r.CQEs() {
					if c.UserData != posted[0] {
						t.Fatalf("completion %d, want %d", c.UserData, posted[0])
					}
					posted = posted[1:]
					if left == 0 {
						break
					}
					left--
				}
			}
			if int(r.Pending()) != len(queued) || int(r.CQReady()) != len(posted) {
				t.Fatalf("%d pending, %d ready, want %d and %d",
					r.Pending(), r.CQReady(), len(queued), len(posted))
			}
		}
	})
}

// TestNotificationIsNoFailure: what it reports of the memory that was sent, that it was copied, is a negative number.
func TestNotificationIsNoFailure(t *testing.T) {
	report := NotifUsageZcCopied
	c := CQE{Res: int32(report), Flags: CqeFNotif}
	if err := c.Err(); err != nil || c.Res >= 0 {
		t.Errorf("result %d of a notification: %v", c.Res, err)
	}
	for res, want := range map[int32]error{0: nil, 5: nil, -int32(unix.EPIPE): unix.EPIPE} {
		if c := (CQE{Res: res, Flags: CqeFMore}); c.Err() != want {
			t.Errorf("result %d: %v, want %v", res, c.Err(), want)
		}
	}
}
