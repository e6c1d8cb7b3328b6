package uniotest

import (
	"testing"
	"time"
)

// ShortSettle makes waiting for what will not go short, during one test.
func ShortSettle(t *testing.T) {
	old := settleLimit
	settleLimit = 200 * time.Millisecond
	t.Cleanup(func() { settleLimit = old })
}
