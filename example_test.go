package unio_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"

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

// A connection to a backend that several handlers share, one request at a time: the lock is held while the answer is
// awaited, and no loop stands still.
func ExampleMutex() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	backend, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	go backend.Serve(func(c *unio.Conn) { io.Copy(c, c) })
	shared, err := rt.Dial(context.Background(), "tcp", backend.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shared.Close()

	var mu unio.Mutex
	ask := func(ctx context.Context, question string) (string, error) {
		if err := mu.Lock(ctx); err != nil {
			return "", err
		}
		defer mu.Unlock()
		if _, err := io.WriteString(shared, question); err != nil {
			return "", err
		}
		answer := make([]byte, len(question))
		_, err := io.ReadFull(shared, answer)
		return string(answer), err
	}
	answers := unio.NewChan[string](2)
	for _, question := range []string{"here?", "there"} {
		rt.Go(func() {
			answer, err := ask(context.Background(), question)
			if err != nil {
				log.Print(err)
			}
			answers.Send(context.Background(), answer)
		})
	}
	for range 2 {
		answer, err := answers.Recv(context.Background())
		fmt.Println(answer, err)
	}
	// Unordered output:
	// here? <nil>
	// there <nil>
}

// A handler whose worker takes from a bounded queue: when the worker is behind, the handler waits and reads no more, and
// so does the client.
func ExampleChan() {
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
		ctx := context.Background()
		lines := unio.NewChan[string](16)
		var g unio.Group
		g.Go(func() error {
			defer lines.Close() // so that nobody waits for a worker that has failed
			for {
				line, err := lines.Recv(ctx)
				if err != nil {
					return nil // closed, and everything is answered
				}
				if _, err := fmt.Fprintln(c, strings.ToUpper(line)); err != nil {
					return err
				}
			}
		})
		for in := bufio.NewScanner(c); in.Scan(); {
			if lines.Send(ctx, in.Text()) != nil {
				break
			}
		}
		lines.Close()
		g.Wait()
	})

	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "one\ntwo\n")
	c.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Print(string(answer), err)
	// Output:
	// ONE
	// TWO
	// <nil>
}

// Several backends are asked at once. The first answer is taken and the other calls are ended.
func ExampleNewGroup() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	listen := func(handler func(*unio.Conn)) string {
		ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
		if err != nil {
			log.Fatal(err)
		}
		go ln.Serve(handler)
		return ln.Addr().String()
	}
	silent := listen(func(c *unio.Conn) { io.Copy(io.Discard, c) })
	quick := listen(func(c *unio.Conn) { io.WriteString(c, "me first") })

	errAnswered := errors.New("another has answered")
	g, ctx := unio.NewGroup(context.Background())
	answer := unio.NewChan[string](1)
	for _, addr := range []string{silent, quick} {
		g.Go(func() error {
			c, err := rt.Dial(ctx, "tcp", addr, nil)
			if err != nil {
				return nil // this backend has no answer
			}
			defer c.Close()
			defer context.AfterFunc(ctx, func() { c.Close() })()
			text, err := io.ReadAll(c)
			if err != nil || !answer.TrySend(string(text)) {
				return nil
			}
			return errAnswered // ends the others
		})
	}
	err = g.Wait()
	text, ok := answer.TryRecv()
	fmt.Println(text, ok, err)
	// Output: me first true another has answered
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

// What the program waits for, at any time and also while a task holds its loop.
func ExampleRuntime_Inflight() {
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	for _, o := range rt.Inflight() {
		slog.Info("in flight", "operation", o)
	}
}
