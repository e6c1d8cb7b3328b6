package soak

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestStreamFindsWhatIsLostDoubledOrForeign(t *testing.T) {
	all := make([]byte, 1000)
	(&stream{seed: 5}).fill(all)
	again, pieces := stream{seed: 5}, []int{1, 7, 8, 9, 100, 3, 872}
	for off, i := 0, 0; off < len(all); i++ {
		n := min(pieces[i], len(all)-off)
		if err := again.check(all[off : off+n]); err != nil {
			t.Fatal(err)
		}
		off += n
	}
	flipped := bytes.Clone(all)
	flipped[500] ^= 1
	for what, p := range map[string][]byte{
		"lost":    append(bytes.Clone(all[:300]), all[301:]...),
		"doubled": append(bytes.Clone(all[:300]), all[299:]...),
		"flipped": flipped,
		"foreign": make([]byte, 1000),
	} {
		err := (&stream{seed: 5}).check(p)
		if bad := (*corrupt)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWireWantsWhatWasSent(t *testing.T) {
	h := hello{seed: 77, style: styleAwait, rude: true, onward: true}
	if got, err := readHello(bytes.NewReader(h.bytes())); err != nil || got != h {
		t.Errorf("%+v, %v", got, err)
	}
	q := request{seq: 3, up: 10, down: 20, duplex: true}
	if got, err := readRequest(bytes.NewReader(q.bytes()), 3); err != nil || got != q {
		t.Errorf("%+v, %v", got, err)
	}
	if trailed, err := readAnswerHeader(bytes.NewReader(answerHeader(trailerSeq, 9)), trailerSeq, 9); trailed || err != nil {
		t.Errorf("%v, %v", trailed, err)
	}
	_, errHello := readHello(bytes.NewReader(make([]byte, helloBytes)))
	_, errRequest := readRequest(bytes.NewReader(q.bytes()), 4)
	trailed, errAnswer := readAnswerHeader(bytes.NewReader(answerHeader(trailerSeq, 9)), 4, 9)
	for what, err := range map[string]error{"hello": errHello, "request": errRequest, "answer": errAnswer} {
		if bad := (*corrupt)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !trailed {
		t.Error("a trailer is not told")
	}
}

func TestCorruptBytesCountOnRudeConnectionsToo(t *testing.T) {
	var c counts
	c.seen("a", true, io.EOF)
	c.seen("b", true, &corrupt{"bytes"})
	c.seen("c", false, io.ErrUnexpectedEOF)
	errs, violations, broken := c.snapshot()
	if errs["EOF"] != 1 || broken != 2 || len(violations) != 2 || !strings.HasPrefix(violations[0], "b: CORRUPT") {
		t.Errorf("%v, %v, %d", errs, violations, broken)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	good := Options{Duration: 1, Conns: 1}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for _, o := range []Options{{Conns: 1}, {Duration: 1}, {Duration: 1, Conns: 1, Rude: 101}, {Duration: 1, Conns: 1, Think: -1}} {
		if o.check() == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
