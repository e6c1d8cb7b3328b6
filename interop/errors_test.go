package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// stack is what makes connections: package net, or a runtime of unio.
type stack struct {
	listen func(network, addr string) (net.Listener, error)
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
}

func netStack() stack {
	return stack{net.Listen, new(net.Dialer).DialContext}
}

func unioStack(rt *unio.Runtime) stack {
	return stack{
		listen: func(network, addr string) (net.Listener, error) {
			ln, err := rt.Listen(network, addr, nil)
			if err != nil {
				return nil, err
			}
			return ln, nil
		},
		dial: rt.DialContext,
	}
}

// halfConn is what *net.TCPConn and *net.UnixConn have beyond net.Conn and a *unio.Conn has too.
type halfConn interface {
	net.Conn
	CloseRead() error
	CloseWrite() error
}

// bench is one situation's surroundings: a connection of the stack under test, dialled, and a peer of package net.
type bench struct {
	*testing.T
	stack
	network string
	ln      net.Listener // of the stack, and nobody accepts but the situation
	c       halfConn
	peer    halfConn
}

// situations are what can happen to a program; each returns the error that the program gets. Where unio's error says more
// than package net's, only what net's claims to be is compared, and more tells why.
var situations = []struct {
	name string
	err  func(b bench) error
	more string
}{
	{"read-after-close", func(b bench) error { b.c.Close(); return readErr(b.c) }, ""},
	{"write-after-close", func(b bench) error { b.c.Close(); return writeErr(b.c) }, ""},
	{"empty-write-after-close", func(b bench) error { b.c.Close(); _, err := b.c.Write(nil); return err }, ""},
	{"empty-write-after-deadline", func(b bench) error {
		b.c.SetWriteDeadline(time.Unix(1, 0))
		_, err := b.c.Write(nil)
		return err
	}, ""},
	{"empty-write-after-closewrite", func(b bench) error { b.c.CloseWrite(); _, err := b.c.Write(nil); return err }, ""},
	{"empty-read-after-close", func(b bench) error { b.c.Close(); _, err := b.c.Read(nil); return err }, ""},
	{"close-after-close", func(b bench) error { b.c.Close(); return b.c.Close() }, ""},
	{"closeread-after-close", func(b bench) error { b.c.Close(); return b.c.CloseRead() }, ""},
	{"closewrite-after-close", func(b bench) error { b.c.Close(); return b.c.CloseWrite() }, ""},
	{"setdeadline-after-close", func(b bench) error { b.c.Close(); return b.c.SetDeadline(time.Now()) }, ""},
	{"setreaddeadline-after-close", func(b bench) error { b.c.Close(); return b.c.SetReadDeadline(time.Now()) }, ""},
	{"setwritedeadline-after-close", func(b bench) error { b.c.Close(); return b.c.SetWriteDeadline(time.Time{}) }, ""},
	{"close-during-read", func(b bench) error {
		got := make(chan error, 1)
		go func() { got <- readErr(b.c) }()
		time.Sleep(pause)
		b.c.Close()
		return await(got)
	}, ""},
	{"close-during-write", func(b bench) error {
		got := make(chan error, 1)
		go func() { got <- fill(b.c) }()
		time.Sleep(pause)
		b.c.SetWriteDeadline(time.Now().Add(bound)) // which also bounds how long unio's Close cares for what was written
		go io.Copy(io.Discard, b.peer)
		b.c.Close()
		return await(got)
	}, ""},
	{"read-deadline-passed", func(b bench) error {
		b.c.SetReadDeadline(time.Now().Add(-time.Second))
		return readErr(b.c)
	}, ""},
	{"read-deadline-to-come", func(b bench) error {
		b.c.SetReadDeadline(time.Now().Add(pause))
		return readErr(b.c)
	}, ""},
	{"write-deadline-passed", func(b bench) error {
		b.c.SetWriteDeadline(time.Now().Add(-time.Second))
		return writeErr(b.c)
	}, ""},
	{"write-deadline-to-come", func(b bench) error {
		b.c.SetWriteDeadline(time.Now().Add(5 * pause))
		return fill(b.c)
	}, ""},
	{"peer-closed", func(b bench) error { b.peer.Close(); return readErr(b.c) }, ""},
	{"peer-half-closed", func(b bench) error { b.peer.CloseWrite(); return readErr(b.c) }, ""},
	{"read-after-closeread", func(b bench) error { b.c.CloseRead(); return readErr(b.c) }, ""},
	{"write-after-closewrite", func(b bench) error { b.c.CloseWrite(); return writeErr(b.c) }, ""},
	{"read-after-reset", func(b bench) error {
		b.reset()
		return readErr(b.c)
	}, ""},
	{"write-after-peer-closed", func(b bench) error {
		b.peer.Close()
		readErr(b.c) // the end of the stream has come
		return lastingWriteErr(b.c)
	}, ""},
	{"write-after-reset", func(b bench) error {
		b.reset()
		if err := readErr(b.c); !errors.Is(err, syscall.ECONNRESET) {
			return fmt.Errorf("the read beforehand: %w", err)
		}
		return lastingWriteErr(b.c)
	}, ""},
	{"dial-refused", func(b bench) error {
		b.ln.Close()
		_, err := b.dial(b.Context(), b.network, b.ln.Addr().String())
		return err
	}, ""},
	{"dial-unknown-network", func(b bench) error {
		_, err := b.dial(b.Context(), "pigeon", "127.0.0.1:1")
		return err
	}, ""},
	{"dial-missing-port", func(b bench) error {
		_, err := b.dial(b.Context(), "tcp", "127.0.0.1")
		return err
	}, ""},
	{"dial-bad-port", func(b bench) error {
		_, err := b.dial(b.Context(), "tcp", "127.0.0.1:65536")
		return err
	}, ""},
	{"dial-canceled", func(b bench) error {
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		_, err := b.dial(ctx, b.network, b.ln.Addr().String())
		return err
	}, ""},
	{"dial-late", func(b bench) error {
		ctx, cancel := context.WithTimeout(b.Context(), -time.Second)
		defer cancel()
		_, err := b.dial(ctx, b.network, b.ln.Addr().String())
		return err
	}, "it is os.ErrDeadlineExceeded too, as whatever else is late"},
	{"dial-no-such-path", func(b bench) error {
		_, err := b.dial(b.Context(), "unix", "/no/such/path")
		return err
	}, ""},
	{"listen-unknown-network", func(b bench) error { _, err := b.listen("pigeon", "127.0.0.1:1"); return err }, ""},
	{"listen-address-in-use", func(b bench) error { _, err := b.listen(b.network, b.ln.Addr().String()); return err }, ""},
	{"listen-no-such-path", func(b bench) error { _, err := b.listen("unix", "/no/such/path"); return err }, ""},
	{"accept-after-close", func(b bench) error { b.ln.Close(); _, err := b.ln.Accept(); return err }, ""},
	{"listener-close-after-close", func(b bench) error { b.ln.Close(); return b.ln.Close() }, ""},
	{"close-during-accept", func(b bench) error {
		got := make(chan error, 1)
		go func() { _, err := b.ln.Accept(); got <- err }()
		time.Sleep(pause)
		b.ln.Close()
		return await(got)
	}, ""},
	{"accept-deadline", func(b bench) error {
		b.ln.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(pause))
		_, err := b.ln.Accept()
		return err
	}, ""},
	{"listener-setdeadline-after-close", func(b bench) error {
		b.ln.Close()
		return b.ln.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now())
	}, "package net forgets to say of which listener"},
}

