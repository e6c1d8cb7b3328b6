package gate_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// What happens to a request when its first server fails. Each cell says how often each server got the request, and what the
// client gets: "1+1 200" is once to the first, once to the second, which answers. Idempotent are GET, HEAD, PUT and DELETE,
// also with a body that is held back (buffer: request); others are POST and PATCH, also held back; streamed is a PUT whose
// body was not all there when it was sent on.
//
// One server fails and a backup is good, but in the rows of "all", where all three fail; there the order is not that of the
// servers.
var retryTable = []struct {
	fails                        string
	rule                         config.Retry
	idempotent, others, streamed string
}{
	// Nothing was sent, so any method may go to another server.
	{"refuses", config.Retry{Tries: 1, Connect: true, Reset: true, Timeout: true, Status: sorry}, "0+0 502", "0+0 502", "0+0 502"},
	{"refuses", config.Retry{Tries: 2, Reset: true, Timeout: true, Status: sorry}, "0+0 502", "0+0 502", "0+0 502"},
	{"refuses", config.Retry{Tries: 2, Connect: true}, "0+1 200", "0+1 200", "0+1 200"},
	{"refuses", config.Retry{Tries: 3, Connect: true}, "0+1 200", "0+1 200", "0+1 200"},

	// The server has read the request and closes: it may have acted on it.
	{"resets", config.Retry{Tries: 1, Connect: true, Reset: true, Timeout: true, Status: sorry}, "1+0 502", "1+0 502", "1+0 502"},
	{"resets", config.Retry{Tries: 2, Connect: true, Timeout: true, Status: sorry}, "1+0 502", "1+0 502", "1+0 502"},
	{"resets", config.Retry{Tries: 2, Reset: true}, "1+1 200", "1+0 502", "1+0 502"},
	{"closes", config.Retry{Tries: 2, Reset: true}, "1+1 200", "1+0 502", "1+0 502"},
	{"all reset", config.Retry{Tries: 2, Reset: true}, "1+1+0 502", "1+0+0 502", "1+0+0 502"},
	{"all reset", config.Retry{Tries: 3, Reset: true}, "1+1+1 502", "1+0+0 502", "1+0+0 502"},
	{"all reset", config.Retry{Tries: 9, Reset: true}, "1+1+1 502", "1+0+0 502", "1+0+0 502"},

	// A connection from the pool is closed when the request comes. Its replacement belongs to the same try.
	{"resets pooled", config.Retry{Tries: 1, Reset: true}, "1+0 502", "1+0 502", "1+0 502"},
	{"resets pooled", config.Retry{Tries: 2, Connect: true, Timeout: true, Status: sorry}, "1+0 502", "1+0 502", "1+0 502"},
	{"resets pooled", config.Retry{Tries: 2, Reset: true}, "2+0 200", "1+0 502", "1+0 502"},
	{"resets pooled and new", config.Retry{Tries: 2, Reset: true}, "2+1 200", "1+0 502", "1+0 502"},

	// Part of a response has come: the server has acted on the request, and it is not sent again whatever the rule says.
	{"breaks off in the head", config.Retry{Tries: 3, Connect: true, Reset: true, Timeout: true, Status: sorry},
		"1+0 502", "1+0 502", "1+0 502"},
	{"closes after 103", config.Retry{Tries: 3, Connect: true, Reset: true, Timeout: true, Status: sorry},
		"1+0 502", "1+0 502", "1+0 502"},
	{"answers garbage", config.Retry{Tries: 3, Connect: true, Reset: true, Timeout: true, Status: sorry},
		"1+0 502", "1+0 502", "1+0 502"},

	{"is silent", config.Retry{Tries: 1, Connect: true, Reset: true, Timeout: true, Status: sorry}, "1+0 504", "1+0 504", "1+0 504"},
	{"is silent", config.Retry{Tries: 2, Connect: true, Reset: true, Status: sorry}, "1+0 504", "1+0 504", "1+0 504"},
	{"is silent", config.Retry{Tries: 2, Timeout: true}, "1+1 200", "1+0 504", "1+0 504"},
	{"all are silent", config.Retry{Tries: 3, Timeout: true}, "1+1+1 504", "1+0+0 504", "1+0+0 504"},

	// When no more is to be tried, the client gets the last response as it is.
	{"answers 503", config.Retry{Tries: 1, Status: sorry}, "1+0 503", "1+0 503", "1+0 503"},
	{"answers 503", config.Retry{Tries: 2, Connect: true, Reset: true, Timeout: true}, "1+0 503", "1+0 503", "1+0 503"},
	{"answers 503", config.Retry{Tries: 2, Status: sorry}, "1+1 200", "1+0 503", "1+0 503"},
	{"all answer 503", config.Retry{Tries: 2, Status: sorry}, "1+1+0 503", "1+0+0 503", "1+0+0 503"},
	{"all answer 503", config.Retry{Tries: 9, Status: sorry}, "1+1+1 503", "1+0+0 503", "1+0+0 503"},
}

