package main

import (
	"bytes"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

func TestServerAndClientOverUnio(t *testing.T) {
	for _, engine := range uniotest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			if err := uniotest.Refused(engine); err != nil {
				t.Skip(err)
			}
			uniotest.CheckLeaks(t)
			t.Setenv(unio.EngineVariable, string(engine))
			var out bytes.Buffer
			if err := run(&out, "127.0.0.1:0", false); err != nil {
				t.Fatal(err)
			}
			if out.String() != "hello, gopher\n" {
				t.Errorf("got %q", out.String())
			}
		})
	}
}
