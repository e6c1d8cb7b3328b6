package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// Every contender answers through the protocol that the comparison speaks with it.
func TestEveryServerAnswers(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			in, inW := io.Pipe()
			outR, out := io.Pipe()
			done := make(chan error, 1)
			go func() {
				err := Serve(name, in, out)
				out.CloseWithError(err)
				done <- err
			}()
			lines := bufio.NewReader(outR)
			line, err := lines.ReadString('\n')
			if err != nil {
				refused(t, name, err)
				return
			}
			ports := strings.Fields(strings.TrimPrefix(line, "ready "))
			switch len(ports) {
			case 1:
				echoOnce(t, ports[0])
			case 2:
				getOnce(t, "http://127.0.0.1:"+ports[0]+"/", 13)
				getOnce(t, "https://127.0.0.1:"+ports[1]+"/", 16<<10)
			default:
				t.Fatalf("%q", line)
			}
			fmt.Fprintln(inW, "stats")
			if line, err := lines.ReadString('\n'); err != nil || line[:6] != "stats " {
				t.Errorf("%q, %v", line, err)
			}
			inW.Close()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("the server does not stop")
			}
		})
	}
}

// refused skips where the machine lacks a server's engine, and fails where that is not why it did not start. A kernel without huge
// pages is told by unio, whose own test holds that to the kernel's setting: then the server has answered as it should.
func refused(t *testing.T, name string, why error) {
	t.Helper()
	engine, _, _ := strings.Cut(name, "/")
	engine, huge := strings.CutSuffix(engine, "-huge")
	switch engine {
	case "uring", "epoll":
		if err := uniotest.Refused(unio.Engine(engine)); err != nil {
			t.Skipf("lacks: the engine %s: %v", engine, err)
		}
		if huge && errors.Is(why, errors.ErrUnsupported) {
			return
		}
	case "uring-sqpoll":
		t.Skipf("lacks: a ring that the kernel polls: %v", why)
	}
	t.Fatal(why)
}

func echoOnce(t *testing.T, port string) {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	go func() { _, _ = c.Write(want) }()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the echo differs")
	}
}

// getOnce wants a body of so many bytes, twice on one connection.
func getOnce(t *testing.T, url string, size int) {
	t.Helper()
	client := http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	defer client.CloseIdleConnections()
	for range 2 {
		resp, err := client.Get(url + strconv.Itoa(size))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(body) != size {
			t.Fatalf("%s: %s, %d bytes, %v", url, resp.Status, len(body), err)
		}
	}
}

func TestUnknownServerIsAnError(t *testing.T) {
	if err := Serve("carrier-pigeon", &bytes.Buffer{}, io.Discard); err == nil {
		t.Error("no error")
	}
}