var sorry = []int{503}

// retryMethods are the requests of one row, each with its column.
var retryMethods = []struct {
	method, path string
	body         int
	column       int
}{
	{"GET", "/get", 0, 0},
	{"HEAD", "/head", 0, 0},
	{"DELETE", "/delete", 0, 0},
	{"PUT", "/put", 5, 0},
	{"PUT", "/held/put", 100 << 10, 0},
	{"POST", "/post", 5, 1},
	{"PATCH", "/patch", 0, 1},
	{"POST", "/held/post", 100 << 10, 1},
	{"PUT", "/streamed", 100 << 10, 2},
}

func TestRetries(t *testing.T) {
	for _, row := range retryTable {
		t.Run(fmt.Sprintf("%s, %d tries", row.fails, row.rule.Tries), func(t *testing.T) {
			seen := new(seenRequests)
			servers := []func(*testing.T) string{seen.server(row.fails), seen.server("")}
			if strings.HasPrefix(row.fails, "all ") {
				servers = []func(*testing.T) string{seen.server(row.fails), seen.server(row.fails), seen.server(row.fails)}
			}
			testRetries(t, seen, row.fails, row.rule, [3]string{row.idempotent, row.others, row.streamed}, servers...)
		})
	}
}

// testRetries holds one row against the requests that servers get.
func testRetries(t *testing.T, seen *seenRequests, fails string, rule config.Retry, want [3]string, servers ...func(*testing.T) string) {
	change := func(cfg *config.Config) {
		retryConfig(cfg, rule)
		if u := cfg.Upstreams[0]; len(u.Servers) == 2 {
			u.Servers[1].Backup = true
		}
	}
	// A limit that is not to be reached must not be: a busy machine may be late with what comes at once.
	times := config.Times{Response: bound, Connect: bound}
	switch {
	case strings.Contains(fails, "silent"):
		times.Response = 2 * short
	case fails == "does not accept":
		times.Connect = short
	}
	eachEngine(t, setup{Times: times, Change: change}, func(w *world) {
		seen.reset(w.g.Config().Upstreams[0].Servers)
		var all sync.WaitGroup
		for _, m := range retryMethods {
			once := func() {
				status := w.ask(m.method, m.path, m.body)
				if got := seen.count(m.path, strings.HasPrefix(fails, "all ")) + " " + status; got != want[m.column] {
					w.Errorf("%s %s: %s, want %s", m.method, m.path, got, want[m.column])
				}
			}
			if strings.Contains(fails, "pooled") {
				w.ask("GET", "/prime", 0)
				once()
				continue
			}
			all.Go(once)
		}
		all.Wait()
	}, servers...)
}

// retryConfig has the rule, for all that is below /held/ with bodies held back too. No server is ejected.
func retryConfig(cfg *config.Config, rule config.Retry) {
	rule.Budget = 100
	cfg.Upstreams[0].Eject.Failures = 0
	r := cfg.Routes[0]
	r.Retry = rule
	held := *r
	held.Name, held.Path = "held", config.Path{Kind: config.PathPrefix, Text: "/held/"}
	held.Buffer = config.Buffer{Request: true, Bytes: 256 << 10}
	cfg.Routes = append(cfg.Routes, &held)
}

// ask sends a request on a connection of its own, and returns the status of the response.
func (w *world) ask(method, path string, body int) string {
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Error(err)
		return ""
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	go fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", method, path, body, strings.Repeat("x", body))
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return err.Error()
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return err.Error()
		}
		if r.StatusCode >= 200 {
			return fmt.Sprint(r.StatusCode)
		}
	}
}

