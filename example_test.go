package unio_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/unio-go/unio"
)

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
	go ln.Serve(func(c *unio.Conn) {
		for {
			b, err := c.Recv() // parks the task until something has arrived
			if err != nil {
				return // which closes the connection
			}
			if c.Send(b) != nil { // takes the buffer over
				return
			}
		}
	})

	c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("hello"))
	c.CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	// Output: hello <nil>
}

// A client of net/http that dials through a runtime.
func ExampleRuntime_DialContext() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: rt.DialContext}}
	resp, err := client.Get("http://127.0.0.1:1/nobody-listens-here")
	fmt.Println(resp == nil, err != nil)
	// Output: true true
}

func ExampleRuntime_Dial() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	go ln.Serve(func(c *unio.Conn) { fmt.Fprintf(c, "welcome") })

	c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	b, err := c.Recv()
	if err != nil {
		log.Fatal(err)
	}
	defer b.Release()
	fmt.Printf("%s\n", b.Bytes())
	// Output: welcome
}

// A handler that copies in both directions at once. With goroutines instead of a Group it would hold the loop that they
// need.
func ExampleGroup() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	server, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(func(c *unio.Conn) { io.Copy(c, io.LimitReader(c, 4)) })
	relay, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	go relay.Serve(func(c *unio.Conn) {
		up, err := rt.Dial(context.Background(), "tcp", server.Addr().String(), nil)
		if err != nil {
			return
		}
		defer up.Close()
		var g unio.Group
		for _, way := range [][2]*unio.Conn{{c, up}, {up, c}} {
			g.Go(func() error {
				defer way[0].CloseWrite()
				_, err := io.Copy(way[0], way[1])
				return err
			})
		}
		g.Wait()
	})

	c, err := rt.Dial(context.Background(), "tcp", relay.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("ping"))
	c.CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	// Output: ping <nil>
}

// What computes for long runs elsewhere, so that the other connections of the loop are served meanwhile.
func ExampleOffload() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	sum := make(chan string)
	rt.Go(func() {
		var text string
		unio.Offload(func() {
			text = fmt.Sprintf("%x", sha256.Sum256(make([]byte, 1<<20)))
			sum <- text[:8]
		})
	})
	fmt.Println(<-sum)
	// Output: 30e14955
}
