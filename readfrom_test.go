package unio_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
)

func randomBytes(n int) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	r.Read(p)
	return p
}

func fileWith(t testing.TB, p []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// onlyReader hides everything of a reader but Read.
type onlyReader struct{ io.Reader }

func TestReadFromSendsAllKindsOfReaders(t *testing.T) {
	long := randomBytes(3<<20 + 17)
	const skipped, limit = 11, 1<<20 + 5
	want := sha256.New()
	for range 2 {
		want.Write(long)
	}
	want.Write(long[skipped : skipped+limit])
	want.Write(long[skipped : skipped+100])
	want.Write(long[skipped+100:])
	want.Write([]byte("short"))
	eachConn(t, func(t scene, c *unio.Conn) {
		f, g, short := fileWith(t, long), fileWith(t, long), fileWith(t, []byte("short"))
		g.Seek(skipped, io.SeekStart)
		h := fileWith(t, long)
		h.Seek(skipped, io.SeekStart)
		lg := &io.LimitedReader{R: g, N: limit}
		for _, r := range []io.Reader{
			onlyReader{bytes.NewReader(long)}, f, lg, &io.LimitedReader{R: h, N: 100}, h, short, strings.NewReader(""),
		} {
			if n, err := c.ReadFrom(r); err != nil {
				t.Errorf("%T: after %d bytes: %v", r, n, err)
				return
			}
		}
		if at, _ := g.Seek(0, io.SeekCurrent); lg.N != 0 || at != skipped+limit {
			t.Errorf("the limit has %d left, the file is at %d", lg.N, at)
		}
	}, func(t scene, p net.Conn) {
		got := sha256.New()
		n, err := io.Copy(got, p)
		if err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			t.Errorf("%d bytes, %v: other bytes", n, err)
		}
	})
}

// What is left of a limit is what has not been sent, whatever it is the limit of.
func TestReadFromCountsALimitOnce(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		in := fileWith(t, make([]byte, 40))
		for _, l := range []*io.LimitedReader{
			{R: strings.NewReader(strings.Repeat("x", 40)), N: 100},
			{R: in, N: 100},
			{R: &io.LimitedReader{R: strings.NewReader(strings.Repeat("x", 100)), N: 40}, N: 100},
			{R: c, N: 100},
		} {
			if l.R == c {
				t.cue <- struct{}{} // the peer sends, and ends its side
			}
			if n, err := c.ReadFrom(l); n != 40 || l.N != 60 || err != nil {
				t.Errorf("%T: %d bytes, and %d are left: %v", l.R, n, l.N, err)
			}
		}
	}, func(t scene, p net.Conn) {
		await(t, t.cue, "somebody to receive")
		p.Write(make([]byte, 40))
		p.(interface{ CloseWrite() error }).CloseWrite()
		io.Copy(io.Discard, p)
	})
}

func TestCopyBetweenConnections(t *testing.T) {
	long := randomBytes(2<<20 + 3)
	eachConn(t, func(t scene, c *unio.Conn) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Error(err)
			return
		}
		defer ln.Close()
		go func() {
			p, err := ln.Accept()
			if err != nil {
				return
			}
			defer p.Close()
			io.Copy(p, p)
		}()
		u, err := t.rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer u.Close()
		if n, err := io.CopyN(u, c, 1000); n != 1000 || err != nil {
			t.Errorf("CopyN: %d, %v", n, err)
		}
		if n, err := io.Copy(u, c); n != int64(len(long)-1000) || err != nil {
			t.Errorf("Copy there: %d, %v", n, err)
		}
		u.CloseWrite()
		if n, err := io.Copy(c, u); n != int64(len(long)) || err != nil {
			t.Errorf("Copy back: %d, %v", n, err)
		}
	}, func(t scene, p net.Conn) {
		go func() {
			p.Write(long)
			p.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got, long) {
			t.Errorf("%d bytes, %v: other bytes", len(got), err)
		}
	})
}

