package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// site is a folder with a configuration, and upstreams for it.
type site struct {
	t    *testing.T
	dir  string
	file string
	up   []*upstream
}

// newSite starts so many upstreams.
func newSite(t *testing.T, upstreams int) *site {
	s := &site{t: t, dir: t.TempDir()}
	s.file = filepath.Join(s.dir, "gate.yaml")
	for range upstreams {
		s.up = append(s.up, newUpstream(t))
	}
	return s
}

// write makes text the configuration, in one step so that nobody reads half of it. @0 stands for the address of the first
// upstream, DIR for the folder.
func (s *site) write(text string) {
	s.t.Helper()
	for i, u := range s.up {
		text = strings.ReplaceAll(text, fmt.Sprintf("@%d", i), u.addr)
	}
	text = strings.ReplaceAll(text, "DIR", s.dir)
	next := s.file + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, s.file)); err != nil {
		s.t.Fatal(err)
	}
}

// run serves the file.
func (s *site) run(engine string, flags ...string) *process {
	s.t.Helper()
	p := start(s.t, "0", nil, append([]string{"run", s.file, "--engine", engine}, flags...)...)
	if p.addr == "" {
		s.t.Fatalf("tinygate does not serve:\n%s", &p.out)
	}
	return p
}

// tell runs a command of the admin API.
func (s *site) tell(args ...string) (string, error) {
	s.t.Helper()
	var out, problems bytes.Buffer
	err := run(context.Background(), append(args, "--admin", "unix:"+s.dir+"/admin.sock", "--timeout", bound.String()), &out, &problems)
	return out.String() + problems.String(), err
}

// told wants a command to succeed and to print the words.
func (s *site) told(words []string, args ...string) string {
	s.t.Helper()
	out, err := s.tell(args...)
	if err != nil {
		s.t.Errorf("%q: %v: %s", args, err, out)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			s.t.Errorf("%q prints\n%s\nwithout %q", args, out, w)
		}
	}
	return out
}

// scrape asks an endpoint of the API as it is.
func (s *site) scrape(path string) (int, string) {
	s.t.Helper()
	c := http.Client{Timeout: bound, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", s.dir+"/admin.sock")
		},
	}}
	r, err := c.Get("http://localhost" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// upstream answers each request by 200, one for /hang when it is let go, and echoes after an upgrade.
type upstream struct {
	addr    string
	used    atomic.Int64 // connections on which requests came, not those of checks
	asked   atomic.Int64
	hanging chan struct{} // a request for /hang has come
	answer  chan struct{} // lets it go
	over    chan struct{} // the test has ended
}

func newUpstream(t *testing.T) *upstream {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{addr: ln.Addr().String(), hanging: make(chan struct{}, 100), answer: make(chan struct{}, 100), over: make(chan struct{})}
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		close(u.over)
		ln.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			go u.serve(c)
		}
	}()
	return u
}

func (u *upstream) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for n := 0; ; n++ {
		first, upgrade := "", false
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if first == "" {
				first = string(line)
			}
			upgrade = upgrade || bytes.HasPrefix(line, []byte("Upgrade:"))
			if len(line) <= 2 {
				break
			}
		}
		if n == 0 {
			u.used.Add(1)
		}
		u.asked.Add(1)
		switch {
		case upgrade:
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			io.Copy(c, r)
			return
		case strings.HasPrefix(first, "GET /hang"):
			u.hanging <- struct{}{}
			select {
			case <-u.answer:
			case <-u.over:
				return
			}
		case strings.HasPrefix(first, "GET /cut"):
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// client is a connection to tinygate.
type client struct {
	net.Conn
	r *bufio.Reader
}

func (p *process) dial() *client {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(bound))
	return &client{c, bufio.NewReader(c)}
}

// ask sends a request with fields and reads the response.
func (c *client) ask(target, fields string) (*http.Response, string, error) {
	c.SetDeadline(time.Now().Add(bound))
	io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n")
	return c.answer()
}

func (c *client) answer() (*http.Response, string, error) {
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(r.Body)
	return r, string(b), err
}

// socket changes to the protocol that echoes.
func (c *client) socket() error {
	c.SetDeadline(time.Now().Add(bound))
	io.WriteString(c, "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r, err := http.ReadResponse(c.r, nil)
	if err == nil && r.StatusCode != 101 {
		err = errors.New(r.Status)
	}
	return err
}

func (c *client) echo() error {
	c.SetDeadline(time.Now().Add(bound))
	b := []byte("ping")
	if _, err := c.Write(b); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.r, b); err != nil || string(b) != "ping" {
		return fmt.Errorf("the echo is %q: %w", b, err)
	}
	return nil
}

