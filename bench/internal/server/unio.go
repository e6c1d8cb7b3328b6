package server

import (
	"errors"

	"github.com/unio-go/unio"
)

// startUnio returns a starter for unio on one engine with default options.
func startUnio(engine unio.Engine, serve func(*unio.Listener)) func() (*Running, error) {
	return func() (*Running, error) { return start(&unio.Options{Engine: engine}, serve) }
}

// startSQPoll starts unio with a thread of the kernel that looks for what each loop submits.
func startSQPoll() (*Running, error) {
	return start(&unio.Options{Engine: unio.Uring, SQPoll: true}, serveRecv)
}

// startHuge starts unio with its buffers and the Go heap on huge pages.
func startHuge(engine unio.Engine) func() (*Running, error) {
	return func() (*Running, error) { return start(&unio.Options{Engine: engine, HugePages: true}, serveRecv) }
}

func start(o *unio.Options, serve func(*unio.Listener)) (*Running, error) {
	rt, err := unio.New(o)
	if err != nil {
		return nil, err
	}
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		return nil, errors.Join(err, rt.Close())
	}
	go serve(ln)
	r := &Running{Addr: ln.Addr(), Stop: rt.Close}
	if o.Engine != unio.Std { // whose system calls package net makes
		r.Enters = func() uint64 { return rt.Stats().Enters }
	}
	return r, nil
}

// serveRecv echoes from a handler, without a copy: the buffer that was received is the one that is sent.
func serveRecv(ln *unio.Listener) {
	_ = ln.Serve(func(c *unio.Conn) { // ends with the listener
		for {
			b, err := c.Recv()
			if err != nil {
				return
			}
			if err := c.Send(b); err != nil {
				return
			}
		}
	})
}

// serveReadWrite echoes from a handler through a slice of its own, as programs for package net do.
func serveReadWrite(ln *unio.Listener) {
	_ = ln.Serve(func(c *unio.Conn) { copyEcho(c) }) // ends with the listener
}

// serveGoroutine is the program for package net, on a unio listener.
func serveGoroutine(ln *unio.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go copyEcho(c)
	}
}
