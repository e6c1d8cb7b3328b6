// Command log keeps a journal that is written and read over the network; package journal is the protocol and the work.
package main

import (
	"flag"
	"log"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/examples/log/journal"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:7001", "where to listen")
	name := flag.String("file", "journal.log", "the journal's file")
	flag.Parse()
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	j, err := journal.Open(rt, *name)
	if err != nil {
		log.Fatal(err)
	}
	ln, err := rt.Listen("tcp", *addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("log of %d bytes on %v with the engine %s", j.Durable(), ln.Addr(), rt.Report().Engine)
	log.Fatal(ln.Serve(j.Serve))
}