// command runs tinygate to its end.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), childVariable+"=0")
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), problems.String()
}

// Messages about a file name its place and go to stderr; the exit code is 1 for what is wrong and 2 for a wrong command line.
func TestCheckAndRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.yaml", "listen: 127.0.0.1:0\nto: 127.0.0.1:1\n")
	wrong := write("wrong.yaml", "listen: 127.0.0.1:0\nto: 127.0.0.1\nlimit: {body: 1}\n")
	risky := write("risky.yaml", "listen: 127.0.0.1:0\nupstreams: {u: 127.0.0.1:1, unused: 127.0.0.1:2}\nroutes: [{to: u}]\n")
	for _, tc := range []struct {
		args           []string
		code           int
		stdout, stderr string // parts by |; "": nothing
	}{
		{[]string{"check", good}, 0, good + " is good: listeners 1, routes 1, upstreams 1", ""},
		{[]string{"check", risky}, 0, "is good", "warning: " + risky + ":2:|unused"},
		{[]string{"check", wrong}, 1, "", wrong + ":2:5: |" + wrong + ":3:1: "},
		{[]string{"run", wrong}, 1, "", wrong + ":2:5: |" + wrong + ":3:1: "},
		{[]string{"check", dir + "/none.yaml"}, 1, "", "tinygate: configuration: |none.yaml|no such file"},
		{[]string{"run", dir + "/none.yaml"}, 1, "", "no such file"},
		{[]string{"check", dir}, 1, "", "is a directory"},
		{[]string{"check"}, 2, "", "tinygate check takes one FILE"},
		{[]string{"check", good, wrong}, 2, "", "takes one FILE"},
		{[]string{"run"}, 2, "", "tinygate run takes one FILE"},
		{[]string{"run", good, "--nonsense"}, 2, "", "nonsense"},
		{[]string{"run", good, "--engine", "nonsense"}, 2, "", "uring, epoll and std"},
		{[]string{"run", "--help"}, 0, "", "tinygate run FILE|-engine|-loops"},
		{[]string{"check", "--help"}, 0, "", "tinygate check FILE"},
		{[]string{"drain", "web"}, 2, "", "UPSTREAM SERVER"},
		{[]string{"status", "--admin", "unix:" + dir + "/none.sock"}, 1, "", "it does not run"},
	} {
		t.Run(strings.ReplaceAll(strings.Join(tc.args, " "), dir, ""), func(t *testing.T) {
			code, stdout, stderr := command(t, tc.args...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, s := range []struct{ name, got, want string }{{"stdout", stdout, tc.stdout}, {"stderr", stderr, tc.stderr}} {
				if s.want == "" && s.got != "" {
					t.Errorf("%s has %q", s.name, s.got)
				}
				for part := range strings.SplitSeq(s.want, "|") {
					if !strings.Contains(s.got, part) {
						t.Errorf("%s is %q, without %q", s.name, s.got, part)
					}
				}
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("lacks: a user whom modes of files hold back")
	}
	path := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(path, nil, 0); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(t, "check", path); code != 1 || !strings.Contains(stderr, "permission denied") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// The greeting names the file, where to try it, and the engine with its reason.
func TestGreetingOfAFile(t *testing.T) {
	s := newSite(t, 1)
	s.write("listen: 127.0.0.1:0\nto: @0\n")
	p := start(t, "0", nil, "run", s.file)
	if got := p.get("/"); got != "ok" {
		t.Error(got)
	}
	p.wants("tinygate serves "+s.file+" on http://"+p.addr+"/ - try: curl -i http://"+p.addr+"/", "engine ", ": ")
}

// SIGTERM lets what is in flight end, closes idle connections at once, answers 503 to who asks for its health, and gives
// WebSockets the limit of draining.
func TestEnd(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1)
			s.write("listen: 127.0.0.1:0\nto: @0\ndrain: 2s\nadmin: unix:DIR/admin.sock\n")
			p := s.run(e)
			idle, busy, socket := p.dial(), p.dial(), p.dial()
			if _, _, err := idle.ask("/", ""); err != nil {
				t.Fatal(err)
			}
			if err := socket.socket(); err != nil {
				t.Fatal(err)
			}
			io.WriteString(busy, "GET /hang HTTP/1.1\r\nHost: h\r\n\r\n")
			await(t, s.up[0].hanging, "the request")
			if code, _ := s.scrape("/health"); code != 200 {
				t.Errorf("before the end /health is %d", code)
			}
			began := time.Now()
			p.Process.Signal(syscall.SIGTERM)
			if _, err := idle.r.ReadByte(); err != io.EOF {
				t.Errorf("an idle connection: %v", err)
			}
			// What follows shows that the end was still to come.
			if code, text := s.scrape("/health"); code != 503 || !strings.Contains(text, "draining") {
				t.Errorf("at the end /health is %d, %s", code, text)
			}
			s.told([]string{"draining"}, "status")
			s.up[0].answer <- struct{}{}
			if r, text, err := busy.answer(); err != nil || text != "ok" || !r.Close {
				t.Errorf("the request in flight: %v, %q, %v", r, text, err)
			}
			if err := socket.echo(); err != nil {
				t.Errorf("a WebSocket while the program ends: %v", err)
			}
			if _, err := socket.r.ReadByte(); err == nil {
				t.Error("a WebSocket sends what nobody has sent")
			}
			if took := time.Since(began); took < 1900*time.Millisecond || took > 10*time.Second {
				t.Errorf("a WebSocket got %v of 2 s", took)
			}
			if code := p.wait(); code != 1 {
				t.Errorf("exit code %d", code)
			}
			p.wants("were cut short after 2")
		})
	}
}

