package uniotest_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// A test of a handler, on every engine that the build has. Whatever the handler forgets (a buffer, a goroutine, a
// connection that it kept) fails it.
func ExampleEachEngine() {
	test := func(t *testing.T) {
		uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
			ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			go ln.Serve(func(c *unio.Conn) { c.Write([]byte("hello")) })

			c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got, err := io.ReadAll(c); string(got) != "hello" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	_ = test // go test finds it as TestHandler(t *testing.T)
}

// A client that must come to an end, whatever the network does to it. The listener belongs to the scenario's runtime, and
// its addresses to the simulation.
func ExampleSimulate() {
	test := func(t *testing.T) {
		uniotest.Simulate(t, func(s *uniotest.Sim) {
			rt := s.Runtime()
			ln, err := rt.Listen("tcp", "10.0.0.1:80", nil)
			if err != nil {
				s.Fatalf("listen: %v", err)
			}
			rt.Go(func() { ln.Serve(func(c *unio.Conn) { c.Write([]byte("hello")) }) })

			c, err := rt.Dial(context.Background(), "tcp", "10.0.0.1:80", nil)
			if err != nil {
				return // nobody promised that there is a way
			}
			defer c.Close()
			c.SetReadDeadline(s.Now().Add(time.Minute))
			if got, err := io.ReadAll(c); err == nil && string(got) != "hello" {
				s.Errorf("a whole stream is %q", got)
			}
		})
	}
	_ = test // go test finds it as TestClient(t *testing.T)
}
