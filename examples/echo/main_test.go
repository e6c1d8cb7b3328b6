package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// TestEchoOnEveryEngine builds the program, runs it with each engine, and talks to it.
func TestEchoOnEveryEngine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "echo")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, engine := range uniotest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			if err := uniotest.Refused(engine); err != nil {
				t.Skip(err)
			}
			talk(t, start(t, name, engine))
		})
	}
}

// start runs the program and returns its address, which it logs.
func start(t *testing.T, name string, engine unio.Engine) (addr string) {
	cmd := exec.Command(name, "-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), unio.EngineVariable+"="+string(engine))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`echo on (\S+) with the engine (\S+)`).FindStringSubmatch(line)
	if m == nil || m[2] != string(engine) {
		t.Fatalf("the program said %q", line)
	}
	return m[1]
}

func talk(t *testing.T, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	want := bytes.Repeat([]byte("straight-line "), 1<<14)
	go func() {
		c.Write(want)
		c.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(want), err)
	}
}
