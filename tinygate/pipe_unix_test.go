//go:build unix

package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The reader of a log on stdout or stderr may end, such as a log shipper that is restarted: the gate goes on serving, and ends
// as it is told to.
func TestReaderOfALogEnds(t *testing.T) {
	for _, e := range engines(t) {
		for _, where := range []string{"stdout", "stderr"} {
			t.Run(e+"/"+where, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, 0)
				s.write("listen: 127.0.0.1:0\naccess_log: " + where + "\nroutes: [{answer: 204}]\n")
				p, r := startInto(t, where, e, s.file)
				defer p.Process.Kill()
				readerEnds(t, p, r, where)
				p.Process.Signal(syscall.SIGTERM)
				if code := p.wait(); code != 0 {
					t.Errorf("%v\n%s", p.ProcessState, &p.out)
				}
			})
		}
	}
}

// It may also hang. The gate then ends as well when it is told to.
func TestReaderOfALogHangs(t *testing.T) {
	for _, where := range []string{"stdout", "stderr"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 0)
			s.write("listen: 127.0.0.1:0\naccess_log: " + where + "\nroutes: [{answer: 204}]\n")
			p, r := startInto(t, where, "std", s.file)
			defer p.Process.Kill()
			url := readUntilServed(t, p, r, where)
			long := strings.Repeat("x", 7000)
			for range 40 { // more than a pipe takes
				resp, err := http.Get(url + long)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			if _, err := r.Read(make([]byte, 1)); err != nil { // now there is a write that does not end
				t.Fatal(err)
			}
			p.Process.Signal(syscall.SIGTERM)
			if code := p.wait(); code != 0 {
				t.Errorf("%v\n%s", p.ProcessState, &p.out)
			}
		})
	}
}

// startInto starts tinygate on a file, with one of its outputs in a pipe whose reader is returned.
func startInto(t *testing.T, where, engine, file string) (*process, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	p := &process{Cmd: exec.Command(os.Args[0], "run", file), t: t, done: make(chan struct{})}
	p.Env = append(os.Environ(), childVariable+"=0", "UNIO_ENGINE="+engine)
	p.Stdout, p.Stderr = &p.out, &p.out
	if where == "stdout" {
		p.Stdout = w
	} else {
		p.Stderr = w
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.Wait()
		p.code = p.ProcessState.ExitCode()
	}()
	return p, r
}

var urlServed = regexp.MustCompile(` on (http://\S+/) - try`)

// readUntilServed reads the greeting, and returns where the gate serves.
func readUntilServed(t *testing.T, p *process, r *os.File, where string) (url string) {
	t.Helper()
	find := func(text string) bool {
		m := urlServed.FindStringSubmatch(text)
		if m != nil {
			url = m[1]
		}
		return m != nil
	}
	if where == "stdout" {
		in := bufio.NewReader(r)
		greeting, _ := in.ReadString('\n')
		find(greeting)
		in.ReadString('\n') // the engine; nothing is written after it
	} else {
		eventually(t, "the greeting", func() bool { return find(p.out.String()) })
	}
	return url
}

// readerEnds closes the pipe and sees that requests are answered after the gate has written to it.
func readerEnds(t *testing.T, p *process, r *os.File, where string) {
	t.Helper()
	url := readUntilServed(t, p, r, where)
	r.Close()
	ask := func() {
		t.Helper()
		resp, err := http.Get(url)
		if err != nil {
			t.Fatalf("%v\n%s", err, &p.out)
		}
		resp.Body.Close()
	}
	ask()
	if where == "stdout" {
		eventually(t, "the write that fails", func() bool {
			select {
			case <-p.done:
				t.Fatalf("the gate has ended: %v\n%s", p.ProcessState, &p.out)
			default:
			}
			return strings.Contains(p.out.String(), "the access log cannot be written")
		})
	} else { // there is nowhere left to tell it: lines are written every second
		time.Sleep(2500 * time.Millisecond)
	}
	ask()
}