// pause is how long a situation lets a call get to the point where it waits. Results do not depend on whether it got there.
const pause = 20 * time.Millisecond

// TestErrorsAreThoseOfPackageNet performs each situation on package net and on unio, and compares what a program can see
// of the error: each link of its chain by type and fields, the text, and what it claims to be.
func TestErrorsAreThoseOfPackageNet(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, network := range []string{"tcp", "unix"} {
			for _, s := range situations {
				t.Run(network+"/"+s.name, func(t *testing.T) {
					want := perform(t, netStack(), network, s.err)
					got := perform(t, unioStack(rt), network, s.err)
					if s.more != "" {
						got, want = claims(got, want), claims(want, want)
					}
					if got != want {
						t.Errorf("the error is\n%s\nand package net's\n%s", got, want)
					}
				})
			}
		}
		uniotest.Idle(t, rt)
	})
}

// perform puts a situation on a stack and describes the error.
func perform(t *testing.T, s stack, network string, situation func(bench) error) string {
	t.Helper()
	peers, err := net.Listen(network, freshAddr(t, network))
	if err != nil {
		t.Fatal(err)
	}
	defer peers.Close()
	ln, err := s.listen(network, freshAddr(t, network))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := s.dial(t.Context(), network, peers.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	peer, err := peers.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	b := bench{t, s, network, ln, c.(halfConn), peer.(halfConn)}
	names := strings.NewReplacer(
		peers.Addr().String(), "PEER", ln.Addr().String(), "LISTENER",
		filepath.Dir(peers.Addr().String()), "DIR", filepath.Dir(ln.Addr().String()), "DIR",
	)
	if network == "tcp" {
		names = strings.NewReplacer(peers.Addr().String(), "PEER", ln.Addr().String(), "LISTENER", c.LocalAddr().String(), "OWN")
	}
	return names.Replace(describe(situation(b)))
}

// reset has the peer end the connection with an error for whoever is at the other end: what it had not read is lost.
func (b bench) reset() {
	if writeErr(b.c) != nil {
		b.Fatal("cannot write")
	}
	b.peer.SetReadDeadline(time.Now().Add(bound))
	if t, ok := b.peer.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	one := make([]byte, 1)
	if _, err := io.ReadFull(b.peer, one); err != nil {
		b.Fatal(err)
	}
	b.peer.Close()
}

func readErr(c net.Conn) error {
	_, err := c.Read(make([]byte, 16))
	return err
}

func writeErr(c net.Conn) error {
	_, err := c.Write([]byte("two bytes or more"))
	return err
}

// lastingWriteErr writes until it fails, as it must, and lets the kernel hear from the peer meanwhile.
func lastingWriteErr(c net.Conn) error {
	for end := time.Now().Add(bound); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if err := writeErr(c); err != nil {
			return err
		}
	}
	return errors.New("writing goes on without an error")
}

