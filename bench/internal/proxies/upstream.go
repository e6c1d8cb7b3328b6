package proxies

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/unio-go/unio"
)

// UpstreamVerb is the hidden command by which a bench binary becomes the upstream.
const UpstreamVerb = "__upstream"

// browserPath is where the upstream answers with what a browser gets: ten fields.
const browserPath = "/browser"

// answers are what the upstream says, by path.
func answers() map[string][]byte {
	all := map[string][]byte{}
	for _, t := range traffics {
		body, fields := t.answer(), "Cache-Control: public, max-age=3600\r\nETag: \"5f2b7c9a1d3e\"\r\n"+
			"Last-Modified: Sun, 01 Nov 2026 08:12:31 GMT\r\nVary: Accept-Encoding\r\n"+
			"Strict-Transport-Security: max-age=31536000\r\nX-Content-Type-Options: nosniff\r\n"
		if t.path != browserPath {
			fields = ""
		}
		all[t.path] = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: upstream\r\nDate: Sun, 29 Nov 2026 12:00:00 GMT\r\n%s"+
			"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", fields, len(body), body)
	}
	return all
}

// refusals are answers to requests that did not arrive as they were sent.
var refusals = map[error][]byte{
	errPath:   []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
	errLength: []byte("HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n"),
	errBody:   []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
}

var (
	errPath   = errors.New("there is no such path")
	errLength = errors.New("a POST came without its length")
	errBody   = errors.New("a body is not what was sent")
	errHead   = errors.New("a head is longer than any that was sent")
)

// ServeUpstream is the upstream's main function. It writes "ready ADDRESS ENGINE" once it listens, and ends with in. It is cheap, and
// sees what a proxy could do wrong: it answers any other request than those of the cases, and any body that differs, with an error.
func ServeUpstream(in io.Reader, out io.Writer) error {
	rt, err := unio.New(&unio.Options{Loops: 1})
	if err != nil {
		return err
	}
	defer rt.Close()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	known := answers()
	body := pattern(1 << 20)
	go ln.Serve(func(c *unio.Conn) {
		_ = (&exchange{answers: known, body: body}).serve(c) // the proxy sees the connection end
	})
	if _, err := fmt.Fprintf(out, "ready %v %s\n", ln.Addr(), rt.Report().Engine); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// exchange is a connection's request so far.
type exchange struct {
	answers map[string][]byte
	body    []byte // what bodies are the beginning of

	head   []byte // of the request, as far as it came in pieces
	answer []byte // to the request whose body is being read
	left   int    // bytes of that body to come
	at     int    // bytes of it that have come
}

// serve answers requests until the connection ends.
func (x *exchange) serve(c *unio.Conn) error {
	for {
		b, err := c.Recv()
		if err != nil {
			return err
		}
		for p := b.Bytes(); len(p) > 0 && err == nil; {
			var answer []byte
			if p, answer, err = x.take(p); answer != nil && err == nil {
				_, err = c.Write(answer)
			}
		}
		b.Release()
		if err != nil {
			return err
		}
	}
}

// headMax bounds the head of a request.
const headMax = 16 << 10

// take takes what it can of what has come: an answer is what is to be sent before the rest is looked at.
func (x *exchange) take(p []byte) (rest, answer []byte, err error) {
	if x.left == 0 {
		head := p
		if len(x.head) > 0 {
			x.head = append(x.head, p...)
			head = x.head
		}
		end := bytes.Index(head, []byte("\r\n\r\n"))
		switch {
		case end < 0 && len(head) > headMax:
			return nil, nil, errHead
		case end < 0 && len(x.head) == 0:
			x.head = append(x.head, p...)
			return nil, nil, nil
		case end < 0:
			return nil, nil, nil
		}
		p = p[len(p)-(len(head)-end-4):]
		x.answer, x.left, err = x.find(head[:end+2])
		x.head, x.at = x.head[:0], 0
		if refusal := refusals[err]; refusal != nil {
			x.answer = refusal
		}
	}
	n := min(x.left, len(p))
	if !bytes.Equal(p[:n], x.body[x.at:x.at+n]) {
		x.answer = refusals[errBody]
	}
	x.left, x.at = x.left-n, x.at+n
	if x.left == 0 {
		answer = x.answer
	}
	return p[n:], answer, nil
}

// find is the answer to a request, and the length of its body.
func (x *exchange) find(head []byte) (answer []byte, body int, err error) {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	answer = x.answers[string(path)]
	if answer == nil {
		return nil, 0, errPath
	}
	if string(method) != "POST" {
		return answer, 0, nil
	}
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(field, []byte(":"))
		if !bytes.EqualFold(name, []byte("content-length")) {
			continue
		}
		n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
		if err != nil || n < 0 || n > len(x.body) {
			break
		}
		return answer, n, nil
	}
	return nil, 0, errLength
}
