package uniotls_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotls"
)

// An echo server that reads and writes at the same time, and its client.
func ExampleListener_Serve() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{identity()}}
	go uniotls.NewListener(ln, cfg).Serve(func(c *uniotls.Conn) {
		c.SetDeadline(time.Now().Add(10 * time.Second)) // for a client that does not finish its handshake
		if c.Handshake() != nil {
			return
		}
		c.SetDeadline(time.Time{})
		io.Copy(c, c)
	})

	c, err := uniotls.Dial(context.Background(), rt, "tcp", ln.Addr().String(), &tls.Config{RootCAs: ca().pool})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "hello")
	c.CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	// Output: hello <nil>
}

// A proxy that ends TLS: one task copies each direction of a connection.
func ExampleServer() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	upstream, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	go upstream.Serve(func(c *unio.Conn) { io.Copy(c, c) })
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{identity()}}
	go ln.Serve(func(u *unio.Conn) {
		c := uniotls.Server(u, cfg)
		defer c.Close()
		up, err := rt.Dial(context.Background(), "tcp", upstream.Addr().String(), nil)
		if err != nil {
			return
		}
		defer up.Close()
		var g unio.Group
		g.Go(func() error {
			defer up.CloseWrite()
			_, err := io.Copy(up, c)
			return err
		})
		g.Go(func() error {
			defer c.CloseWrite()
			_, err := io.Copy(c, up)
			return err
		})
		g.Wait()
	})

	c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: ca().pool})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "hello")
	c.CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	// Output: hello <nil>
}

// HTTP/2 over unio at both ends: net/http wants its own *tls.Conn, and as it uses goroutines that is all it needs.
func Example_http() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{identity()}},
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s", r.Proto) }),
	}
	go server.ServeTLS(ln, "", "")
	defer server.Close()

	client := &http.Client{Transport: &http.Transport{
		DialContext:       rt.DialContext,
		TLSClientConfig:   &tls.Config{RootCAs: ca().pool},
		ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	fmt.Println(string(answer), err)
	// Output: HTTP/2.0 <nil>
}

// A task that speaks HTTP/1.1 over TLS by hand.
func ExampleDial() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{identity()}},
		Handler:   http.NotFoundHandler(),
	}
	go server.ServeTLS(ln, "", "")
	defer server.Close()

	status := make(chan string)
	rt.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		c, err := uniotls.Dial(ctx, rt, "tcp", ln.Addr().String(), &tls.Config{RootCAs: ca().pool})
		if err != nil {
			log.Print(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
		answer, _ := io.ReadAll(c)
		unio.Offload(func() { status <- string(answer[:len("HTTP/1.1 404")]) })
	})
	fmt.Println(<-status)
	// Output: HTTP/1.1 404
}
