package config

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzParse holds that no text makes Parse panic; that what it refuses has a place and a cure; and that the gate can rely
// on what it accepts, which is the same each time.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/wrong/*.yaml", "testdata/good/*.yaml"} {
		for _, file := range files(f, pattern, 10) {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, err := Parse("fuzz.yaml", text, testEnv)
		again, errAgain := Parse("fuzz.yaml", text, testEnv)
		if err != nil {
			checkError(t, err, text)
			if errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("first %v, then %v", err, errAgain)
			}
			return
		}
		if err := valid(cfg); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		if errAgain != nil || strings.Join(dump(cfg), "\n") != strings.Join(dump(again), "\n") {
			t.Fatalf("not the same again: %v", errAgain)
		}
	})
}

// FuzzSimple holds the same of addresses from a command line.
func FuzzSimple(f *testing.F) {
	f.Add(":80", "10.0.0.1:80", "10.0.0.2:80")
	f.Add("[::1]:80", "unix:/run/a", "${env:BACKEND}")
	f.Fuzz(func(t *testing.T, listen, a, b string) {
		cfg, err := Simple(listen, []string{a, b})
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || len(e.Problems) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if err := valid(cfg); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
	})
}
