package interop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// TestFasthttp has fasthttp's server on a Listener, asked by fasthttp's client on unio and by net/http's on either.
func TestFasthttp(t *testing.T) {
	fastWarm(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		server := newFastServer()
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(ln) }()
		addr := ln.Addr().String()
		t.Run("fasthttp's-client", func(t *testing.T) { fastClient(t, rt, addr) })
		for name, st := range map[string]stack{"client-on-unio": unioStack(rt), "client-on-net": netStack()} {
			t.Run(name, func(t *testing.T) {
				client := newClient(t, st, "http1")
				for range 3 {
					fastEcho(t, client, addr, "small")
					fastEcho(t, client, addr, large)
				}
				fastLines(t, client, addr)
			})
		}
		if err := server.Shutdown(); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := await(ended); err != nil {
			t.Errorf("Serve: %v", err)
		}
		uniotest.Idle(t, rt)
	})
}

// newFastServer keeps its goroutines no longer than it must.
func newFastServer() *fasthttp.Server {
	return &fasthttp.Server{
		Handler:               fasthandler,
		MaxRequestBodySize:    2 * len(large),
		StreamRequestBody:     true,
		MaxIdleWorkerDuration: pause,
	}
}

// fastWarm serves a request on package net, because fasthttp then starts a goroutine that keeps the date for good.
func fastWarm(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, ended := newFastServer(), make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	client := newClient(t, netStack(), "http1")
	fastEcho(t, client, ln.Addr().String(), "small")
	client.CloseIdleConnections()
	if err := errors.Join(server.Shutdown(), await(ended)); err != nil {
		t.Fatal(err)
	}
}

func fasthandler(ctx *fasthttp.RequestCtx) {
	if string(ctx.Path()) == "/lines" {
		ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
			for i := range 5 {
				fmt.Fprintln(w, i)
				w.Flush()
			}
		})
		return
	}
	b, err := io.ReadAll(ctx.RequestBodyStream())
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	ctx.SetBody(b)
}

func fastClient(t *testing.T, rt *unio.Runtime, addr string) {
	client := &fasthttp.HostClient{
		Addr:                addr,
		MaxIdleConnDuration: 10 * pause, // its cleaner sleeps so long after the test
		Dial:                func(addr string) (net.Conn, error) { return rt.DialContext(context.Background(), "tcp", addr) },
	}
	defer client.CloseIdleConnections()
	for _, want := range []string{"small", large, "small again"} {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		req.Header.SetMethod("POST")
		req.SetRequestURI("http://" + addr + "/echo")
		req.SetBodyString(want)
		if err := client.DoTimeout(req, resp, bound); err != nil {
			t.Fatal(err)
		}
		if got := string(resp.Body()); got != want {
			t.Fatalf("%d bytes came back, %d were sent, or they differ", len(got), len(want))
		}
		fasthttp.ReleaseRequest(req)
		fasthttp.ReleaseResponse(resp)
	}
}

func fastEcho(t *testing.T, client *http.Client, addr, want string) {
	t.Helper()
	resp, err := client.Post("http://"+addr+"/echo", "text/plain", strings.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != want {
		t.Fatalf("%d bytes came back, %d were sent, or they differ: %v", len(got), len(want), err)
	}
}

// fastLines has the server stream a response.
func fastLines(t *testing.T, client *http.Client, addr string) {
	t.Helper()
	resp, err := client.Get("http://" + addr + "/lines")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "0\n1\n2\n3\n4\n" {
		t.Fatalf("got %q, %v", got, err)
	}
}
