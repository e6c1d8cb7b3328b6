package unio_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// A ring that the kernel polls serves as any other; every other engine refuses, with the reason.
func TestSQPoll(t *testing.T) {
	for _, e := range uniotest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			if e != unio.Uring {
				rt, err := unio.New(&unio.Options{Engine: e, SQPoll: true})
				if err == nil {
					rt.Close()
					t.Fatal("New has taken an option that it cannot honour")
				}
				if !strings.Contains(err.Error(), "SQPoll needs the engine uring, and this is "+string(e)) {
					t.Error(err)
				}
				return
			}
			if err := uniotest.Refused(e); err != nil {
				t.Skip(err)
			}
			rt := uniotest.New(t, &unio.Options{Engine: e, SQPoll: true})
			if r := rt.Report(); !slices.Contains(r.Features, "sqpoll") {
				t.Errorf("the report knows nothing of it: %q", r.Features)
			}
			ln := serve(t, rt, echo)
			for range 3 {
				c := dialNet(t, ln)
				for range 100 {
					exchange(t, c)
				}
			}
			done := make(chan error)
			rt.Go(func() {
				c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
				if err == nil {
					exchange(t, c)
					err = c.Close()
				}
				done <- err
			})
			if err := await(t, done, "the task"); err != nil {
				t.Error(err)
			}
		})
	}
}
