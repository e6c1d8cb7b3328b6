package gate_test

import (
	"fmt"
	"strings"
	"testing"
)

// manyChunks is a chunked body of small chunks with large ones between, their payload, and how many they are.
func manyChunks() (raw, payload string, n int) {
	var all, text strings.Builder
	for ; n < 5000; n++ {
		size := 1 + n%9
		if n%1000 == 999 { // around the size up to which chunks are small
			size = 4090 + n/100
		}
		piece := strings.Repeat(string(rune('a'+n%26)), size)
		text.WriteString(piece)
		extension := ""
		if n%10 == 0 {
			extension = ";n=1"
		}
		fmt.Fprintf(&all, "%x%s\r\n%s\r\n", size, extension, piece)
	}
	return all.String() + "0\r\nX-Sum: 1\r\n\r\n", text.String(), n
}

// wantJoined wants the payload in few chunks, and the trailer.
func wantJoined(t *testing.T, message, payload string, n int) {
	t.Helper()
	_, raw, _ := strings.Cut(message, "\r\n\r\n")
	if got := unchunk(raw); got != payload {
		t.Errorf("%d bytes have arrived for %d, or others", len(got), len(payload))
	}
	if !strings.HasSuffix(raw, "\r\n0\r\nX-Sum: 1\r\n\r\n") {
		t.Errorf("the end is %.100q", raw[max(0, len(raw)-100):])
	}
	if got := (len(raw) - len(payload)) / len("1\r\n\r\n"); got > n/10 {
		t.Errorf("the framing of up to %d chunks has arrived for %d chunks, want no more than %d", got, n, n/10)
	}
}

// Each piece that is sent alone costs what a large one does, and so it does on the next hop. A sender could else have us work for
// each byte.
func TestSmallChunksThatComeTogetherGoOnTogether(t *testing.T) {
	raw, payload, n := manyChunks()
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		for range 2 {
			go c.send("POST / HTTP/1.1\r\nHost: h\r\n" + chunked + raw)
			wantJoined(w.T, c.wantStatus("200"), payload, n)
		}
	}, script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			wantJoined(t, m, payload, n)
			c.send("HTTP/1.1 200 OK\r\n" + chunked + raw)
		}
	}))
}
