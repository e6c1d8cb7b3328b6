package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unio-go/unio/bench/internal/trial"
)

// A short run of each comparison: tables, check, and a raw file that is read again.
func TestShortTrials(t *testing.T) {
	t.Setenv("UNIO_PEBBLE_KEYS", "3000")
	for _, c := range []struct {
		args  []string
		wants []string
	}{
		{[]string{"wal", "-contenders", "pebble"}, []string{"64 writers, a preallocated file", "own-sync", "pebble", "records/s"}},
		{[]string{"pebble", "-contenders", "osfs"}, []string{"YCSB C (100 % reads), cold, 64 workers", "osfs", "default", "op/s", "report: "}},
		{[]string{"log", "-contenders", "net-each"}, []string{"appends on 64 connections", "net-group", "net-each", "requests/s"}},
		{[]string{"nop", "-contenders", "filepool"}, []string{"one at a time", "filepool", "ns/op"}},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			out, dir := new(bytes.Buffer), t.TempDir()
			args := append(c.args, "-quick", "-check", "-rounds", "1", "-slice", "10ms", "-out", dir, "-dir", dir, "-seed", "7")
			if err := run(args, out); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			raws, err := filepath.Glob(filepath.Join(dir, c.args[0]+"-*.txt"))
			if err != nil || len(raws) != 1 {
				t.Fatalf("raw files %v, %v", raws, err)
			}
			drawn := strings.Contains(out.String(), "drawing: ")
			made := 1
			if drawn {
				made = 3 // the report and its drawing, too
			}
			all, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(all) != made {
				t.Errorf("%v are left beside the raw file, %v", all, err)
			}
			if err := run([]string{"show", raws[0]}, out); err != nil {
				t.Error(err)
			}
			for _, want := range append(c.wants, "seed 7") {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in\n%s", want, out)
				}
			}
			if err := run([]string{"check", raws[0]}, out); err != nil {
				t.Error(err)
			}
			if err := run([]string{"plot", raws[0]}, out); (err == nil) != drawn {
				t.Errorf("plot: %v, and a run makes a drawing: %v", err, drawn)
			}
		})
	}
}

func TestWrongTrials(t *testing.T) {
	for _, s := range trials {
		for _, args := range [][]string{
			{"-rounds", "1"}, {"more"}, {"-cases", "none"}, {"-contenders", "("}, {"-dir", "/nowhere/at/all"},
		} {
			if err := run(append([]string{s.File}, args...), new(bytes.Buffer)); err == nil {
				t.Errorf("%s %q: no error", s.File, args)
			}
		}
	}
	for _, args := range [][]string{{trial.Verb}, {trial.Verb, "none", "x", "y"}} {
		if err := run(args, new(bytes.Buffer)); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
