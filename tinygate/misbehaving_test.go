package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// bad is the connection of a client that misbehaves. All of them end on their own within seconds.
type bad struct {
	m *misbehaviour
	r *rand.Rand
	*net.TCPConn
}

// badClients are the kinds.
var badClients = []struct {
	name   string
	secure bool
	play   func(*bad)
}{
	{"slow head", false, func(b *bad) { b.drip("GET /large HTTP/1.1\r\nHost: h\r\nX: " + large[:200] + "\r\n\r\n") }},
	{"slow body", false, func(b *bad) {
		b.say("POST /short/" + b.held() + "echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n")
		b.drip(large[:100])
	}},
	{"aborted upload", false, func(b *bad) {
		b.say("POST /" + b.held() + "echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n" + large[:b.r.IntN(200<<10)])
		b.resets()
	}},
	{"reset in a response", false, func(b *bad) {
		b.ask("GET", "large", "")
		io.CopyN(io.Discard, b, int64(b.r.IntN(largeBytes)))
		b.SetLinger(0)
	}},
	{"half-close in a head", false, func(b *bad) {
		b.say("GET / HTTP/1.1\r\nHos")
		b.CloseWrite()
		b.drain()
	}},
	{"half-close in a body", false, func(b *bad) {
		b.say("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + large[:b.r.IntN(1000)])
		b.CloseWrite()
		b.drain()
	}},
	{"garbage", false, func(b *bad) {
		b.Write(garbage(b.r, 1+b.r.IntN(40<<10)))
		b.resets()
	}},
	{"garbage as TLS", true, func(b *bad) {
		b.Write([][]byte{garbage(b.r, 1000), brokenHello(b.r), []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")}[b.r.IntN(3)])
		b.SetDeadline(time.Now().Add(time.Second))
		b.drain()
	}},
	{"garbage in TLS", true, func(b *bad) {
		if c, ok := handshake(b); ok {
			io.WriteString(c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
			b.Write(garbage(b.r, 500))
			b.resets()
		}
	}},
	{"TLS that is cut", true, func(b *bad) {
		if c, ok := handshake(b); ok {
			io.WriteString(c, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
			io.CopyN(io.Discard, c, int64(b.r.IntN(largeBytes)))
			b.resets()
		}
	}},
	{"pipelining and leaving", false, func(b *bad) {
		b.say(strings.Repeat("GET /large HTTP/1.1\r\nHost: h\r\n\r\n", 1+b.r.IntN(60)))
		b.resets()
	}},
	{"leaving while the server thinks", false, func(b *bad) {
		b.ask([]string{"GET", "POST", "DELETE"}[b.r.IntN(3)], "think", "")
		b.pause(40)
		b.resets()
	}},
	{"never reading", false, func(b *bad) {
		b.SetReadBuffer(4096)
		b.ask("GET", []string{"large", "endless"}[b.r.IntN(2)], "")
		time.Sleep(time.Duration(b.r.IntN(1500)) * time.Millisecond)
	}},
	{"reading slowly", false, func(b *bad) {
		b.SetReadBuffer(4096)
		b.ask("GET", "endless", "")
		for p := make([]byte, 1+b.r.IntN(500)); b.goes(); b.pause(20) {
			if _, err := b.Read(p); err != nil {
				return
			}
		}
	}},
	{"silence", false, func(b *bad) { time.Sleep(time.Duration(b.r.IntN(1000)) * time.Millisecond) }},
	{"silence in TLS", true, func(b *bad) {
		handshake(b)
		time.Sleep(time.Duration(b.r.IntN(500)) * time.Millisecond)
	}},
	{"smuggling", false, smuggles},
	{"upgrade and garbage", false, func(b *bad) {
		b.say("GET /short/" + []string{"socket", "large"}[b.r.IntN(2)] +
			" HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for range b.r.IntN(5) {
			b.Write(garbage(b.r, 1+b.r.IntN(60<<10)))
			b.pause(20)
		}
		b.resets()
	}},
	{"many fields", false, func(b *bad) {
		b.say("GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X-Field: value\r\n", 200+b.r.IntN(5000)) + "\r\n")
		b.drain()
	}},
	{"a long line", false, func(b *bad) { b.say("GET /" + large[:100<<10] + strings.Repeat("a", 1<<20)); b.drain() }},
	{"chunks without an end", false, func(b *bad) {
		b.say("POST /short/" + b.held() + "echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
		for b.goes() {
			if _, err := b.Write(framedForever(b.r)); err != nil {
				return
			}
			b.pause(10)
		}
	}},
	{"100-continue and nothing", false, func(b *bad) {
		b.say("POST /short/echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
		b.drain()
	}},
	{"any request to bad servers", false, func(b *bad) {
		in := bufio.NewReader(b)
		for range 1 + b.r.IntN(4) {
			b.say(fmt.Sprintf("%s /bad/%s HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n%s",
				[]string{"GET", "PUT", "POST"}[b.r.IntN(3)], b.held(), large[:100]))
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
		}
	}},
}

// goes reports whether the test goes on.
func (b *bad) goes() bool {
	select {
	case <-b.m.end:
		return false
	default:
		return true
	}
}

func (b *bad) say(text string) { io.WriteString(b, text) }

// held chooses between routes that pass bodies on and those that hold them back.
func (b *bad) held() string {
	if b.r.IntN(2) == 0 {
		return ""
	}
	return "short/held/"[6*b.r.IntN(2):]
}

func (b *bad) ask(method, what, fields string) {
	b.say(method + " /short/" + what + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")
}

// drip sends a byte at a time, at most until it is cut off or the test ends.
func (b *bad) drip(text string) {
	for i := range text {
		if _, err := b.Write([]byte{text[i]}); err != nil || !b.goes() {
			return
		}
		b.pause(40)
	}
	b.drain()
}

func (b *bad) pause(most int) { time.Sleep(time.Duration(b.r.IntN(most*1000)) * time.Microsecond) }

// drain reads to the end. A gate that leaves a client without one is at fault.
func (b *bad) drain() {
	if _, err := io.Copy(io.Discard, b); isTimeout(err) && !b.m.Failed() {
		b.SetLinger(0)
	}
}

// resets ends the connection in some way.
func (b *bad) resets() {
	if b.r.IntN(2) == 0 {
		b.SetLinger(0)
	}
}

// smuggles sends what two programs could read as different requests, of which the second is hidden (RFC 9112 11.2).
func smuggles(b *bad) {
	const hidden = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(hidden)+5)
	b.say("POST / HTTP/1.1\r\nHost: h\r\n" + []string{
		length + "Transfer-Encoding: chunked\r\n",
		"Content-Length: 5\r\n" + length, "Transfer-Encoding: xchunked\r\n" + length,
		"Transfer-Encoding : chunked\r\n" + length, "Transfer-Encoding:\x0bchunked\r\n" + length, " Transfer-Encoding: chunked\r\n" + length,
		"X: y\nTransfer-Encoding: chunked\r\n" + length, "Content-Length: +5\r\n", "Transfer-Encoding: chunked, identity\r\n" + length,
	}[b.r.IntN(9)] + "\r\n0\r\n\r\n" + hidden)
	r, err := http.ReadResponse(bufio.NewReader(b), nil)
	if err == nil && r.StatusCode < 400 {
		b.m.Errorf("what could be smuggling was answered by %s", r.Status)
	}
	b.drain()
}

// badServer runs an upstream that a function plays for each connection, until the end of the test.
func badServer(t *testing.T, play func(*rand.Rand, *net.TCPConn, *bufio.Reader)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(bound))
				play(rand.New(rand.NewPCG(rand.Uint64(), 0)), c.(*net.TCPConn), bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return ln.Addr().String()
}

// flaky answers half of the requests, and ends the connection instead of a response to the others.
func flaky(r *rand.Rand, c *net.TCPConn, in *bufio.Reader) {
	for {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		if r.IntN(2) == 0 {
			if r.IntN(2) == 0 {
				c.SetLinger(0)
			}
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// misbehave does what a server must not.
func misbehave(r *rand.Rand, c *net.TCPConn, in *bufio.Reader) {
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if r.IntN(3) > 0 {
			io.Copy(io.Discard, req.Body)
		}
		const ok = "HTTP/1.1 200 OK\r\n"
		switch r.IntN(12) {
		case 0:
			c.SetLinger(0)
			return
		case 1:
			io.WriteString(c, "HTTP/1.1 200 O")
			return
		case 2:
			io.WriteString(c, ok+"Content-Length: 100000\r\n\r\n"+large[:r.IntN(100000)])
			return
		case 3:
			c.Write(garbage(r, 2000))
			return
		case 4: // says nothing
			io.Copy(io.Discard, in)
			return
		case 5:
			io.WriteString(c, ok+"Content-Length: 5\r\n\r\nok and more than that")
		case 6:
			io.WriteString(c, ok+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		case 7:
			for range 2000 {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"); err != nil {
					return
				}
			}
		case 8:
			io.WriteString(c, ok+strings.Repeat("X-Field: value\r\n", 5000)+"\r\n")
			return
		case 9: // drips, and never ends
			io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n")
			for range 40 {
				if _, err := io.WriteString(c, "1\r\nx\r\n"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			io.Copy(io.Discard, in)
			return
		case 10:
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello")
		default:
			io.WriteString(c, ok+"Content-Length: 2\r\n\r\nok")
		}
	}
}
