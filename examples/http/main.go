// Command http serves with net/http on a unio listener, and fetches from itself with a net/http client that dials
// through unio. Neither knows about it: a Listener is a net.Listener, and a Conn a net.Conn.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/unio-go/unio"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: http [ADDRESS]\n\nIt fetches from itself and ends; with an ADDRESS it serves there, for a browser.")
	}
	flag.Parse()
	addr := "127.0.0.1:0"
	if flag.NArg() > 0 {
		addr = flag.Arg(0) // keep serving
	}
	if err := run(os.Stdout, addr, flag.NArg() > 0); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, addr string, stay bool) error {
	rt, err := unio.New(nil)
	if err != nil {
		return err
	}
	defer rt.Close()
	ln, err := rt.Listen("tcp", addr, nil)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(hello)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	if stay {
		fmt.Fprintf(out, "http://%v/\n", ln.Addr())
		return <-served
	}

	client := &http.Client{Transport: &http.Transport{DialContext: rt.DialContext}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://" + ln.Addr().String() + "/gopher")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(out, resp.Body); err != nil {
		return err
	}
	return server.Close()
}

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello, %s\n", r.URL.Path[1:])
}
