package soak

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio"
)

// Verb is the hidden command by which a bench binary becomes the server.
const Verb = "__soak"

// state is what the server tells of itself, as a line of JSON.
type state struct {
	Addrs      []string // of the listeners, in the first line only
	Engine     string
	Resident   int64
	Heap       int64 // of Go, what is reachable after a collection
	Stacks     int64
	Mapped     int64 // of the pool, which gives nothing back
	Files      int
	Goroutines int
	Stats      unio.Stats
	Conns      uint64 // conversations begun
	Bytes      uint64 // of payload, both directions
	Errors     map[string]int
	Violations []string
	Broken     int
	End        string // why the end was not clean, in the last line only
}

// server is the server's process.
type server struct {
	counts
	rt    *unio.Runtime
	inner string // where the proxy connects to
	begun atomic.Uint64
	bytes atomic.Uint64
}

// Serve runs the server on an engine until in ends. It says its state at first, for each line of in (after a collection
// for the line "collect") and at its end, then without a runtime.
func Serve(engine string, in io.Reader, out io.Writer) error {
	raiseFiles(filesWanted)
	idle := openFiles()
	rt, err := unio.New(&unio.Options{Engine: unio.Engine(engine)})
	if err != nil {
		return err
	}
	s := &server{rt: rt}
	addrs, err := s.listen()
	if err != nil {
		return errors.Join(err, rt.Close())
	}
	if err := s.warmUp(addrs); err != nil {
		return errors.Join(err, rt.Close())
	}
	lines, enc := bufio.NewScanner(in), json.NewEncoder(out)
	first := s.state()
	first.Addrs = addrs
	if err := enc.Encode(first); err != nil {
		return err
	}
	for lines.Scan() {
		if lines.Text() == "collect" {
			collect()
		}
		if err := enc.Encode(s.state()); err != nil {
			return err
		}
	}
	last := s.end(idle)
	return errors.Join(enc.Encode(last), lines.Err())
}

// warmUp uses each listener once, so that what is made at first use is there before anything is counted.
func (s *server) warmUp(addrs []string) error {
	for _, a := range addrs {
		c, err := net.Dial("tcp", a)
		if err != nil {
			return err
		}
		h := hello{seed: 1}
		_, err = c.Write(h.bytes())
		err = errors.Join(err, c.(*net.TCPConn).CloseWrite())
		_, rerr := io.ReadAll(c)
		if err := errors.Join(err, rerr, c.Close()); err != nil {
			return err
		}
	}
	for end := time.Now().Add(10 * time.Second); s.rt.Stats().Conns > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("the first connections do not end")
		}
	}
	time.Sleep(100 * time.Millisecond) // until each listener waits for the next connection
	return nil
}

// end closes the runtime and says what is left of it.
func (s *server) end(idle int) state {
	err := s.rt.Close()
	collect()
	last := s.state()
	for end := time.Now().Add(10 * time.Second); last.Files > idle+filesSlack && time.Now().Before(end); last = s.state() {
		time.Sleep(10 * time.Millisecond)
	}
	switch b := last.Stats; {
	case err != nil:
		last.End = fmt.Sprintf("closing the runtime: %v", err)
	case b.BuffersOut != 0 || b.Conns != 0 || b.Tasks != 0 || b.Pending != 0:
		last.End = fmt.Sprintf("after Close: %d buffers, %d connections, %d tasks, %d operations", b.BuffersOut, b.Conns,
			b.Tasks, b.Pending)
	case last.Files > idle+filesSlack:
		last.End = fmt.Sprintf("%d descriptors after Close, %d before the runtime", last.Files, idle)
	}
	return last
}

// filesSlack is what Go's poller opens at first use and keeps.
const filesSlack = 3

// listen opens a listener for each way to accept.
func (s *server) listen() (addrs []string, err error) {
	for i := range 3 {
		var o *unio.ListenOptions
		if i == 1 {
			o = &unio.ListenOptions{OnFirstByte: true, FirstByteLimit: 20 * time.Second}
		}
		ln, err := s.rt.Listen("tcp", "127.0.0.1:0", o)
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, ln.Addr().String())
		if i == 2 {
			go s.accept(ln)
			continue
		}
		s.inner = addrs[0]
		go ln.Serve(s.handle)
	}
	return addrs, nil
}

// accept serves each connection by a goroutine, as programs for package net do.
func (s *server) accept(ln *unio.Listener) {
	for {
		c, err := ln.AcceptConn()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.violation(fmt.Sprintf("Accept: %v", err))
			time.Sleep(time.Millisecond)
			continue
		}
		go func() {
			defer c.Close()
			s.begun.Add(1)
			h, err := readHello(c)
			if err == nil {
				err = s.converse(c, &talk{hello: h, sleep: time.Sleep})
			}
			s.ended("server, accepted by a goroutine", &h, err)
		}()
	}
}

func (s *server) state() state {
	st := state{
		Engine: string(s.rt.Report().Engine), Resident: resident(), Files: openFiles(), Goroutines: runtime.NumGoroutine(),
		Stats: s.rt.Stats(), Conns: s.begun.Load(), Bytes: s.bytes.Load(),
	}
	st.Errors, st.Violations, st.Broken = s.snapshot()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	st.Heap, st.Stacks = int64(m.HeapAlloc), int64(m.StackInuse)
	st.Mapped = int64(s.rt.Pool().Stats().MappedBytes)
	return st
}

// ended notes how a conversation ended.
func (s *server) ended(where string, h *hello, err error) {
	if err == nil {
		return
	}
	// Without a hello nobody knows who it was: whoever connects and leaves says none.
	rude := h.rude || h.seed == 0
	s.seen(fmt.Sprintf("%s, style %d, seed %x", where, h.style, h.seed), rude, err)
}
