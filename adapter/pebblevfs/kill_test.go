package pebblevfs_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// killsDefault is how often the gate kills a process on each engine; the environment variable UNIO_KILLS says another number.
const killsDefault = 2

// childVariable has the test binary be the process that is killed: it says the engine and the directory.
const childVariable = "UNIO_PEBBLE_CHILD"

// killedWriters write beside each other in the process.
const killedWriters = 4

func TestMain(m *testing.M) {
	if said := os.Getenv(childVariable); said != "" {
		engine, dir, _ := strings.Cut(said, ":")
		fmt.Fprintln(os.Stderr, writeUntilKilled(unio.Engine(engine), dir, os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A process that is killed in the middle of its work, again and again, loses no write that it has acknowledged.
func TestKillsLoseNothing(t *testing.T) {
	for _, engine := range []unio.Engine{unio.Uring, unio.Epoll} {
		t.Run(string(engine), func(t *testing.T) {
			if err := uniotest.Refused(engine); err != nil {
				t.Skipf("lacks: the engine %s: %v", engine, err)
			}
			dir, rng := t.TempDir(), rand.New(rand.NewPCG(rand.Uint64(), 0))
			var acked [killedWriters]uint64
			for i := range number(t, "UNIO_KILLS", killsDefault) {
				before := acked
				if err := killOnce(engine, dir, &acked, 1+rng.IntN(600), time.Duration(rng.IntN(3000))*time.Microsecond); err != nil {
					t.Fatalf("kill %d: %v", i, err)
				}
				if acked == before {
					t.Fatalf("kill %d: nothing was acknowledged before it", i)
				}
				if err := lookForAll(engine, dir, acked); err != nil {
					t.Fatalf("after kill %d: %v", i, err)
				}
			}
			t.Logf("acknowledged writes of each writer: %v", acked)
		})
	}
}

// killOnce lets a process write until so many writes are acknowledged, and a little later kills it with SIGKILL. What it has
// acknowledged until it was gone is in acked.
func killOnce(engine unio.Engine, dir string, acked *[killedWriters]uint64, writes int, later time.Duration) error {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s:%s", childVariable, engine, dir))
	said := new(strings.Builder)
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }) // a process that hangs
	defer kill.Stop()
	in := bufio.NewReader(out)
	for n := 0; ; n++ {
		if n == writes {
			time.AfterFunc(later, func() { cmd.Process.Kill() })
		}
		var ack [9]byte // the writer, and the number of its write
		if _, err := io.ReadFull(in, ack[:]); err != nil {
			err = cmd.Wait()
			if n < writes || err == nil || err.Error() != "signal: killed" {
				return fmt.Errorf("it ended by itself after %d writes: %v\n%s", n, err, said)
			}
			return nil
		}
		acked[ack[0]] = binary.LittleEndian.Uint64(ack[1:])
	}
}

// withStore runs fn on the store in a directory, by Runtime.FS.
func withStore(engine unio.Engine, dir string, fn func(*pebble.DB) error) error {
	rt, err := unio.New(&unio.Options{Engine: engine})
	if err != nil {
		return err
	}
	fsys, err := rt.FS(dir)
	if err != nil {
		return errors.Join(err, rt.Close())
	}
	db, err := open(fsys)
	if err != nil {
		return errors.Join(err, rt.Close())
	}
	return errors.Join(fn(db), db.Close(), rt.Close())
}

// writeUntilKilled is the process: each writer goes on behind the last of its writes that it finds, and tells of each write that
// has become durable.
func writeUntilKilled(engine unio.Engine, dir string, out io.Writer) error {
	return withStore(engine, dir, func(db *pebble.DB) error {
		errs := make(chan error)
		for w := range killedWriters {
			go func() {
				last, err := lastOf(db, w)
				for n := last + 1; err == nil; n++ {
					if err = db.Set(killedKey(w, n), killedValue(w, n), pebble.Sync); err == nil {
						_, err = out.Write(binary.LittleEndian.AppendUint64([]byte{byte(w)}, n))
					}
				}
				errs <- err
			}()
		}
		return <-errs
	})
}

// lookForAll opens the store and looks whether all that was acknowledged is there, without a gap and as it was written.
func lookForAll(engine unio.Engine, dir string, acked [killedWriters]uint64) error {
	return withStore(engine, dir, func(db *pebble.DB) error {
		for w := range killedWriters {
			last, err := lastOf(db, w)
			if err != nil {
				return err
			}
			if last < acked[w] {
				return fmt.Errorf("writer %d: write %d was acknowledged, and the last that is there is %d", w, acked[w], last)
			}
		}
		return nil
	})
}

// lastOf gives the number of the last write of a writer, and an error where one before it is missing or wrong.
func lastOf(db *pebble.DB, w int) (last uint64, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: killedKey(w, 0), UpperBound: killedKey(w+1, 0)})
	if err != nil {
		return 0, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		last++
		if string(it.Key()) != string(killedKey(w, last)) || string(it.Value()) != string(killedValue(w, last)) {
			return 0, errors.Join(fmt.Errorf("writer %d: write %d is missing or wrong, and %q is there", w, last, it.Key()), it.Close())
		}
	}
	return last, it.Close()
}

func killedKey(w int, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{'k', byte(w)}, n)
}

func killedValue(w int, n uint64) []byte {
	return []byte(strings.Repeat(strconv.Itoa(w)+" "+strconv.FormatUint(n, 10)+" ", 1+int(n%20)))
}
