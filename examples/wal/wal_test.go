package wal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// childVariable names the engine with which the test binary appends until it is killed.
const childVariable = "UNIO_TEST_WAL_CHILD"

func TestMain(m *testing.M) {
	if engine := os.Getenv(childVariable); engine != "" {
		appendForever(unio.Engine(engine), os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// replayed opens a log and gives what it holds.
func replayed(t *testing.T, rt *unio.Runtime, name string) (*Log, map[int64]string) {
	t.Helper()
	records := map[int64]string{}
	l, err := Open(rt, name, func(off int64, record []byte) error {
		records[off] = string(record)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, records
}

func TestRecordsComeBack(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "log")
		l, old := replayed(t, rt, name)
		if len(old) != 0 {
			t.Errorf("a new log has %d records", len(old))
		}
		var mu sync.Mutex
		var group sync.WaitGroup
		want := map[int64]string{}
		for i := range 16 {
			group.Go(func() {
				for j := range 20 {
					record := strings.Repeat(fmt.Sprintf("%d.%d ", i, j), i*j)
					off, err := l.Append(context.Background(), []byte(record))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					want[off] = record
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for off, record := range want {
			if got, err := l.Read(off); err != nil || string(got) != record {
				t.Errorf("the record at %d is %q, %v; want %q", off, got, err, record)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, got := replayed(t, rt, name)
		defer l.Close()
		if len(got) != len(want) {
			t.Errorf("%d records of %d came back", len(got), len(want))
		}
		for off, record := range want {
			if got[off] != record {
				t.Errorf("the record at %d came back as %q, want %q", off, got[off], record)
			}
		}
	})
}

// Each acknowledgement of a lone appender follows a sync of its own.
func TestAppendIsDurable(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		l, _ := replayed(t, rt, filepath.Join(t.TempDir(), "log"))
		defer l.Close()
		for i := range uint64(10) {
			if _, err := l.Append(context.Background(), []byte("record")); err != nil {
				t.Fatal(err)
			}
			if s := rt.Stats().Files; s.Appends != i+1 || s.Syncs != i+1 {
				t.Errorf("%d appends and %d syncs after record %d", s.Appends, s.Syncs, i+1)
			}
		}
	})
}

// Whatever a crash leaves behind the last whole record, replay ends there, and the next record takes its place.
func TestTornTailIsCutOff(t *testing.T) {
	tails := map[string]func(last []byte) []byte{
		"nothing":         func([]byte) []byte { return nil },
		"half a head":     func(last []byte) []byte { return last[:5] },
		"a head alone":    func(last []byte) []byte { return last[:headBytes] },
		"half a record":   func(last []byte) []byte { return last[:len(last)/2] },
		"zeros":           func(last []byte) []byte { return make([]byte, 4096) },
		"a hole and data": func(last []byte) []byte { return append(make([]byte, 512), last...) },
		"a wrong byte": func(last []byte) []byte {
			last[len(last)-1] ^= 1
			return last
		},
		"a huge length": func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 100) },
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for what, tail := range tails {
			t.Run(what, func(t *testing.T) {
				name := filepath.Join(t.TempDir(), "log")
				l, _ := replayed(t, rt, name)
				var offs []int64
				for _, record := range []string{"one", "two", "the last one, which the crash damages"} {
					off, err := l.Append(context.Background(), []byte(record))
					if err != nil {
						t.Fatal(err)
					}
					offs = append(offs, off)
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				file, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				torn := append(file[:offs[2]:offs[2]], tail(bytes.Clone(file[offs[2]:]))...)
				if err := os.WriteFile(name, torn, 0o644); err != nil {
					t.Fatal(err)
				}
				l, got := replayed(t, rt, name)
				defer l.Close()
				if len(got) != 2 || got[offs[0]] != "one" || got[offs[1]] != "two" {
					t.Errorf("replay found %v", got)
				}
				if info, err := os.Stat(name); err != nil || info.Size() != offs[2] {
					t.Errorf("%d bytes are left, %v; the whole records end at %d", info.Size(), err, offs[2])
				}
				off, err := l.Append(context.Background(), []byte("three"))
				if err != nil || off != offs[2] {
					t.Errorf("the next record is at %d, %v; want %d", off, err, offs[2])
				}
				if got, err := l.Read(off); err != nil || string(got) != "three" {
					t.Errorf("it is %q, %v", got, err)
				}
			})
		}
	})
}

func TestErrorOfReplayEndsOpen(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "log")
		l, _ := replayed(t, rt, name)
		if _, err := l.Append(context.Background(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(context.Background(), make([]byte, recordMax+1)); err == nil {
			t.Error("a record that replay would refuse was taken")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		refusal := errors.New("refused")
		if _, err := Open(rt, name, func(int64, []byte) error { return refusal }); !errors.Is(err, refusal) {
			t.Errorf("Open: %v", err)
		}
		if info, err := os.Stat(name); err != nil || info.Size() != headBytes+1 {
			t.Errorf("what replay refused was cut off: %v, %v", info, err)
		}
	})
}

// A process that is killed in the middle of appends has lost nothing that it was told is durable.
func TestKilledProcess(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "log")
		want := map[int64]string{}
		for range 3 { // each finds what the one before has left
			for off, record := range killedWhileAppending(t, rt.Report().Engine, name) {
				want[off] = record
			}
			l, got := replayed(t, rt, name)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			for off, record := range want {
				if got[off] != record {
					t.Errorf("the record at %d was acknowledged as %q and came back as %q", off, record, got[off])
				}
			}
			t.Logf("%d records acknowledged, %d there", len(want), len(got))
		}
	})
}

// killedWhileAppending runs a process that appends, kills it, and gives what it had been told.
func killedWhileAppending(t *testing.T, engine unio.Engine, name string) map[int64]string {
	cmd := exec.Command(os.Args[0], name)
	cmd.Env = append(os.Environ(), childVariable+"="+string(engine))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged, enough := map[int64]string{}, 200+rand.IntN(200)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		off, record, _ := strings.Cut(lines.Text(), " ")
		if record == "" || !strings.HasSuffix(record, ".") {
			continue // the line that it was killed in
		}
		n, err := strconv.ParseInt(off, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		acknowledged[n] = record
		if len(acknowledged) == enough {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(acknowledged) < enough {
		t.Fatalf("the process ended after %d records", len(acknowledged))
	}
	return acknowledged
}

// appendForever appends from many goroutines and tells what has become durable.
func appendForever(engine unio.Engine, name string) {
	rt, err := unio.New(&unio.Options{Engine: engine, Loops: 1})
	if err == nil {
		var l *Log
		if l, err = Open(rt, name, func(int64, []byte) error { return nil }); err == nil {
			for range 7 {
				go appendAndTell(l)
			}
			appendAndTell(l)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func appendAndTell(l *Log) {
	for {
		record := strings.Repeat(strconv.Itoa(rand.IntN(1000)), 1+rand.IntN(300)) + "."
		off, err := l.Append(context.Background(), []byte(record))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%d %s\n", off, record)
	}
}
