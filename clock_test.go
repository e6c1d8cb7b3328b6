package unio_test

import (
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// The time of a connection goes on with the loop, is that of the clock and of the calendar, and is read anew in a later turn.
func TestNowFollowsTheClock(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		conns := make(chan *unio.Conn, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			c.Keep()
			last := c.Now()
			for range 50 {
				unio.Sleep(time.Millisecond)
				now := c.Now()
				if d := now.Sub(last); d < time.Millisecond {
					t.Errorf("%v went by in a sleep of a millisecond", d)
				}
				if d := time.Since(now); d < 0 || d > bound {
					t.Errorf("it is %v behind the clock", d)
				}
				if d := time.Now().Round(0).Sub(now.Round(0)); d < -time.Second || d > bound {
					t.Errorf("it is %v behind the calendar", d)
				}
				if again := c.Now(); again.Before(now) {
					t.Errorf("it went back by %v", now.Sub(again))
				}
				last = now
			}
			conns <- c
		})
		dialNet(t, ln)
		c := await(t, conns, "the handler")
		defer c.Close()
		before := time.Now()
		if d := c.Now().Sub(before); d < 0 || d > bound {
			t.Errorf("from outside it is %v after the clock", d)
		}
	})
}
