package netlog

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/examples/log/journal"
)

// Verb is the hidden command by which a bench binary becomes a server of a journal.
const Verb = "__journal"

// Serve is one server until in ends. args are a contender and the directory of its file. It writes its address once it
// listens.
func Serve(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("want a contender and a directory")
	}
	name := filepath.Join(args[1], "journal")
	addr, stop, err := serve(args[0], name)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, addr); err != nil {
		return errors.Join(err, stop())
	}
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, stop())
}

// listenAt is where servers listen.
const listenAt = "127.0.0.1:0"

func serve(contender, name string) (addr net.Addr, stop func() error, err error) {
	switch contender {
	case unioUring:
		return serveUnio(unio.Uring, name)
	case unioEpoll:
		return serveUnio(unio.Epoll, name)
	case netEach, netGroup:
		return servePlain(name, contender == netGroup)
	}
	return nil, nil, fmt.Errorf("there is no server %q", contender)
}

// serveUnio is the program of examples/log.
func serveUnio(engine unio.Engine, name string) (net.Addr, func() error, error) {
	rt, err := unio.New(&unio.Options{Engine: engine})
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(rt, name)
	if err != nil {
		return nil, nil, errors.Join(err, rt.Close())
	}
	ln, err := rt.Listen("tcp", listenAt, nil)
	if err != nil {
		return nil, nil, errors.Join(err, rt.Close())
	}
	go ln.Serve(j.Serve) // until the runtime is closed
	return ln.Addr(), rt.Close, nil
}
