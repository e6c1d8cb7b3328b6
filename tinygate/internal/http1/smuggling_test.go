package http1

import (
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/http1/http1test"
)

// TestSmuggling judges the table of package http1test: all of a connection at once, and byte by byte.
func TestSmuggling(t *testing.T) {
	for _, row := range http1test.Requests() {
		t.Run(row.Section+" "+row.Name, func(t *testing.T) {
			for name, cut := range map[string]func(int) int{"whole": whole, "byte by byte": one} {
				out, spoiled, err := judgeRequests([]byte(row.In), cut)
				if statusOf(err) != row.Status || err != nil && !strings.Contains(err.Error(), row.Reason) {
					t.Errorf("%s: %v; want %d %s", name, err, row.Status, row.Reason)
				}
				if spoiled != row.Spoiled {
					t.Errorf("%s: found wrong in the body: %v", name, spoiled)
				}
				if got, want := strings.Join(out, "---\n"), strings.Join(row.Out, "---\n"); got != want {
					t.Errorf("%s: the upstream gets\n%q\nwant\n%q", name, got, want)
				}
			}
			if len(row.In) < 1000 {
				checkSplits(t, []byte(row.In), Limits{}, false)
			}
		})
	}
}

// judgeRequests reads requests as a proxy does. It returns what is sent on, and the error that ends the connection with
// whether it was found in a body.
func judgeRequests(in []byte, cut func(int) int) (out []string, spoiled bool, err error) {
	var r Request
	var d Body
	r.Init(Limits{})
	for again := true; again && len(in) > 0; {
		r.Reset()
		n, err := parsePieces(in, r.Parse, cut)
		if err != nil {
			return out, false, err
		}
		head := in[:n]
		r.InitBody(&d, head)
		payload, trailer, used, err := decode(&d, in[n:], cut)
		if err != nil {
			return out, true, err
		}
		in = in[n+used:]
		o := r.Out()
		if r.Host.Len() == 0 {
			o.Host = []byte("gate:80")
		}
		out = append(out, string(appendBody(r.AppendForward(nil, head, &o), r.Body == FramingChunked, payload, trailer)))
		again = r.KeepAlive
	}
	return out, false, nil
}

// parsePieces parses a head from pieces over a buffer with old bytes behind each of them.
func parsePieces(in []byte, parse func([]byte) (int, error), cut func(int) int) (n int, err error) {
	buf := make([]byte, len(in)+8)
	for k := 0; k < len(in) && n == 0 && err == nil; {
		size := min(max(cut(len(in)-k), 1), len(in)-k)
		copy(buf[k:], in[k:k+size])
		k += size
		copy(buf[k:], "\r\n\r\nX: y")
		n, err = parse(buf[:k])
	}
	return n, err
}

// appendBody writes a body as the table has it.
func appendBody(out []byte, chunked bool, payload, trailer []byte) []byte {
	if !chunked {
		return append(out, payload...)
	}
	if len(payload) > 0 {
		out = AppendChunkHeader(out, len(payload))
		out = append(append(out, payload...), ChunkEnd...)
	}
	return AppendLastChunk(out, trailer)
}

// TestResponseSmuggling judges the table of responses.
func TestResponseSmuggling(t *testing.T) {
	for _, row := range http1test.Responses() {
		t.Run(row.Section+" "+row.Name, func(t *testing.T) {
			for name, cut := range map[string]func(int) int{"whole": whole, "byte by byte": one} {
				v := judgeResponse(row, cut)
				if (v.err != nil) != (row.Reason != "") || v.err != nil &&
					(v.err.Status != 502 || !strings.Contains(v.err.Reason, row.Reason)) {
					t.Errorf("%s: %v; want %s", name, v.err, row.Reason)
				}
				if v.spoiled != row.Spoiled || v.reuse != row.Reuse {
					t.Errorf("%s: found wrong in the body: %v, used again: %v", name, v.spoiled, v.reuse)
				}
				if got := string(v.out); got != row.Out && !(row.Spoiled && strings.HasPrefix(got, row.Out)) {
					t.Errorf("%s: the client gets\n%q\nwant\n%q", name, got, row.Out)
				}
			}
			if len(row.In) < 1000 {
				checkSplits(t, []byte(row.In), Limits{}, true)
			}
		})
	}
}

// verdict is what comes of a response.
type verdict struct {
	out            []byte
	spoiled, reuse bool
	err            *Error
}

// errUnasked stands for the duty of the caller that Response.Tunnel names.
var errUnasked = &Error{Status: 502, Reason: "101 without Upgrade"}

func judgeResponse(row http1test.Response, cut func(int) int) (v verdict) {
	var q Request
	q.Init(Limits{})
	if _, err := q.Parse([]byte(row.Method + " / HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
		panic(err)
	}
	var r Response
	r.Init(Limits{}, q.Method)
	in := []byte(row.In)
	for {
		r.Reset(q.Method)
		n, err := parsePieces(in, r.Parse, cut)
		switch {
		case err != nil:
			v.err = err.(*Error)
			return v
		case n == 0:
			v.err = &Error{Status: 502, Reason: "no whole head"}
			return v
		case r.Tunnel:
			v.err = errUnasked
			return v
		}
		head := in[:n]
		o := r.Out(&q)
		v.out = r.AppendForward(v.out, head, &o)
		if in = in[n:]; r.Interim() {
			continue
		}
		var d Body
		r.InitBody(&d, head)
		payload, trailer, used, err := decode(&d, in, cut)
		if err != nil {
			v.spoiled, v.err = true, err.(*Error)
			v.out = appendSpoiled(v.out, o.Body == FramingChunked, payload)
			return v
		}
		v.out = appendBody(v.out, o.Body == FramingChunked, payload, trailer)
		v.reuse = r.KeepAlive && used == len(in)
		return v
	}
}

// appendSpoiled writes what came of a body before it was found wrong.
func appendSpoiled(out []byte, chunked bool, payload []byte) []byte {
	if !chunked || len(payload) == 0 {
		return append(out, payload...)
	}
	return append(append(AppendChunkHeader(out, len(payload)), payload...), ChunkEnd...)
}