// fill writes to one who does not read.
func fill(c net.Conn) error {
	p := make([]byte, 1<<16)
	for {
		if _, err := c.Write(p); err != nil {
			return err
		}
	}
}

func await(c <-chan error) error {
	select {
	case err := <-c:
		return err
	case <-time.After(bound):
		return errors.New("the call goes on")
	}
}

// claims are the lines of a description that say what the error is, as far as they are in the other one.
func claims(description, other string) string {
	var out strings.Builder
	for line := range strings.Lines(description) {
		if strings.HasPrefix(line, "is ") && strings.Contains(other, line) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// targets are what programs ask errors.Is for.
var targets = []error{
	io.EOF, net.ErrClosed, os.ErrDeadlineExceeded, os.ErrClosed, context.Canceled, context.DeadlineExceeded,
	syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED, syscall.ENOENT, syscall.EADDRINUSE, syscall.ENOTCONN,
	os.ErrNotExist,
}

// describe says what a program can see of an error.
func describe(err error) string {
	var s strings.Builder
	fmt.Fprintf(&s, "text %q\n", fmt.Sprint(err))
	for e := err; e != nil; e = errors.Unwrap(e) {
		switch e := e.(type) {
		case *net.OpError:
			fmt.Fprintf(&s, "*net.OpError Op %s Net %s Source %s Addr %s Timeout %v Temporary %v\n",
				e.Op, e.Net, describeAddr(e.Source), describeAddr(e.Addr), e.Timeout(), e.Temporary())
		case *os.SyscallError:
			fmt.Fprintf(&s, "*os.SyscallError Syscall %s\n", e.Syscall)
		default:
			fmt.Fprintf(&s, "%s\n", typeName(e))
		}
	}
	for _, target := range targets {
		if errors.Is(err, target) {
			fmt.Fprintf(&s, "is %v\n", target)
		}
	}
	if n, ok := err.(net.Error); ok {
		fmt.Fprintf(&s, "is a net.Error with Timeout %v\n", n.Timeout())
	}
	return s.String()
}

// unexported types are nobody's business: what they tell is in the text, in errors.Is and in net.Error.
var unexported = regexp.MustCompile(`\.[a-z]\w*$`)

func typeName(err error) string {
	name := fmt.Sprintf("%T", err)
	if unexported.MatchString(name) {
		return "an error"
	}
	return name
}

func describeAddr(a net.Addr) string {
	if a == nil {
		return "nil"
	}
	return fmt.Sprintf("%T(%s)", a, a)
}
