package compare

import (
	"slices"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/rounds"
)

func TestNetAlwaysRuns(t *testing.T) {
	o := Options{Suite: Echo, Cases: slices.Clone(Echo.Cases), Contenders: slices.Clone(Echo.Contenders)}
	if err := o.Limit("conns=50/size=64/depth=1$", "^uring/recv$"); err != nil {
		t.Fatal(err)
	}
	if want := []Contender{uringRecv, contenderNet}; !slices.Equal(o.Contenders, want) {
		t.Errorf("contenders %v, want %v", o.Contenders, want)
	}
	if want := []Case{caseSmall}; !slices.Equal(o.Cases, want) {
		t.Errorf("cases %v, want %v", o.Cases, want)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for _, limit := range [][2]string{{"(", ""}, {"", "("}, {"conns=7", ""}} {
		o := Options{Suite: Echo, Cases: slices.Clone(Echo.Cases), Contenders: slices.Clone(Echo.Contenders)}
		if err := o.Limit(limit[0], limit[1]); err == nil {
			t.Errorf("%q: no error", limit)
		}
	}
	for _, o := range []Options{
		{Plan: rounds.Plan{Rounds: 4, Slice: time.Second}}, {Plan: rounds.Plan{Rounds: 0, Slice: time.Second, Quick: true}},
		{Plan: rounds.Plan{Rounds: 5, Slice: 1}},
	} {
		if err := o.Validate(); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	if err := (&Options{Plan: rounds.Plan{Rounds: 2, Slice: time.Second, Quick: true}}).Validate(); err != nil {
		t.Error(err)
	}
}
