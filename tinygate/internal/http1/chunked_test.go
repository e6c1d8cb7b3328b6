package http1

import (
	"bytes"
	"strings"
	"testing"
)

// decode reads a whole body from pieces of the sizes that cut gives, over a buffer with old bytes behind
// each piece.
// It returns the payload, the trailer and how much was used up.
func decode(d *Body, in []byte, cut func(rest int) int) (payload, trailer []byte, used int, err error) {
	scratch := make([]byte, len(in)+8)
	for used < len(in) && !d.Done() {
		size := min(max(cut(len(in)-used), 1), len(in)-used)
		copy(scratch, in[used:used+size])
		copy(scratch[size:], "0\r\n\r\n")
		for piece := scratch[:size]; len(piece) > 0 && !d.Done(); {
			start, end, n, err := d.Next(piece)
			if err != nil {
				return payload, nil, used, err
			}
			payload = append(payload, piece[start:end]...)
			piece = piece[n:]
			used += n
		}
	}
	if err := d.EOF(); err != nil {
		return payload, nil, used, err
	}
	return payload, d.Trailer(), used, nil
}

func whole(rest int) int { return rest }

func one(int) int { return 1 }

func TestChunked(t *testing.T) {
	for _, c := range []struct{ in, payload, trailer string }{
		{"0\r\n\r\n", "", ""},
		{"5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"5\r\nhello\r\n06\r\n world\r\n000\r\n\r\n", "hello world", ""},
		{"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""},
		{"0000000000000001\r\nx\r\n0\r\n\r\n", "x", ""},
		{"1;a=b;c=\"d;e\"\r\nx\r\n0;last\r\n\r\n", "x", ""},
		{"1\r\n\n\r\n0\r\n\r\n", "\n", ""},
		{"0\r\nX-Sum: 1\r\nY:\r\n\r\n", "", "X-Sum: 1\r\nY:\r\n"},
		{"0\r\ncontent-length: 1\r\nX-Sum: 1\r\nHost: a\r\n\r\n", "", "X-Sum: 1\r\n"},
		{"0\r\nTransfer-Encoding: chunked\r\nAuthorization: x\r\n\r\n", "", ""},
		{"0\r\nSet-Cookie: y\r\nX-Forwarded-For: z\r\n\r\n", "", ""},
	} {
		for name, cut := range map[string]func(int) int{"whole": whole, "byte by byte": one} {
			var d Body
			d.Init(FramingChunked, 0, false)
			payload, trailer, used, err := decode(&d, []byte(c.in+"GET /"), cut)
			if err != nil || string(payload) != c.payload || string(trailer) != c.trailer ||
				used != len(c.in) {
				t.Errorf("%s: %q: %q, %q, %d, %v", name, c.in, payload, trailer, used, err)
			}
		}
	}
}

// Servers that fill sizes up with spaces do so in bodies of any length, whose white space is then more than is accepted at once.
func TestExtensionsOfALongBody(t *testing.T) {
	const chunks = 3000
	for line, reply := range map[string]bool{"8  \r\n": true, "8;a=b\r\n": false} {
		for name, cut := range map[string]func(int) int{"whole": whole, "byte by byte": one} {
			var d Body
			d.Init(FramingChunked, 0, reply)
			payload, _, _, err := decode(&d, []byte(strings.Repeat(line+"12345678\r\n", chunks)+"0\r\n\r\n"), cut)
			if err != nil || len(payload) != 8*chunks {
				t.Errorf("%s: %q: %d bytes of %d, %v", name, line, len(payload), 8*chunks, err)
			}
		}
	}
}

// A connection that ends before the body does; what else is refused is in package http1test.
func TestChunkedEndsEarly(t *testing.T) {
	for _, in := range []string{"", "5", "5\r\nhell", "5\r\nhello", "5\r\nhello\r\n", "0", "0\r\n", "0\r\nX: y\r\n", "0\r\n\r"} {
		for name, cut := range map[string]func(int) int{"whole": whole, "byte by byte": one} {
			for reply, status := range map[bool]int{false: 400, true: 502} {
				var d Body
				d.Init(FramingChunked, 0, reply)
				_, _, _, err := decode(&d, []byte(in), cut)
				if statusOf(err) != status || !strings.Contains(err.Error(), "early") {
					t.Errorf("%s: %q: %v, want %d", name, in, err, status)
				}
			}
		}
	}
}

func TestBodyOfLength(t *testing.T) {
	var d Body
	d.Init(FramingLength, 5, false)
	if d.Left() != 5 {
		t.Errorf("left %d", d.Left())
	}
	payload, _, used, err := decode(&d, []byte("helloGET"), one)
	if string(payload) != "hello" || used != 5 || err != nil {
		t.Errorf("%q, %d, %v", payload, used, err)
	}
	d.Init(FramingLength, 5, true)
	if _, _, _, err = decode(&d, []byte("hell"), whole); statusOf(err) != 502 {
		t.Errorf("short body: %v", err)
	}
	d.Init(FramingClose, 0, true)
	payload, _, used, err = decode(&d, []byte("hello"), one)
	if string(payload) != "hello" || used != 5 || err != nil || !d.Done() {
		t.Errorf("%q, %d, %v", payload, used, err)
	}
	d.Init(FramingNone, 0, true)
	if _, _, n, err := d.Next([]byte("x")); n != 0 || err != nil || !d.Done() || d.EOF() != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// Left told the half-read size of a chunk while its line was not whole.
func TestLeftWithinChunkSize(t *testing.T) {
	var d Body
	d.Init(FramingChunked, 0, false)
	for _, c := range []struct {
		in   string
		left int64
	}{{"1", 0}, {"0\r", 0}, {"\n", 16}, {"a", 15}} {
		if _, _, _, err := d.Next([]byte(c.in)); err != nil || d.Left() != c.left {
			t.Errorf("after %q: left %d, %v; want %d", c.in, d.Left(), err, c.left)
		}
	}
}

func TestChunkWriter(t *testing.T) {
	var out []byte
	for _, p := range []string{"a", strings.Repeat("b", 300)} {
		out = AppendChunkHeader(out, len(p))
		out = append(append(out, p...), ChunkEnd...)
	}
	out = AppendLastChunk(out, []byte("X: y\r\n"))
	var d Body
	d.Init(FramingChunked, 0, false)
	payload, trailer, used, err := decode(&d, out, one)
	if err != nil || used != len(out) || string(trailer) != "X: y\r\n" ||
		!bytes.Equal(payload, []byte("a"+strings.Repeat("b", 300))) {
		t.Errorf("%q, %q, %d, %v", payload, trailer, used, err)
	}
}
