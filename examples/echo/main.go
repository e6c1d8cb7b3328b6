// Command echo sends back what it receives, on the best engine that works here.
package main

import (
	"flag"
	"log"

	"github.com/unio-go/unio"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:7000", "where to listen")
	flag.Parse()
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	ln, err := rt.Listen("tcp", *addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("echo on %v with the engine %s", ln.Addr(), rt.Report().Engine)
	log.Fatal(ln.Serve(echo))
}

// echo runs as a task for each connection, which is closed when echo returns.
func echo(c *unio.Conn) {
	for {
		b, err := c.Recv() // parks the task until something has arrived
		if err != nil {
			return
		}
		if c.Send(b) != nil { // takes the buffer over: nothing is copied
			return
		}
	}
}
