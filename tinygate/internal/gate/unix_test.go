package gate_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/gate"
	"github.com/unio-go/unio/uniotest"
)

// socketPath is where a socket can be; the folder of a test may have too long a name for one.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s.sock")
}

// A process that is killed leaves the file of its socket behind. The next one takes its place, and leaves nothing.
func TestSocketOfADeadProcessIsTakenOver(t *testing.T) {
	path := socketPath(t)
	t.Run("engines", func(t *testing.T) {
		eachEngineOf(t, func(t *testing.T) *config.Config {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
			if err != nil {
				t.Fatal(err)
			}
			ln.SetUnlinkOnClose(false)
			ln.Close()
			return parse(t, "listen: unix:%s\nto: %s\n", path, replies(ok)(t))
		}, func(w *world) {
			c := w.dialTo(w.g.Addrs()[0])
			c.send(getRoot)
			c.wantStatus("200")
		})
	})
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of the socket is left: %v", err)
	}
}

// What is in use, or is no socket, is left alone and refused.
func TestPathOfASocketThatIsTaken(t *testing.T) {
	served, file := socketPath(t), socketPath(t)
	ln, err := net.Listen("unix", served)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		for path, want := range map[string]error{served: syscall.EADDRINUSE, file: fs.ErrExist} {
			g, err := gate.New(rt, parse(t, "listen: unix:%s\nto: 127.0.0.1:1\n", path), slog.New(slog.DiscardHandler))
			if err == nil {
				g.Close()
			}
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", path, err, want)
			}
		}
		if c, err := net.Dial("unix", served); err != nil {
			t.Errorf("who listens is disturbed: %v", err)
		} else {
			c.Close()
		}
		if b, err := os.ReadFile(file); string(b) != "precious" {
			t.Errorf("the file is now %q, %v", b, err)
		}
	})
}

// Who has taken a socket over keeps its file when the process before it ends at last.
func TestFileOfASuccessorsSocketStays(t *testing.T) {
	path := socketPath(t)
	eachEngineOf(t, func(t *testing.T) *config.Config {
		os.Remove(path)
		return parse(t, "listen: [127.0.0.1:0, 'unix:%s']\nto: 127.0.0.1:1\n", path)
	}, func(w *world) {
		if err := os.Remove(path); err != nil {
			w.Fatal(err)
		}
		next, err := net.Listen("unix", path)
		if err != nil {
			w.Fatal(err)
		}
		defer next.Close()
		w.reload(parse(w, "listen: 127.0.0.1:0\nto: 127.0.0.1:1\n"))
		if c, err := net.Dial("unix", path); err != nil {
			w.Errorf("the successor's socket: %v", err)
		} else {
			c.Close()
		}
	})
}

// recording is an upstream that tells what it gets.
func recording(got chan<- string) func(*testing.T) string {
	return script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			got <- m
			c.send(ok)
		}
	})
}

// upstreamGets asks over a new connection, and wants a line of what the server gets.
func (w *world) upstreamGets(got <-chan string, sent, line string) {
	w.Helper()
	c := w.dialTo(w.g.Addrs()[0])
	c.send(sent)
	c.wantStatus("200")
	if m := await(w, got, "the request"); !strings.Contains(m, "\r\n"+line+"\r\n") {
		w.Errorf("%q is not in\n%s", line, m)
	}
}

// A load balancer that connects to a socket tells who the client is by a PROXY header, as it does to a port.
func TestProxyProtocolOnAUnixSocket(t *testing.T) {
	got := make(chan string, 1)
	path := socketPath(t)
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: {address: 'unix:%s', proxy_protocol: unix}\nto: %s\n", path, recording(got)(t))
	}, func(w *world) {
		w.upstreamGets(got, "PROXY TCP4 192.0.2.7 192.0.2.9 1000 80\r\n"+getRoot, "X-Forwarded-For: 192.0.2.7")
		w.upstreamGets(got, "PROXY UNKNOWN\r\n"+getRoot, "X-Forwarded-Proto: http")
	})
}

// Who connects to a socket is believed where the file says so, and by no network whatever.
func TestUnixSocketIsTrusted(t *testing.T) {
	got := make(chan string, 1)
	path := socketPath(t)
	const claim = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n"
	text := "listen: unix:" + path + "\ntrusted_proxies: %s\nto: %s\n"
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, text, "[0.0.0.0/0, '::/0']", recording(got)(t))
	}, func(w *world) {
		w.upstreamGets(got, claim, "X-Forwarded-Proto: http")
		to := w.g.Config().Upstreams[0].Servers[0].Address
		if said := w.reload(parse(w, text, "[10.0.0.0/8, unix]", to)); !strings.Contains(said, "trusted proxies: changed") {
			w.Errorf("the reload tells %q", said)
		}
		w.upstreamGets(got, claim, "X-Forwarded-Proto: https")
		w.upstreamGets(got, claim, "X-Forwarded-For: 192.0.2.7")
	})
}

// A socket has a path and no host, so a request of HTTP/1.0 that names none goes on with an empty one (RFC 9112 3.2).
func TestHostOfHTTP10OnAUnixSocket(t *testing.T) {
	got := make(chan string, 1)
	path := socketPath(t)
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: unix:%s\nto: %s\n", path, recording(got)(t))
	}, func(w *world) {
		w.upstreamGets(got, "GET / HTTP/1.0\r\n\r\n", "Host: ")
	})
}
