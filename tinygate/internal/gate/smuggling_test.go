package gate_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/http1/http1test"
)

// tape is what an upstream has got: whole requests, and beginnings of some at the end of a connection.
type tape struct {
	mu          sync.Mutex
	whole, torn []string
}

func (tp *tape) note(to *[]string, m string) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	*to = append(*to, canonical(m))
}

func (tp *tape) take() []string {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	got := tp.whole
	tp.whole = nil
	return got
}

// upstream returns one that plays to the tape, and answers what is whole.
func (tp *tape) upstream(t *testing.T) string {
	return script(func(_ *testing.T, c *peer, _ int) {
		for {
			c.SetDeadline(time.Now().Add(bound))
			m, err := c.request()
			if err != nil {
				if m != "" {
					tp.note(&tp.torn, m)
				}
				return
			}
			tp.note(&tp.whole, m)
			if c.send(ok) != nil {
				return
			}
		}
	})(t)
}

// canonical takes out of a message what the table does not have: the fields that the gate adds, and how a body was cut into
// chunks.
func canonical(m string) string {
	head, body, _ := strings.Cut(m, "\r\n\r\n")
	lines := slices.DeleteFunc(strings.Split(head, "\r\n"), func(line string) bool {
		return strings.HasPrefix(line, "X-Forwarded-") || strings.HasPrefix(line, "X-Real-IP:") || strings.HasPrefix(line, "Via:") ||
			strings.HasPrefix(line, "Date:")
	})
	head = strings.Join(lines, "\r\n") + "\r\n\r\n"
	if value(head, "Transfer-Encoding") != "chunked" {
		return head + body
	}
	payload := unchunk(body)
	_, trailer, ended := strings.Cut("\r\n"+body, "\r\n0\r\n")
	if len(payload) > 0 {
		head += fmt.Sprintf("%x\r\n%s\r\n", len(payload), payload)
	}
	if ended {
		head += "0\r\n" + trailer
	}
	return head
}

// Each row of the table goes through the gate: what is refused is answered and closed, and the upstream gets nothing of it.
// What follows on the same connection, or on another one, is understood as what it is.
func TestSmuggling(t *testing.T) {
	rows := http1test.Requests()
	var tp *tape
	eachEngine(t, setup{}, func(w *world) {
		for _, row := range rows {
			w.Run(row.Section+" "+row.Name, func(t *testing.T) {
				in := *w
				in.T = t
				in.smuggle(row, tp)
			})
		}
	}, func(t *testing.T) string {
		tp = new(tape)
		of := tp
		t.Cleanup(func() { // after the upstream has seen the end of all connections
			if got := of.take(); len(got) > 0 {
				t.Errorf("the upstream has got\n%q", got)
			}
			for _, m := range of.torn {
				if !strings.HasPrefix(m, "POST /spoiled HTTP/1.1\r\n") || strings.Contains(m, "smuggled") {
					t.Errorf("the upstream has got a part of\n%q", m)
				}
			}
		})
		return of.upstream(t)
	})
}

// smuggle sends a row and then a request that is beyond doubt.
func (w *world) smuggle(row http1test.Request, tp *tape) {
	c := w.dial()
	c.send(row.In)
	for range row.Out {
		c.wantStatus("200")
	}
	if row.Status > 0 {
		if m := c.wantStatus(strconv.Itoa(row.Status)); value(m, "Connection") != "close" {
			w.Errorf("the answer does not say that the connection is closed: %q", m)
		}
	}
	if row.Status > 0 || row.Last {
		c.wantEnd()
		c.Close()
		c = w.dial()
	}
	const sentinel = "GET /sentinel HTTP/1.1\r\nHost: sentinel\r\n\r\n"
	c.send(sentinel)
	c.wantStatus("200")
	c.Close()
	got := tp.take()
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], w.addr, "gate:80")
	}
	// The gate's routes see one slash for several, and so does the upstream.
	want := append(slices.Clone(row.Out), sentinel)
	for i := range want {
		want[i] = strings.Replace(want[i], "GET //", "GET /", 1)
	}
	if !slices.Equal(got, want) {
		w.Errorf("the upstream has got\n%q\nwant\n%q", got, want)
	}
}