func TestWriteToAFileAndAWriter(t *testing.T) {
	long := randomBytes(1<<20 + 1)
	eachConn(t, func(t scene, c *unio.Conn) {
		f, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if n, err := c.WriteTo(f); n != int64(len(long)) || err != nil {
			t.Errorf("WriteTo a file: %d, %v", n, err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, long) {
			t.Errorf("the file has %d bytes, %v: other bytes", len(got), err)
		}
	}, func(t scene, p net.Conn) { p.Write(long) })
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		_, err := c.WriteTo(failing{})
		e, ok := errors.AsType[*net.OpError](err)
		if !errors.Is(err, errFailing) || !ok || e.Op != "writeto" {
			t.Errorf("a writer that fails: %v", err)
		}
		_, err = c.ReadFrom(failing{})
		e, ok = errors.AsType[*net.OpError](err)
		if !errors.Is(err, errFailing) || !ok || e.Op != "readfrom" {
			t.Errorf("a reader that fails: %v", err)
		}
	}, func(t scene, p net.Conn) { p.Write([]byte("x")); io.ReadAll(p) })
}

// full is a writer that says by io.EOF that it takes no more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.EOF }

// The end of what is read is no error, and io.EOF of a writer is one: bytes are lost.
func TestWriteToTellsAWritersEOF(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		if n, err := c.WriteTo(full{}); n != 0 || err != io.EOF {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := c.WriteTo(io.Discard); err != nil {
			t.Errorf("at the end of the stream: %d, %v", n, err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte("hello"))
		p.(interface{ CloseWrite() error }).CloseWrite()
		io.Copy(io.Discard, p)
	})
}

var errFailing = errors.New("failing")

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errFailing }
func (failing) Write([]byte) (int, error) { return 0, errFailing }

// leaver does not come back from a call.
type leaver struct{ leave func() }

func (l leaver) Read([]byte) (int, error)  { l.leave(); return 0, nil }
func (l leaver) Write([]byte) (int, error) { l.leave(); return 0, nil }

// A reader or writer that panics or ends its goroutine leaves no buffer behind, which the check of an idle runtime counts.
func TestNoBufferStaysWithAReaderOrWriterThatPanics(t *testing.T) {
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		f, err := t.rt.OpenFile(fileWith(t, []byte("hello")).Name(), os.O_RDONLY, 0, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		copies := []func(l leaver){
			func(l leaver) { c.ReadFrom(l) },
			func(l leaver) { t.cue <- struct{}{}; c.WriteTo(l) },
			func(l leaver) { f.CopyTo(context.Background(), l, 0, -1) },
		}
		for i, try := range copies {
			func() {
				defer func() {
					if r := recover(); r != "on purpose" {
						t.Errorf("copy %d: %v", i, r)
					}
				}()
				try(leaver{func() { panic("on purpose") }})
				t.Errorf("copy %d came back", i)
			}()
			unio.Offload(func() {
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					try(leaver{runtime.Goexit})
					t.Errorf("copy %d came back", i)
				}()
				await(t, ended, "a goroutine that ends itself")
			})
		}
	}, func(t scene, p net.Conn) {
		for range 2 {
			await(t, t.cue, "somebody to receive")
			io.WriteString(p, "x")
		}
		io.Copy(io.Discard, p)
	})
}

func TestFileToAPeerThatDoesNotRead(t *testing.T) {
	const long = 32 << 20
	file := fileWith(t, make([]byte, long))
	eachConn(t, func(t scene, c *unio.Conn) {
		file.Seek(0, io.SeekStart)
		c.SetWriteDeadline(time.Now().Add(pause))
		n, err := c.ReadFrom(file)
		if n == long {
			t.Error("it was all sent")
		}
		wantTimeout(t, "ReadFrom", err)
		c.SetWriteDeadline(time.Time{})
		time.AfterFunc(pause, func() { c.Close() })
		file.Seek(0, io.SeekStart)
		_, err = c.ReadFrom(file)
		wantIs(t, "ReadFrom of a connection that is closed", err, net.ErrClosed)
	}, silent)
}

