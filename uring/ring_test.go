//go:build linux

package uring

import (
	"errors"
	"testing"
)

// newTestRing makes a ring that the test closes, or skips when the machine has no io_uring at all.
func newTestRing(t testing.TB, entries, flags uint32) *Ring {
	t.Helper()
	r, err := New(entries, &Params{Flags: flags})
	if err != nil {
		if _, perr := New(2, nil); perr != nil {
			t.Skipf("lacks: io_uring (%v)", perr)
		}
		t.Skipf("lacks: setup flags %#x (%v)", flags, err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

func TestNopRoundTrip(t *testing.T) {
	r := newTestRing(t, 8, 0)
	for round := range 1000 {
		for i := range 5 {
			s := r.SQE()
			s.PrepNop()
			s.UserData = uint64(round*5 + i)
		}
		n, err := r.SubmitAndWait(5)
		for errors.Is(err, ErrInterrupted) {
			n, err = r.SubmitAndWait(5)
		}
		if err != nil || n != 5 {
			t.Fatalf("round %d: submitted %d, %v", round, n, err)
		}
		want := uint64(round * 5)
		for c := range r.CQEs() {
			if c.UserData != want || c.Res != 0 {
				t.Fatalf("completion %+v, want user data %d", *c, want)
			}
			want++
		}
		if want != uint64(round*5+5) {
			t.Fatalf("round %d ended at %d", round, want)
		}
	}
}
