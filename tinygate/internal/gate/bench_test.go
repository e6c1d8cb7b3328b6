package gate_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// dateLine is a Date as servers send it, and dated an answer with one.
const (
	dateLine = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	dated    = "HTTP/1.1 200 OK\r\n" + dateLine + "Content-Length: 2\r\n\r\nok"
)

// pingPong sends requests one after another through a gate to an upstream which gives an answer, ok or dated. Neither of the two
// allocates, so what is counted is the gate's and the engine's.
func pingPong(t testing.TB, e unio.Engine, answer string, change func(*config.Config)) (once func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, reply := make([]byte, 4096), []byte(answer)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
					c.Write(reply)
				}
			}()
		}
	}()
	rt := uniotest.New(t, &unio.Options{Engine: e, Loops: 1})
	s := setup{Upstreams: []string{ln.Addr().String()}, Change: change}
	g := startGate(t, rt, s.config(t), slog.New(slog.DiscardHandler))
	c, err := net.Dial("tcp", g.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	request := []byte("GET /index.html HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	b := make([]byte, len(ok)+len("Via: 1.1 tinygate\r\n")+len(dateLine))
	return func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
	}
}

// logged has a gate write the access log of the default format.
func logged(t testing.TB) func(*config.Config) {
	path := filepath.Join(t.TempDir(), "access.log")
	return func(cfg *config.Config) { cfg.Access = config.AccessLog{Path: path, Format: "json"} }
}

// BenchmarkGet measures a request on kept connections, without an access log and with one.
func BenchmarkGet(b *testing.B) {
	for _, e := range uniotest.Engines() {
		for _, log := range []string{"off", "json"} {
			b.Run(fmt.Sprintf("engine=%s/log=%s", e, log), func(b *testing.B) {
				if err := uniotest.Refused(e); err != nil {
					b.Skip(err)
				}
				var change func(*config.Config)
				if log != "off" {
					change = logged(b)
				}
				once := pingPong(b, e, dated, change)
				once()
				b.ReportAllocs()
				for b.Loop() {
					once()
				}
			})
		}
	}
}
