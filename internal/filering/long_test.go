//go:build unio_long && linux && !unio_nouring

package filering

import "testing"

var manyOrders = map[string]plan{
	"two":                   {callers: []call{{ops: 1}, {ops: 1}}, slots: 2, bounds: small},
	"two, few slots":        {callers: []call{{ops: 1}, {ops: 1}}, slots: 1, bounds: small},
	"two, larger bounds":    {callers: []call{{ops: 1}, {ops: 1}}, slots: 2, bounds: bounds{enters: 2, reaps: 2, turns: 2}},
	"a start beside a call": {callers: []call{{ops: 1}, {ops: 1, start: true}}, slots: 1, bounds: small},
	"two, failing":          {callers: []call{{ops: 1}, {ops: 1, start: true}}, slots: 2, fails: 1, bounds: small},
	"two and one":           {callers: []call{{ops: 2, start: true}, {ops: 1}}, slots: 1, bounds: small},
	"pump, two in turn":     {callers: []call{{ops: 2}}, slots: 1, pump: true, bounds: small},
}

// TestNoWakeUpIsLostInAnyOrderOfMore plays all orders of two callers, which takes minutes: go test -tags unio_long.
func TestNoWakeUpIsLostInAnyOrderOfMore(t *testing.T) { exploreAll(t, manyOrders) }
