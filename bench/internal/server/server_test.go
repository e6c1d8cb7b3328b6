package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// Every contender echoes through the protocol that the comparison speaks with it.
func TestEveryServerEchoes(t *testing.T) {
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
				t.Skip("cannot run here:", err)
			}
			var port int
			if _, err := fmt.Sscanf(line, "ready %d\n", &port); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			echoOnce(t, port)
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

func echoOnce(t *testing.T, port int) {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
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

func TestUnknownServerIsAnError(t *testing.T) {
	if err := Serve("carrier-pigeon", &bytes.Buffer{}, io.Discard); err == nil {
		t.Error("no error")
	}
}
