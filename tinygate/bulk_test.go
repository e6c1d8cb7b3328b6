package main

import (
	"bufio"
	"crypto/sha256"
	"flag"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var bulkMiB = flag.Int64("bulk", bulkDefault, "`MiB` that are sent through tinygate in one body")

// memoryMax is how much memory tinygate may have had at any time, whatever the size of the bodies.
const memoryMax = 100 << 20

// stream is n bytes that depend on the seed, and their checksum as far as they have been read.
type stream struct {
	r    io.Reader
	mu   sync.Mutex
	sum  hash.Hash
	read int64
}

func newStream(seed byte, n int64) *stream {
	return &stream{r: io.LimitReader(rand.NewChaCha8([32]byte{seed}), n), sum: sha256.New()}
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Write(p[:n])
	s.read += int64(n)
	return n, err
}

// so tells how much has been read, with its checksum.
func (s *stream) so() (n int64, sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read, fmt.Sprintf("%x", s.sum.Sum(nil))
}

// peak is the most memory that the process has had resident.
func (p *process) peak() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		p.t.Skip("lacks: /proc/PID/status")
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(v, "kB")), 10, 64)
			return n << 10
		}
	}
	p.t.Fatal("no VmHWM")
	return 0
}

func (p *process) wantFlatMemory() {
	p.t.Helper()
	n := p.peak()
	p.t.Logf("at most %d MiB resident", n>>20)
	if n > memoryMax {
		p.t.Errorf("%d MiB were resident", n>>20)
	}
}

// bulk starts tinygate before an upstream that sends a stream for GET and takes one otherwise.
func bulk(t *testing.T, e string, size int64) (p *process, sent *stream) {
	sent = newStream(1, size)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			if r.URL.Path == "/length" {
				w.Header().Set("Content-Length", fmt.Sprint(size))
			}
			io.Copy(w, sent)
			return
		}
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		fmt.Fprintf(w, "%d %x %v", n, h.Sum(nil), err)
	}))
	t.Cleanup(up.Close)
	return start(t, "0", nil, "--listen", "127.0.0.1:0", "--to", up.Listener.Addr().String(), "--engine", e), sent
}

func TestBulk(t *testing.T) {
	size := *bulkMiB << 20
	if testing.Short() {
		size = 16 << 20
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, e := range engines(t) {
		for _, path := range []string{"/length", "/chunked"} {
			t.Run(e+"/down"+path, func(t *testing.T) {
				p, sent := bulk(t, e, size)
				r, err := client.Get("http://" + p.addr + path)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Body.Close()
				h := sha256.New()
				n, err := io.Copy(h, r.Body)
				got := fmt.Sprintf("%x", h.Sum(nil))
				if _, want := sent.so(); n != size || got != want || err != nil {
					t.Errorf("%d bytes with %s, want %d with %s: %v", n, got, size, want, err)
				}
				p.wantFlatMemory()
			})
			t.Run(e+"/up"+path, func(t *testing.T) {
				p, _ := bulk(t, e, size)
				body := newStream(2, size)
				q, err := http.NewRequest("PUT", "http://"+p.addr, struct{ io.Reader }{body})
				if err != nil {
					t.Fatal(err)
				}
				if path == "/length" {
					q.ContentLength = size
				}
				r, err := client.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Body.Close()
				got, _ := io.ReadAll(r.Body)
				n, sum := body.so()
				if want := fmt.Sprintf("%d %s <nil>", size, sum); string(got) != want || n != size {
					t.Errorf("%q, want %q", got, want)
				}
				p.wantFlatMemory()
			})
		}
	}
}

// A client that reads slowly holds the upstream back, costs no memory, and gets everything.
func TestSlowReader(t *testing.T) {
	const size = 64 << 20
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			p, sent := bulk(t, e, size)
			c, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.(*net.TCPConn).SetReadBuffer(64 << 10)
			io.WriteString(c, "GET /length HTTP/1.1\r\nHost: h\r\n\r\n")
			r, err := http.ReadResponse(bufio.NewReaderSize(c, 4096), nil)
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			for range 100 {
				if _, err := io.CopyN(h, r.Body, 10_000); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Millisecond)
			}
			// What is under way stands in the buffers of three sockets of the kernel, some MiB each, and
			// in ours.
			if n, _ := sent.so(); n > 40<<20 {
				t.Errorf("the upstream has sent %d MiB for 1 MB that was read", n>>20)
			}
			if _, err := io.Copy(h, r.Body); err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%x", h.Sum(nil))
			if _, want := sent.so(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			p.wantFlatMemory()
		})
	}
}
