package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// childVariable makes the test's binary be tinygate. Its value is the error with which io_uring_setup
// fails, 0 for none.
const childVariable = "TINYGATE_TEST_CHILD"

func TestMain(m *testing.M) {
	errno, child := os.LookupEnv(childVariable)
	if !child {
		os.Exit(m.Run())
	}
	if err := forbidRings(errno); err != nil {
		fmt.Println("no filter:", err)
		os.Exit(99)
	}
	main()
}

// process is tinygate as a process of its own.
type process struct {
	*exec.Cmd
	t    *testing.T
	addr string   // where it serves; empty when it has ended instead
	urls []string // of all listeners, without the slash at the end
	out  output
	code int
	done chan struct{}
}

// output is what the process has written so far.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

const bound = 30 * time.Second

var served = regexp.MustCompile(` on (\S+/(?:, \S+/)*) - try: curl -i `)

// start runs tinygate until it serves or has ended. env is for variables such as UNIO_ENGINE=epoll.
func start(t *testing.T, errno string, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), t: t, done: make(chan struct{})}
	p.Env = append(append(os.Environ(), "UNIO_ENGINE=", childVariable+"="+errno), env...)
	p.Stdout, p.Stderr = &p.out, &p.out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.Wait()
		p.code = p.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("tinygate %q wrote:\n%s", args, &p.out)
		}
	})
	for end := time.Now().Add(bound); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if m := served.FindStringSubmatch(p.out.String()); m != nil && strings.Contains(p.out.String(), "engine ") {
			for url := range strings.SplitSeq(m[1], ", ") {
				p.urls = append(p.urls, strings.TrimSuffix(url, "/"))
			}
			_, p.addr, _ = strings.Cut(p.urls[0], "://")
			return p
		}
		select {
		case <-p.done:
			if p.code == 99 {
				t.Skipf("lacks: seccomp filters: %s", &p.out)
			}
			return p
		default:
		}
	}
	t.Fatalf("tinygate neither serves nor ends:\n%s", &p.out)
	return nil
}

// wait waits for the end and returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(bound):
		p.t.Fatal("tinygate does not end")
	}
	return p.code
}

// wants fails unless the output has all of the words.
func (p *process) wants(words ...string) {
	p.t.Helper()
	for _, w := range words {
		if !strings.Contains(p.out.String(), w) {
			p.t.Errorf("the output lacks %q:\n%s", w, &p.out)
		}
	}
}

// get fetches a page through tinygate.
func (p *process) get(path string) string {
	p.t.Helper()
	if p.addr == "" {
		p.t.Fatalf("tinygate does not serve:\n%s", &p.out)
	}
	client := http.Client{Timeout: bound}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://" + p.addr + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 || r.Header.Get("Via") == "" {
		p.t.Errorf("%s: %v, %v, %v", path, r.Status, r.Header, err)
	}
	return string(b)
}

// engines are those that work here.
func engines(t *testing.T) []string {
	only := os.Getenv(uniotest.EngineVariable)
	var all []string
	for _, e := range uniotest.Engines() {
		if err := uniotest.Refused(e); err != nil {
			t.Logf("not %s: %v", e, err)
		} else if only == "" || only == string(e) {
			all = append(all, string(e))
		}
	}
	return all
}

func TestDemo(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			p := start(t, "0", nil, "--listen", "127.0.0.1:0", "--engine", e)
			if s := p.get("/"); !strings.Contains(s, "Hello") {
				t.Error(s)
			}
			if s := p.get("/headers"); !strings.Contains(s, "X-Forwarded-For: 127.0.0.1") {
				t.Error(s)
			}
			if s := p.get("/slow"); !strings.HasSuffix(s, "piece 5\n") {
				t.Error(s)
			}
			p.wants("engine "+e, "a demo upstream", "chosen by Options.Engine")
		})
		t.Run(e+" by UNIO_ENGINE", func(t *testing.T) {
			p := start(t, "0", []string{"UNIO_ENGINE=" + e}, "--listen", "127.0.0.1:0", "--loops", "1")
			p.get("/")
			p.wants("engine "+e+" on 1 loop,", "UNIO_ENGINE")
		})
	}
}

