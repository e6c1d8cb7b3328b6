package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/unio-go/unio"
)

// bodyMax is the largest body that the servers answer with.
const bodyMax = 1 << 20

// filler is what bodies are made of.
var filler = bytes.Repeat([]byte("x"), bodyMax)

// Body is what HTTP servers answer with, of a length of up to bodyMax. Nobody writes to it.
func Body(n int) []byte { return filler[:n] }

// bodyOf is the body that a path asks for: its length in decimal.
func bodyOf(path string) ([]byte, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(path, "/"))
	if err != nil || n < 0 || n > bodyMax {
		return nil, fmt.Errorf("%q is no length of up to %d", path, bodyMax)
	}
	return Body(n), nil
}

// serveNetHTTP is package net/http on any listener.
func serveNetHTTP(ln net.Listener) error {
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := bodyOf(r.URL.Path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	}))
}

// serveFastHTTP is fasthttp on any listener.
func serveFastHTTP(ln net.Listener) error {
	return fasthttp.Serve(ln, func(ctx *fasthttp.RequestCtx) {
		body, err := bodyOf(string(ctx.Path()))
		if err != nil {
			ctx.Error(err.Error(), http.StatusNotFound)
			return
		}
		ctx.SetContentType("text/plain")
		ctx.SetBody(body)
	})
}

// startHTTP returns a starter for a server that takes any listener, on package net or on an engine of unio.
func startHTTP(engine unio.Engine, serve func(net.Listener) error) func() (*Running, error) {
	return func() (*Running, error) {
		listen, stop, enters, err := foundation(engine)
		if err != nil {
			return nil, err
		}
		cfg, err := serverTLS()
		if err != nil {
			return nil, err
		}
		plain, err := listen()
		if err != nil {
			return nil, err
		}
		secure, err := listen()
		if err != nil {
			return nil, err
		}
		go serve(plain)
		go serve(tls.NewListener(secure, cfg))
		return &Running{Addr: plain.Addr(), TLSAddr: secure.Addr(), Stop: stop, Enters: enters}, nil
	}
}

// foundation is what makes listeners: package net for no engine.
func foundation(engine unio.Engine) (listen func() (net.Listener, error), stop func() error, enters func() uint64, err error) {
	const addr = "127.0.0.1:0"
	if engine == "" {
		return func() (net.Listener, error) { return net.Listen("tcp", addr) }, func() error { return nil }, nil, nil
	}
	rt, err := unio.New(&unio.Options{Engine: engine})
	if err != nil {
		return nil, nil, nil, err
	}
	return func() (net.Listener, error) { return rt.Listen("tcp", addr, nil) }, rt.Close,
		func() uint64 { return rt.Stats().Enters }, nil
}

// serverTLS has a certificate of its own making and speaks HTTP/1.1 only, as the load does.
func serverTLS() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"http/1.1"},
	}, nil
}

// startTask returns a starter for a task per connection that answers by itself.
func startTask(engine unio.Engine) func() (*Running, error) {
	return func() (*Running, error) {
		rt, err := unio.New(&unio.Options{Engine: engine})
		if err != nil {
			return nil, err
		}
		cfg, err := serverTLS()
		if err != nil {
			return nil, errors.Join(err, rt.Close())
		}
		plain, err1 := rt.Listen("tcp", "127.0.0.1:0", nil)
		secure, err2 := rt.Listen("tcp", "127.0.0.1:0", nil)
		if err := errors.Join(err1, err2); err != nil {
			return nil, errors.Join(err, rt.Close())
		}
		go plain.Serve(func(c *unio.Conn) { answer(c) })
		go secure.Serve(func(c *unio.Conn) { answer(tls.Server(c, cfg)) })
		return &Running{
			Addr: plain.Addr(), TLSAddr: secure.Addr(), Stop: rt.Close,
			Enters: func() uint64 { return rt.Stats().Enters },
		}, nil
	}
}

// requestMax bounds a request, headers included.
const requestMax = 4 << 10

var endOfHead = []byte("\r\n\r\n")

// answer answers requests without a body until the connection ends.
func answer(c net.Conn) {
	var buf [requestMax]byte
	var out []byte
	have := 0
	for have < len(buf) {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		for {
			head, rest, whole := bytes.Cut(buf[:have], endOfHead)
			if !whole {
				break
			}
			if out, err = appendAnswer(out[:0], head); err != nil {
				return
			}
			if _, err := c.Write(out); err != nil {
				return
			}
			have = copy(buf[:], rest)
		}
	}
}

// appendAnswer appends the answer to a request whose head is given: GET PATH HTTP/1.1 and headers that do not matter.
func appendAnswer(out, head []byte) ([]byte, error) {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	path, proto, _ := bytes.Cut(rest, []byte(" "))
	if string(method) != "GET" || string(proto) != "HTTP/1.1" {
		return nil, fmt.Errorf("%q is not served", line)
	}
	body, err := bodyOf(string(path))
	if err != nil {
		return nil, err
	}
	out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "...)
	out = time.Now().UTC().AppendFormat(out, http.TimeFormat)
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	out = append(out, endOfHead...)
	return append(out, body...), nil
}
