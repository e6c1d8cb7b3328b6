package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// largeBytes is more than sockets and gate keep, so that who sends it waits for who reads.
const largeBytes = 512 << 10

// behaviour is a client that does what HTTP says.
type behaviour struct {
	name   string
	secure bool
	play   func(*rand.Rand, net.Conn) (requests int, err error)
}

// behaving are the good clients. The first is what a program that has just begun is asked.
var behaving = []behaviour{
	{"one after another", false, oneAfterAnother},
	{"large responses", false, func(_ *rand.Rand, c net.Conn) (int, error) { return 1, download(c) }},
	{"uploads", false, echoes},
	{"one server fails", false, oneFails},
	{"pipelining", false, pipelines},
	{"half-close", false, halfCloses},
	{"WebSocket", false, talks},
	{"TLS, large responses", true, func(_ *rand.Rand, c net.Conn) (int, error) { return 1, download(c) }},
	{"TLS, uploads", true, echoes},
	{"TLS, one after another", true, oneAfterAnother},
}

// asked sends a request, unless that was sent before, and wants its body.
func asked(c net.Conn, in *bufio.Reader, head, body, want string) error {
	sent := make(chan error, 1)
	go func() {
		var err error
		if head != "" {
			_, err = io.WriteString(c, head+body)
		}
		sent <- err
	}()
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return errors.Join(err, c.Close(), <-sent)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 || string(b) != want {
		err = fmt.Errorf("%q: %s with %d bytes, want %d: %w", head, r.Status, len(b), len(want), errors.Join(err, c.Close()))
	}
	return errors.Join(err, <-sent)
}

func oneAfterAnother(r *rand.Rand, c net.Conn) (n int, err error) {
	in := bufio.NewReader(c)
	for ; n < 20 && err == nil; n++ {
		err = asked(c, in, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", "ok")
	}
	return n, err
}

// large is the body of a large response.
var large = strings.Repeat("0123456789abcde\n", largeBytes/16)

func download(c net.Conn) error {
	return asked(c, bufio.NewReader(c), "GET /large HTTP/1.1\r\nHost: h\r\n\r\n", "", large)
}

func echoes(r *rand.Rand, c net.Conn) (n int, err error) {
	in := bufio.NewReader(c)
	for ; n < 5 && err == nil; n++ {
		body := large[:r.IntN(len(large)/2)]
		field, framed := fmt.Sprintf("Content-Length: %d\r\n", len(body)), body
		if n%2 == 1 {
			field, framed = "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body)+1, body+"!")
			body += "!"
		}
		err = asked(c, in, "POST /echo HTTP/1.1\r\nHost: h\r\n"+field+"\r\n", framed, body)
	}
	return n, err
}

func oneFails(r *rand.Rand, c net.Conn) (n int, err error) {
	in := bufio.NewReader(c)
	for ; n < 4 && err == nil; n++ {
		err = asked(c, in, "GET /flaky/ HTTP/1.1\r\nHost: h\r\n\r\n", "", "ok")
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
	}
	return n, err
}

func pipelines(r *rand.Rand, c net.Conn) (n int, err error) {
	const requests = 16
	if _, err := io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\nHost: h\r\n\r\n", requests)); err != nil {
		return 0, err
	}
	in := bufio.NewReader(c)
	for ; n < requests && err == nil; n++ {
		err = asked(c, in, "", "", "ok")
	}
	return n, err
}

// halfCloses ends its side after its request, and gets its response (RFC 9112 9.6).
func halfCloses(r *rand.Rand, c net.Conn) (int, error) {
	io.WriteString(c, "GET /think HTTP/1.1\r\nHost: h\r\n\r\n")
	c.(*net.TCPConn).CloseWrite()
	in := bufio.NewReader(c)
	if err := asked(c, in, "", "", "ok"); err != nil {
		return 0, err
	}
	if b, err := io.ReadAll(in); len(b) > 0 || err != nil {
		return 1, fmt.Errorf("after the response to a half-close: %q, %w", b, err)
	}
	return 1, nil
}

func talks(r *rand.Rand, c net.Conn) (n int, err error) {
	w := &client{c, bufio.NewReader(c)}
	if err := w.socket(); err != nil {
		return 0, err
	}
	for ; n < 10 && err == nil; n++ {
		err = w.echo()
		time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
	}
	return n, err
}

// goodServer answers what good clients ask, and bears bad ones.
func (m *misbehaviour) goodServer() string {
	return serve(m.T, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "smuggled") {
			m.secret.Add(1)
		}
		switch path := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):]; path {
		case "/large":
			io.WriteString(w, large)
		case "/endless":
			for {
				if _, err := io.WriteString(w, large); err != nil {
					return
				}
			}
		case "/echo":
			if b, err := io.ReadAll(r.Body); err == nil {
				w.Write(b)
			}
		case "/think":
			select {
			case <-time.After(50 * time.Millisecond):
				io.WriteString(w, "ok")
			case <-r.Context().Done():
			}
		case "/socket":
			echoRaw(w, r)
		default:
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "ok")
		}
	}).addr
}

// echoRaw changes to a protocol that echoes.
func echoRaw(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" {
		w.WriteHeader(http.StatusUpgradeRequired)
		return
	}
	c, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	io.Copy(c, rw)
}

// garbage is bytes that no protocol has, and now and then a line.
func garbage(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(r.Uint32()); r.IntN(40) == 0 {
			b[i] = '\n'
		}
	}
	return b
}

// brokenHello is a record that says it is a ClientHello, and is not.
func brokenHello(r *rand.Rand) []byte {
	n := 1 + r.IntN(2000)
	return append([]byte{22, 3, 1, byte(n >> 8), byte(n), 1}, garbage(r, n)...)
}

// handshake makes TLS on a connection. What is sent below it afterwards is not TLS.
func handshake(b *bad) (*tls.Conn, bool) {
	c := tls.Client(b.TCPConn, b.m.roots)
	return c, c.Handshake() == nil
}

// framedForever is chunks without an end.
func framedForever(r *rand.Rand) []byte {
	var b bytes.Buffer
	for range 1 + r.IntN(50) {
		n := 1 + r.IntN(20)
		fmt.Fprintf(&b, "%x;an=extension\r\n%s\r\n", n, large[:n])
	}
	return b.Bytes()
}