// Each row of the table of responses goes through the gate. What follows on the connections of the client and the upstream
// belongs to the request that asked for it.
func TestResponseSmuggling(t *testing.T) {
	var current atomic.Pointer[http1test.Response]
	up := script(func(_ *testing.T, c *peer, n int) {
		for {
			c.SetDeadline(time.Now().Add(bound))
			m, err := c.request()
			if err != nil {
				return
			}
			if strings.HasPrefix(m, "GET /which ") {
				c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d", len(fmt.Sprint(n)), n))
				continue
			}
			row := current.Load()
			if c.send(row.In) != nil || row.End {
				return
			}
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		for _, row := range http1test.Responses() {
			w.Run(row.Section+" "+row.Name, func(t *testing.T) {
				in := *w
				in.T = t
				current.Store(&row)
				in.answerSmuggled(row)
			})
		}
	}, up)
}

// which asks for the number of the upstream's connection, which is then the one that the next request takes.
func (p *peer) which() string {
	p.t.Helper()
	p.send("GET /which HTTP/1.1\r\nHost: a\r\n\r\n")
	_, n, _ := strings.Cut(p.wantStatus("200"), "\r\n\r\n")
	return n
}

func (w *world) answerSmuggled(row http1test.Response) {
	c := w.dial()
	defer func() { c.Close() }()
	before := c.which()
	c.send(row.Method + " / HTTP/1.1\r\nHost: a\r\n\r\n")
	var got strings.Builder
	for final := false; !final; {
		m, err := c.message(row.Method == "HEAD" || c.noBody())
		if final = !strings.HasPrefix(m, "HTTP/1.1 1"); final && row.Reason != "" && !row.Spoiled {
			if !strings.HasPrefix(m, "HTTP/1.1 502 ") {
				w.Errorf("got %q, %v; want 502", m, err)
			}
			break
		}
		got.WriteString(canonical(m))
		if (err != nil) != row.Spoiled {
			w.Errorf("got %q, %v", m, err)
		}
		final = final || err != nil
	}
	if !strings.HasPrefix(got.String(), row.Out) || !row.Spoiled && got.String() != row.Out {
		w.Errorf("got\n%q\nwant\n%q", got.String(), row.Out)
	}
	if row.Spoiled {
		c.Close()
		c = w.dial()
	}
	if after := c.which(); (after == before) != row.Reuse {
		w.Errorf("upstream connection %s, before it was %s", after, before)
	}
}

// noBody reports whether the status of the response that comes next forbids one.
func (p *peer) noBody() bool {
	line, err := p.r.Peek(len("HTTP/1.1 200"))
	if err != nil {
		return false
	}
	status := string(line[len("HTTP/1.1 "):])
	return status[0] == '1' || status == "204" || status == "304"
}

// A change of protocol that the upstream refuses opens no tunnel: what the client sends behind it are requests, which say
// nothing about where they come from.
func TestRefusedUpgradeIsNoTunnel(t *testing.T) {
	got := make(chan string, 10)
	up := script(func(_ *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			got <- m
			if value(m, "Upgrade") != "" {
				c.send("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n")
				continue
			}
			c.send(ok)
		}
	})
	const upgrade = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n\r\n"
	const behind = "GET /behind HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n"
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send(upgrade + behind)
		c.wantStatus("426")
		c.wantStatus("200")
		await(w, got, "the first request")
		if m := await(w, got, "the second request"); !strings.HasPrefix(m, "GET /behind ") || strings.Contains(m, "9.9.9.9") {
			w.Errorf("the upstream has got %q", m)
		}
		c.send("GET / HTTP/1.1\nHost: h\r\n\r\n")
		c.wantStatus("400")
		c.wantEnd()
	}, up)
}
