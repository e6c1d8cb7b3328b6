package journal

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// patience bounds what a test waits for on the network.
const patience = time.Minute

// await waits for a channel to give something.
func await[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// serve opens a journal and serves it.
func serve(t *testing.T, rt *unio.Runtime, name string) (*Journal, string) {
	t.Helper()
	j, err := Open(rt, name)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ln.Serve(j.Serve)
	return j, ln.Addr().String()
}

func dial(t *testing.T, addr string) *Client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return NewClient(c)
}

// records of every size, the smallest and the largest among them.
func records(seed uint64, n int) (all [][]byte) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		size := rng.IntN(2000)
		switch i % 20 {
		case 3:
			size = 0
		case 7:
			size = RecordMax
		case 11:
			size = rng.IntN(RecordMax)
		}
		p := make([]byte, size)
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		all = append(all, p)
	}
	return all
}

// Many clients append, one by one and many at once; all of it comes back by the offsets that they got, and in order. Nobody
// has copied a record.
func TestAppendAndRead(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "journal")
		j, addr := serve(t, rt, name)
		var mu sync.Mutex
		want := map[int64][]byte{}
		var group sync.WaitGroup
		for i := range 8 {
			c := dial(t, addr)
			group.Go(func() {
				for rest := records(uint64(i), 100); len(rest) > 0; {
					n := min(1+i*5, len(rest))
					offs, err := c.Append(rest[:n]...)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for k, off := range offs {
						want[off] = rest[k]
					}
					mu.Unlock()
					rest = rest[n:]
				}
			})
		}
		group.Wait()
		c := dial(t, addr)
		found := 0
		for off := int64(0); ; found++ {
			record, next, err := c.Record(off)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(record, want[off]) {
				t.Fatalf("the record at %d came back otherwise", off)
			}
			off = next
		}
		if found != len(want) || found != 800 {
			t.Errorf("%d records of 800 were found, %d acknowledged", found, len(want))
		}
		file, err := os.ReadFile(name)
		if err != nil || int64(len(file)) != j.Durable() {
			t.Errorf("the file has %d bytes, %v; the journal %d", len(file), err, j.Durable())
		}
		if s := rt.Stats(); s.Copied != 0 {
			t.Errorf("the engine has copied %d pieces", s.Copied)
		}
		if n := j.Parsed(); n > headBytes*800 {
			t.Errorf("%d bytes were copied to be looked at, of heads that have %d", n, headBytes*800)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Each answer to a lone client follows a sync of its own, however many records the request has.
func TestAnswerFollowsASync(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		j, addr := serve(t, rt, filepath.Join(t.TempDir(), "journal"))
		c := dial(t, addr)
		for i := range 10 {
			before := rt.Stats().Files.Syncs
			if _, err := c.Append(records(uint64(i), i+1)...); err != nil {
				t.Fatal(err)
			}
			if after := rt.Stats().Files.Syncs; after == before {
				t.Error("records were acknowledged without a sync")
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// within reports whether p is memory of one of the pieces.
func within(p []byte, pieces [][]byte) bool {
	for _, piece := range pieces {
		for i := range piece {
			if &piece[i] == &p[0] {
				return len(p) <= len(piece)-i
			}
		}
	}
	return false
}

// What is appended is the memory that was received into, byte for byte, wherever the stream was cut.
func TestWhatIsTakenIsWhatWasReceived(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		sent := records(1, 1)[0]
		for len(sent) < 500_000 {
			sent = append(sent, records(uint64(len(sent)), 1)[0]...)
		}
		problems := make(chan string, 1)
		go ln.Serve(func(c *unio.Conn) { problems <- takeAll(c, sent) })
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write(sent); err != nil {
			t.Fatal(err)
		}
		if problem := await(t, problems, "the handler"); problem != "" {
			t.Error(problem)
		}
	})
}

// takeAll takes a stream in random parts, and says what is wrong with them.
func takeAll(c *unio.Conn, sent []byte) string {
	s := &stream{c: c, parsed: new(atomic.Uint64)}
	defer s.release()
	for rng := rand.New(rand.NewPCG(2, 2)); len(sent) > 0; {
		n := min(1+rng.IntN(9000), len(sent))
		if err := s.fill(n); err != nil {
			return err.Error()
		}
		var pieces [][]byte
		for _, b := range s.pieces {
			pieces = append(pieces, b.Bytes())
		}
		var got []byte
		bufs := s.take(n)
		for _, b := range bufs {
			if !within(b.Bytes(), pieces) {
				return "a piece lies elsewhere than what was received"
			}
			got = append(got, b.Bytes()...)
		}
		release(bufs)
		if !bytes.Equal(got, sent[:n]) {
			return fmt.Sprintf("%d bytes differ from what was sent", n)
		}
		sent = sent[n:]
	}
	return ""
}

func release(bufs []*mem.Buf) {
	for _, b := range bufs {
		b.Release()
	}
}

// A head that arrives in two pieces is the same request, and only then is it copied together.
func TestHeadInPieces(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		j, addr := serve(t, rt, filepath.Join(t.TempDir(), "journal"))
		c := dial(t, addr)
		first, second := head{kind: kindAppend, length: 3}, head{kind: kindAppend, length: 9}
		first.at, second.at = uint64(crcOf(first, []byte("one"))), uint64(crcOf(second, []byte("in pieces")))
		rest := encoded(second, []byte("in pieces"))
		if _, err := c.c.Write(append(encoded(first, []byte("one")), rest[:5]...)); err != nil {
			t.Fatal(err)
		}
		if h, err := c.answer(kindAppended); err != nil || h.at != 0 || j.Parsed() != 0 {
			t.Errorf("the first answer is %+v, %v; %d bytes were copied", h, err, j.Parsed())
		}
		if _, err := c.c.Write(rest[5:]); err != nil {
			t.Fatal(err)
		}
		if h, err := c.answer(kindAppended); err != nil || h.length != 9 || h.at != headBytes+3 {
			t.Errorf("the second answer is %+v, %v", h, err)
		}
		if n := j.Parsed(); n != headBytes {
			t.Errorf("%d bytes were copied of a head of %d", n, headBytes)
		}
		if record, _, err := c.Record(headBytes + 3); string(record) != "in pieces" {
			t.Errorf("the record is %q, %v", record, err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Requests that cannot be met are answered by a sentence, and change nothing.
func TestBadRequests(t *testing.T) {
	good := head{kind: kindAppend, length: 1}
	good.at = uint64(crcOf(good, []byte("x")))
	requests := map[string]struct {
		bytes []byte
		says  string
	}{
		"kind":     {encoded(head{kind: 'X'}, nil), "kind"},
		"size":     {encoded(head{kind: kindAppend, length: RecordMax + 1}, nil), "at most"},
		"checksum": {encoded(head{kind: kindAppend, length: 1, at: good.at ^ 1}, []byte("x")), "checksum"},
		"offset":   {encoded(head{kind: kindRead, length: 1, at: 1 << 63}, nil), "ends at 0"},
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		j, addr := serve(t, rt, filepath.Join(t.TempDir(), "journal"))
		for what, r := range requests {
			c := dial(t, addr)
			if _, err := c.c.Write(r.bytes); err != nil {
				t.Fatal(err)
			}
			if _, err := c.answer(kindAppended); err == nil || !strings.Contains(err.Error(), r.says) {
				t.Errorf("%s: %v", what, err)
			}
			if _, err := c.in.ReadByte(); err == nil {
				t.Errorf("%s: the connection goes on", what)
			}
		}
		half := dial(t, addr)
		if _, err := half.c.Write(encoded(head{kind: kindAppend, length: 100}, []byte("half"))); err != nil {
			t.Fatal(err)
		}
		half.Close()
		if n := j.Durable(); n != 0 {
			t.Errorf("the journal has %d bytes", n)
		}
		// A good record in front of a bad one is durable and answered first.
		c := dial(t, addr)
		if _, err := c.c.Write(append(encoded(good, []byte("x")), requests["checksum"].bytes...)); err != nil {
			t.Fatal(err)
		}
		if h, err := c.answer(kindAppended); err != nil || h.at != 0 {
			t.Errorf("the good one: %+v, %v", h, err)
		}
		if _, err := c.answer(kindAppended); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("the bad one: %v", err)
		}
		if n := j.Durable(); n != headBytes+1 {
			t.Errorf("the journal has %d bytes", n)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

func encoded(h head, rest []byte) []byte {
	p := make([]byte, headBytes)
	h.put(p)
	return append(p, rest...)
}

func crcOf(h head, record []byte) uint32 {
	return crc32.Update(h.sum(), table, record)
}

// A goroutine may serve, and a journal that is opened again has what it had, without a torn tail.
func TestOpenedAgain(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := filepath.Join(t.TempDir(), "journal")
		all := records(9, 40)
		for again := range 3 {
			j, err := Open(rt, name)
			if err != nil {
				t.Fatal(err)
			}
			ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() {
				c, err := ln.AcceptConn()
				if err == nil {
					j.Serve(c)
					err = c.Close()
				}
				served <- err
			}()
			c := dial(t, ln.Addr().String())
			off := int64(0)
			for i := range again * len(all) {
				record, next, err := c.Record(off)
				if err != nil || !bytes.Equal(record, all[i%len(all)]) {
					t.Fatalf("record %d at %d: %v", i, off, err)
				}
				off = next
			}
			if n := j.Durable(); n != off {
				t.Errorf("the journal ends at %d, its records at %d", n, off)
			}
			if _, err := c.Append(all...); err != nil {
				t.Fatal(err)
			}
			c.Close()
			if err := await(t, served, "the server"); err != nil {
				t.Error(err)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			tear(t, name, []string{"A", strings.Repeat("\x00", 5000), string(encoded(head{kindAppend, 5, 77}, []byte("torn!")))}[again])
		}
	})
}

// tear adds what a crash may leave behind.
func tear(t *testing.T, name, tail string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(tail); err != nil {
		t.Fatal(err)
	}
}