func TestCommandLine(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, tc := range []struct {
		args  []string
		code  int
		words []string
	}{
		{[]string{"--help"}, 0, []string{"--to", "-listen", "-engine", "-loops", "-grace", "UNIO_ENGINE"}},
		{[]string{"help"}, 0, []string{"--to", "-listen"}},
		{[]string{"--nonsense"}, 2, []string{"tinygate: flag provided but not defined: -nonsense; tinygate --help"}},
		{[]string{"--grace", "5"}, 2, []string{`tinygate: invalid value "5" for flag -grace: `}},
		{[]string{"--engine", "nonsense"}, 2, []string{"auto, uring, epoll and std"}},
		{[]string{"--loops", "-1"}, 2, []string{"--loops -1", "number of threads"}},
		{[]string{"--grace", "-1s"}, 2, []string{"--grace -1s"}},
		{[]string{"127.0.0.1:80"}, 2, []string{"no command \"127.0.0.1:80\"", "flags, which begin with --"}},
		{[]string{"--to", "localhost"}, 1, []string{`"localhost" is not HOST:PORT`}},
		{[]string{"--to", "http://localhost:80"}, 1, []string{"is a URL; write localhost:80"}},
		{[]string{"--listen", busy.Addr().String()}, 1, []string{"address already in use", "--listen"}},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			p := start(t, "0", nil, tc.args...)
			if code := p.wait(); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			p.wants(tc.words...)
		})
	}
}

func TestUnknownEngineInTheEnvironment(t *testing.T) {
	p := start(t, "0", []string{"UNIO_ENGINE=nonsense"}, "--listen", "127.0.0.1:0")
	if p.wait() != 1 {
		t.Error("it has not failed")
	}
	p.wants("UNIO_ENGINE", `"nonsense"`, "uring, epoll and std")
}

// SIGTERM lets a request in flight finish and refuses new connections; a second one does not wait.
func TestSignals(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			t.Parallel()
			asked, answer := make(chan struct{}, 10), make(chan struct{}, 10)
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				select {
				case <-answer:
				case <-r.Context().Done():
				}
				io.WriteString(w, "late")
			}))
			defer up.Close()
			for _, signals := range []int{1, 2} {
				p := start(t, "0", nil, "--listen", "127.0.0.1:0", "--to", up.Listener.Addr().String(), "--engine", e)
				c, err := net.Dial("tcp", p.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(bound))
				io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
				await(t, asked, "the request")
				p.Process.Signal(syscall.SIGTERM)
				for end := time.Now().Add(bound); !refused(p.addr); time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("it still listens")
					}
				}
				if signals == 2 {
					p.Process.Signal(syscall.SIGTERM)
					if p.wait(); p.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
						t.Errorf("ended by %v", p.ProcessState)
					}
					continue
				}
				answer <- struct{}{}
				r, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				if b, _ := io.ReadAll(r.Body); string(b) != "late" || !r.Close {
					t.Errorf("%q, close %v", b, r.Close)
				}
				if code := p.wait(); code != 0 {
					t.Errorf("exit code %d", code)
				}
				p.wants("tinygate ends")
			}
		})
	}
}

func refused(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return true
	}
	c.Close()
	return false
}

// In a sandbox that forbids io_uring, a wish for it fails with the reason and the cure, and no wish
// serves on epoll.
func TestSandboxWithoutRings(t *testing.T) {
	if err := uniotest.Refused(unio.Uring); err != nil {
		t.Skipf("lacks: uring: %v", err)
	}
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS} {
		t.Run(fmt.Sprint(int(errno)), func(t *testing.T) {
			n := fmt.Sprint(int(errno))
			p := start(t, n, nil, "--listen", "127.0.0.1:0", "--engine", "uring")
			if p.addr != "" || p.wait() != 1 {
				t.Error("it has not failed")
			}
			p.wants("engine uring", "cannot work here", "seccomp", "io_uring_setup")
			p = start(t, n, []string{"UNIO_ENGINE=uring"}, "--listen", "127.0.0.1:0")
			if p.addr != "" || p.wait() != 1 {
				t.Error("it has not failed")
			}
			p.wants("UNIO_ENGINE", "seccomp")
			p = start(t, n, nil, "--listen", "127.0.0.1:0")
			p.get("/")
			next := string(uniotest.Engines()[1]) // epoll, unless this build has none
			p.wants("engine "+next+" on ", "not uring", "seccomp")
		})
	}
}
