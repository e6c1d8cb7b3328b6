//go:build unix

package stream_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// loadVariable makes this program a client: "address tls rounds".
const loadVariable = "TINYGATE_STREAM_LOAD"

// TestMain is the client where the environment says so.
func TestMain(m *testing.M) {
	order := os.Getenv(loadVariable)
	if order == "" {
		os.Exit(m.Run())
	}
	if err := load(order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// clients is how many connections the load has.
const clients = 16

func load(order string) error {
	var addr string
	var secure bool
	var rounds int
	if _, err := fmt.Sscan(order, &addr, &secure, &rounds); err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make(chan error, clients)
	for k := range clients {
		all.Go(func() { errs <- loadOne(addr, secure, (rounds+k)/clients) })
	}
	all.Wait()
	for range clients {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func loadOne(addr string, secure bool, rounds int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	p := make([]byte, 128)
	for range rounds {
		if _, err := c.Write(p); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, p); err != nil {
			return err
		}
	}
	return nil
}

// cpuTime is the time that this process has computed so far, in nanoseconds.
func cpuTime() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkMessage is the CPU that a message of 128 bytes costs which wakes an idle connection, and its answer. The
// clients are another process. What crypto/tls alone needs for it is in package uniotls (BenchmarkSmallEchoFloor).
func BenchmarkMessage(b *testing.B) {
	cfg, _ := configs(b)
	for _, c := range []struct {
		kind string
		cfg  *tls.Config
	}{{"plain", nil}, {"tls", cfg}} {
		for _, name := range uniotest.Engines() {
			b.Run(fmt.Sprintf("%s/%s", c.kind, name), func(b *testing.B) {
				if err := uniotest.Refused(name); err != nil {
					b.Skip(err)
				}
				addr := serve(b, uniotest.New(b, &unio.Options{Engine: name}), c.cfg, echoes(b, nil))
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %v %d", loadVariable, addr, c.cfg != nil, b.N))
				cmd.Stderr = os.Stderr
				before := cpuTime()
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "server-ns/op")
			})
		}
	}
}
