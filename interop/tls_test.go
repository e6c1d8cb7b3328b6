package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// TestTLS has bare tls.Server and tls.Client on connections of unio's: each used by one task, and by goroutines that
// read and write at the same time.
func TestTLS(t *testing.T) {
	server := &tls.Config{Certificates: []tls.Certificate{certificate}}
	client := &tls.Config{RootCAs: roots, ServerName: "unio.test"}
	old := client.Clone()
	old.MaxVersion = tls.VersionTLS12
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, network := range []string{"tcp", "unix"} {
			for name, config := range map[string]*tls.Config{"tls13": client, "tls12": old} {
				t.Run(network+"/"+name+"/task", func(t *testing.T) { tlsTasks(t, rt, network, server, config) })
				t.Run(network+"/"+name+"/goroutines", func(t *testing.T) { tlsGoroutines(t, rt, network, server, config) })
			}
		}
		uniotest.Idle(t, rt)
	})
}

// tlsTasks has a handler echo what a task sends, then what package net's client sends.
func tlsTasks(t *testing.T, rt *unio.Runtime, network string, server, client *tls.Config) {
	ln, err := rt.Listen(network, freshAddr(t, network), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan error, 2)
	go ln.Serve(func(c *unio.Conn) {
		s := tls.Server(c, server)
		_, err := io.CopyBuffer(struct{ io.Writer }{s}, s, make([]byte, 20_000))
		served <- errors.Join(err, s.Close())
	})
	asked := make(chan error, 2)
	rt.Go(func() {
		c, err := rt.Dial(context.Background(), network, ln.Addr().String(), nil)
		if err != nil {
			asked <- err
			return
		}
		asked <- askInTurn(tls.Client(c, client))
	})
	for _, c := range []chan error{asked, served} {
		if err := await(c); err != nil {
			t.Error("both ends on unio: ", err)
		}
	}
	c, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(askInTurn(tls.Client(c, client)), await(served)); err != nil {
		t.Error("client of package net: ", err)
	}
}

// askInTurn sends pieces and reads each back, from one place, ends the sending side and waits for the other's end.
func askInTurn(c *tls.Conn) error {
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	for _, n := range []int{1, 1000, 16 << 10, 64 << 10} {
		want := []byte(strings.Repeat("x", n-1) + "\n")
		if _, err := c.Write(want); err != nil {
			return err
		}
		got := make([]byte, n)
		if _, err := io.ReadFull(c, got); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return errors.New("what came back differs")
		}
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return errors.Join(errors.New("no bare io.EOF at the end"), err)
	}
	return nil
}

// tlsGoroutines sends a large body in both directions at once, with a goroutine for each direction at each end.
func tlsGoroutines(t *testing.T, rt *unio.Runtime, network string, server, client *tls.Config) {
	ln, err := rt.Listen(network, freshAddr(t, network), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c1, c2, stop, err := goroutinePipe(rt, ln)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	a, b := tls.Client(c1, client), tls.Server(c2, server)
	errs := make(chan error, 4)
	for _, c := range []*tls.Conn{a, b} {
		c.SetDeadline(time.Now().Add(bound))
		go func() {
			_, err := io.Copy(c, strings.NewReader(large))
			errs <- errors.Join(err, c.CloseWrite())
		}()
		go func() {
			got, err := io.ReadAll(c)
			if string(got) != large {
				err = errors.Join(errors.New("what came differs"), err)
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := await(errs); err != nil {
			t.Error(err)
		}
	}
}
