package http1

import (
	"bytes"
	"fmt"
	"testing"
)

// outcome is all that a caller can see of a parsed head.
type outcome struct {
	n      int
	err    error
	detail string
}

type parser struct {
	parse  func([]byte) (int, error)
	detail func(head []byte) string
}

func newParser(l Limits, reply bool) parser {
	if reply {
		p := new(Response)
		p.Init(l, MethodGet)
		return parser{p.Parse, func(head []byte) string {
			return fmt.Sprintf("%+v %s", p.ResponseInfo, describeFields(&p.Head, head))
		}}
	}
	r := new(Request)
	r.Init(l)
	return parser{r.Parse, func(head []byte) string {
		return fmt.Sprintf("%+v %s", r.RequestInfo, describeFields(&r.Head, head))
	}}
}

func describeFields(h *Head, head []byte) string {
	var b bytes.Buffer
	for i := range h.Len() {
		f := h.Field(i)
		fmt.Fprintf(&b, "%d %q=%q %v;", h.ID(i), f.Name.Of(head), f.Value.Of(head), h.Dropped(i))
	}
	return b.String()
}

func (p parser) run(head []byte) outcome {
	n, err := p.parse(head)
	o := outcome{n: n, err: err}
	if n > 0 {
		o.detail = p.detail(head)
	}
	return o
}

// dirt lies behind the received end; each would end or spoil a head if it were looked at.
var dirt = []string{"\r\n\r\n", "\n", "\x00", "a: b\r\n", " "}

// checkSplits feeds msg in two pieces, cut at every position, and byte by byte, in a buffer with old bytes behind the received
// end. The outcome must be that of the whole, except that a piece may show an error sooner.
func checkSplits(t *testing.T, msg []byte, l Limits, reply bool) {
	t.Helper()
	whole := newParser(l, reply).run(msg)
	buf := make([]byte, len(msg)+64)
	for k := 0; k <= len(msg); k++ {
		filth := dirt[k%len(dirt)]
		for i := range buf {
			buf[i] = filth[i%len(filth)]
		}
		p := newParser(l, reply)
		copy(buf, msg[:k])
		got := p.run(buf[:k])
		if got.n == 0 && got.err == nil {
			copy(buf, msg)
			got = p.run(buf[:len(msg)])
		}
		if got != whole {
			t.Fatalf("%q cut at %d, with %q behind it: %+v, whole: %+v", msg, k, filth, got, whole)
		}
	}
	p := newParser(l, reply)
	var got outcome
	for k := 1; k <= len(msg) && got.n == 0 && got.err == nil; k++ {
		copy(buf, msg[:k])
		copy(buf[k:], dirt[k%len(dirt)])
		got = p.run(buf[:k])
	}
	if got != whole {
		t.Fatalf("%q byte by byte: %+v, whole: %+v", msg, got, whole)
	}
}

func TestEverySplitOverDirtyBuffer(t *testing.T) {
	for _, c := range acceptedRequests {
		checkSplits(t, []byte(c.head+"GET /next"), Limits{}, false)
	}
	for _, c := range acceptedResponses {
		checkSplits(t, []byte(c.head+"body"), Limits{}, true)
	}
	checkSplits(t, []byte(browserRequest), Limits{}, false)
}

// A two-byte piece over a buffer that held another message was once refused: a decision had been made on
// old bytes.
func TestTwoBytesOverOldHead(t *testing.T) {
	buf := []byte("\x00\x00\x00 / HTTP/9.9\r\n \r\n")
	var r Request
	r.Init(Limits{})
	copy(buf, "GE")
	if n, err := r.Parse(buf[:2]); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); n == 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
}

// A head that comes byte by byte must not be read from its start each time.
func TestByteByByteIsLinear(t *testing.T) {
	head := []byte("GET / HTTP/1.1\r\nHost: a\r\nX: " + string(bytes.Repeat([]byte{'b'}, 30000)) + "\r\n\r\n")
	var r Request
	r.Init(Limits{HeadBytes: 40000, LineBytes: 40000})
	for k := 1; k < len(head); k++ {
		if n, err := r.Parse(head[:k]); n != 0 || err != nil {
			t.Fatalf("at %d: %d, %v", k, n, err)
		}
		if k-r.pos > len("HTTP/1.1\r\n") {
			t.Fatalf("after %d bytes the scan goes on at %d", k, r.pos)
		}
	}
	if n, err := r.Parse(head); n != len(head) || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
}