// A client of the admin address that does not go on with its request holds up the end for about a second, whatever drain is.
func TestSlowAdminClientDoesNotHoldTheEnd(t *testing.T) {
	s := newSite(t, 0)
	s.write("listen: 127.0.0.1:0\nroutes: [{answer: 204}]\ndrain: 100ms\nadmin: unix:DIR/admin.sock\n")
	p := s.run("std")
	c, err := net.Dial("unix", s.dir+"/admin.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
	s.scrape("/health") // the connection before has been accepted
	began := time.Now()
	p.Process.Signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// A command gives up when it is interrupted, however long the program that it asks may take.
func TestCommandEndsWhenInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	ln, err := net.Listen("unix", path) // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"status", "--admin", "unix:" + path}, io.Discard, io.Discard) }()
	ln.(*net.UnixListener).SetDeadline(time.Now().Add(bound))
	c, err := ln.Accept() // it waits for its answer
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel() // as main does at SIGINT
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the command goes on")
	}
}

// Reloads that are asked for at the same time, by signals and by the API, are done one after the other: the file that was
// written last is the one that holds.
func TestReloadsAtOnce(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			const files = 20
			s := newSite(t, 1)
			file := func(n int) string {
				return fmt.Sprintf("listen: 127.0.0.1:0\nadmin: unix:DIR/admin.sock\nroutes: [{to: @0, response_headers: {set: {X-N: '%d'}}}]\n", n)
			}
			s.write(file(0))
			p := s.run(e)
			var all sync.WaitGroup
			for n := 1; n <= files; n++ {
				s.write(file(n))
				p.Process.Signal(syscall.SIGHUP)
				for range 2 {
					all.Go(func() { s.told(nil, "reload") })
				}
			}
			all.Wait()
			c := p.dial()
			eventually(t, "the last file", func() bool {
				r, _, err := c.ask("/", "")
				if err != nil {
					t.Fatal(err)
				}
				return r.Header.Get("X-N") == fmt.Sprint(files)
			})
			s.told([]string{"nothing has changed"}, "reload")
		})
	}
}

// TestLogOfALargeReload has a reload change more routes than the program's log takes at once.
func TestLogOfALargeReload(t *testing.T) {
	const routes = 3000
	s := newSite(t, 0)
	write := func(status int) {
		text := "listen: 127.0.0.1:0\nadmin: unix:DIR/admin.sock\nroutes:\n"
		for i := range routes {
			text += fmt.Sprintf("  - {host: h%d.example, answer: %d}\n", i, status)
		}
		s.write(text)
	}
	write(404)
	p := s.run("std")
	write(410)
	s.told([]string{"route h0.example: changed"}, "reload")
	p.Process.Signal(syscall.SIGTERM)
	p.wait()
	out := p.out.String()
	if n := strings.Count(out, ": changed"); n != routes || strings.Contains(out, "records were dropped") {
		t.Errorf("the log tells of %d of %d routes", n, routes)
	}
}