// A program that takes a copy up where it has ended must not send anything twice.
func TestCopyCountsWhatIsSentAfterADeadline(t *testing.T) {
	long := randomBytes(16 << 20)
	file := fileWith(t, long)
	kinds := map[string]func(t scene, c *unio.Conn) (int64, error){
		"CopyTo": func(t scene, c *unio.Conn) (int64, error) {
			f, err := t.rt.OpenFile(file.Name(), os.O_RDONLY, 0, nil)
			if err != nil {
				return 0, err
			}
			defer f.Close()
			return f.CopyTo(t.Context(), c, 0, -1)
		},
		"ReadFrom a file":   func(_ scene, c *unio.Conn) (int64, error) { return c.ReadFrom(io.NewSectionReader(file, 0, 16<<20)) },
		"ReadFrom a reader": func(_ scene, c *unio.Conn) (int64, error) { return c.ReadFrom(onlyReader{bytes.NewReader(long)}) },
		"ReadFrom a Conn": func(t scene, c *unio.Conn) (int64, error) {
			from, err := t.rt.Dial(t.Context(), "tcp", sender(t, long), nil)
			if err != nil {
				return 0, err
			}
			defer from.Close()
			return c.ReadFrom(from)
		},
	}
	for name, try := range kinds {
		t.Run(name, func(t *testing.T) {
			told := make(chan int64, 1)
			eachConn(t, func(t scene, c *unio.Conn) {
				c.SetWriteBuffer(16 << 10)
				c.SetWriteDeadline(time.Now().Add(pause))
				n, err := try(t, c)
				wantTimeout(t, name, err)
				c.SetWriteDeadline(time.Time{})
				told <- n
			}, func(t scene, p net.Conn) {
				n := await(t, told, "the copy to end")
				if got, err := io.ReadAll(p); err != nil || int64(len(got)) != n || !bytes.Equal(got, long[:n]) {
					t.Errorf("told %d bytes, and %d arrived, or others: %v", n, len(got), err)
				}
			})
		})
	}
}

// A context ends a copy where it waits for the peer and where it waits for another writer, and what has been told is what arrives.
func TestCopyToEndsWithItsContext(t *testing.T) {
	long := randomBytes(16 << 20)
	name := fileWith(t, long).Name()
	told := make(chan int, 1)
	eachConn(t, func(t scene, c *unio.Conn) {
		sent := 0
		defer func() { told <- sent }()
		f, err := t.rt.OpenFile(name, os.O_RDONLY, 0, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		copyFor := func(d time.Duration) int64 {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			n, err := f.CopyTo(ctx, c, 0, -1)
			wantIs(t, "CopyTo", err, context.DeadlineExceeded)
			return n
		}
		c.SetWriteBuffer(16 << 10)
		sent = int(copyFor(pause))
		if n := copyFor(pause); n != 0 {
			t.Errorf("with no room: %d bytes", n)
		}
		wrote := make(chan int, 1)
		go func() {
			n, err := c.Write(tooMuch[:])
			wantTimeout(t, "Write", err)
			wrote <- n
		}()
		if n := copyFor(pause); n != 0 {
			t.Errorf("behind a Write: %d bytes", n)
		}
		c.SetWriteDeadline(time.Now())
		unio.Offload(func() { sent += await(t, wrote, "the Write to end") })
		c.SetWriteDeadline(time.Time{})
	}, func(t scene, p net.Conn) {
		n := await(t, told, "the copies to end")
		if got, err := io.ReadAll(p); err != nil || len(got) != n {
			t.Errorf("told %d bytes, and %d arrived: %v", n, len(got), err)
		}
	})
}

// sender is the address of somebody who sends p to the first who comes.
func sender(t scene, p []byte) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return ""
	}
	go func() {
		defer ln.Close()
		if c, err := ln.Accept(); err == nil {
			defer c.Close()
			c.Write(p)
		}
	}()
	return ln.Addr().String()
}