// seenRequests counts the requests that servers have got, by path.
type seenRequests struct {
	mu    sync.Mutex
	order []string // of the servers
	got   map[string]int
}

func (s *seenRequests) reset(servers []config.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order, s.got = nil, map[string]int{}
	for _, e := range servers {
		s.order = append(s.order, e.Address)
	}
}

func (s *seenRequests) note(server, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got[server+path]++
}

// count is how often each server got a path, the one that got it most first where that is asked for.
func (s *seenRequests) count(path string, sorted bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, server := range s.order {
		all = append(all, fmt.Sprint(s.got[server+path]))
	}
	if sorted {
		slices.Sort(all)
		slices.Reverse(all)
	}
	return strings.Join(all, "+")
}

// server is an upstream that fails in the way that is named, or answers.
func (s *seenRequests) server(fails string) func(*testing.T) string {
	if fails == "refuses" {
		return dead
	}
	return script(func(t *testing.T, c *peer, _ int) {
		for n := 1; ; n++ {
			head, err := c.head()
			if err != nil {
				return
			}
			path := strings.Fields(head)[1]
			s.note(c.LocalAddr().String(), path)
			io.CopyN(io.Discard, c.r, int64(length(head)))
			if path == "/prime" {
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			} else if !fail(c, fails, n) {
				return
			}
		}
	})
}

func length(head string) (n int) {
	fmt.Sscan(value(head, "Content-Length"), &n)
	return n
}

// fail does with the nth request of a connection what the name says, and reports whether the connection goes on.
func fail(c *peer, how string, n int) bool {
	reset := func() bool { c.Conn.(*net.TCPConn).SetLinger(0); return false }
	switch how {
	case "resets", "all reset", "resets pooled and new":
		return reset()
	case "resets pooled":
		if n > 1 {
			return reset()
		}
	case "closes":
		return false
	case "breaks off in the head":
		c.send("HTTP/1.1 200 OK\r\nA:")
		return false
	case "closes after 103":
		c.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
		return false
	case "answers garbage":
		c.send("SSH-2.0-x\r\n")
		return false
	case "is silent", "all are silent":
		io.Copy(io.Discard, c.r)
		return false
	case "answers 503", "all answer 503":
		return c.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") == nil
	}
	return c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == nil
}

// A response with a status to try again for goes to the client as it came when there is no server left to ask.
func TestLastResponseIsPassedOn(t *testing.T) {
	change := func(cfg *config.Config) { retryConfig(cfg, config.Retry{Tries: 3, Status: sorry}) }
	eachEngine(t, setup{Change: change}, func(w *world) {
		c := w.dial()
		for range 3 {
			c.send(getRoot)
			if m := c.wantStatus("503"); value(m, "Retry-After") != "7" || !strings.HasSuffix(m, "sorry") {
				w.Errorf("%q", m)
			}
		}
		w.eventually("the third response that counts against the server", func() bool {
			return w.g.Servers()[0].Outcomes[cluster.StatusRetried] == 3
		})
	}, replies("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nsorry"))
}

// Beyond the budget a request is not sent again, and the client gets what the first server has given. A budget of nothing
// leaves the ten a second that every upstream has, of which ten seconds are good at once.
func TestRetryBudget(t *testing.T) {
	const requests, floor = 200, 100
	change := func(cfg *config.Config) {
		retryConfig(cfg, config.Retry{Tries: 2, Status: sorry})
		for _, r := range cfg.Routes {
			r.Retry.Budget = 0
		}
		cfg.Upstreams[0].Servers[1].Backup = true
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		c, again := w.dial(), 0
		began := time.Now()
		for range requests {
			c.send(getRoot)
			if m, _ := c.message(false); strings.HasPrefix(m, "HTTP/1.1 200 ") {
				again++
			} else if !strings.HasPrefix(m, "HTTP/1.1 503 ") {
				w.Fatalf("%q", m)
			}
		}
		if most := floor + 10*int(time.Since(began)/time.Second+1); again < floor || again > most {
			w.Errorf("%d of %d requests were sent again, want %d to %d", again, requests, floor, most)
		}
	}, replies("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), replies(ok))
}
