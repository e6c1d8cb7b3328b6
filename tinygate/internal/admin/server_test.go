package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// exchange sends a request as it stands and reads the answer.
func exchange(t *testing.T, s *Server, request string) (*http.Response, string) {
	t.Helper()
	c := dial(t, s)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", path, len(body), body)
}

func ask(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
}

func TestEndpoints(t *testing.T) {
	for _, address := range []string{"unix:" + socket(t), "127.0.0.1:0"} {
		g := newFake()
		s := serve(t, address, g, 8, nil)
		for _, c := range []struct {
			request string
			status  int
			want    []string
		}{
			{ask("/"), 200, []string{`"path": "/undrain"`, `"method": "POST"`}},
			{ask("/status"), 200, []string{`"version": "1.2.3"`, `"reason": "it works here"`, `"uptime_seconds": 5400`, "tinygate.yaml"}},
			{ask("/upstreams"), 200, []string{`"state": "up"`, `"reason": "connection refused"`}},
			{ask("/metrics"), 200, []string{"tinygate_info 1"}},
			{ask("/health"), 200, []string{`"status": "ok"`}},
			{post("/drain", `{"upstream":"web","server":"10.0.0.1:80"}`), 200, []string{`"state": "draining"`}},
			{post("/undrain", `{"upstream":"web","server":"10.0.0.1:80"}`), 200, []string{`"state": "up"`}},
			{post("/drain", `{"upstream":"web","server":"x"}`), 404, []string{`unknown: upstream \"web\" has no server \"x\"`}},
			{post("/log-level", `{"level":"debug"}`), 200, []string{`"level": "debug"`}},
			{ask("/log-level"), 200, []string{`"level": "debug"`}},
			{post("/log-level", `{"level":"loud"}`), 400, []string{"but debug and info"}},
			{post("/reload", `{}`), 200, []string{`"ok": true`}},
		} {
			resp, body := exchange(t, s, c.request)
			if resp.StatusCode != c.status {
				t.Errorf("%q: %s, want %d: %s", c.request, resp.Status, c.status, body)
			}
			for _, w := range c.want {
				if !strings.Contains(body, w) {
					t.Errorf("%q: %s\nis without %s", c.request, body, w)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	s := serve(t, "127.0.0.1:0", newFake(), 8, nil)
	level := `{"level":"debug"}`
	for _, c := range []struct {
		name, request string
		status        int
		want          string
	}{
		{"no such path", ask("/nowhere"), 404, `"endpoints"`},
		{"wrong method", ask("/drain"), 405, "but POST"},
		{"wrong method", post("/status", "{}"), 405, "but GET"},
		{"unknown method", "DELETE /log-level HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405, "but GET and POST"},
		{"preflight", "OPTIONS /reload HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nConnection: close\r\n\r\n",
			403, "web pages"},
		{"a page's POST", strings.Replace(post("/log-level", level), "Host:", "Origin: http://evil.example\r\nHost:", 1), 403, "web pages"},
		{"a form's POST", strings.Replace(post("/log-level", level), "application/json", "text/plain", 1), 415, "application/json"},
		{"no type", strings.Replace(post("/log-level", level), "Content-Type: application/json\r\n", "", 1), 415, "application/json"},
		{"rebinding", strings.Replace(ask("/status"), "localhost", "evil.example:80", 1), 403, "loopback name"},
		{"rebinding", strings.Replace(post("/log-level", level), "localhost", "127.0.0.1.evil.example", 1), 403, "loopback name"},
		{"no host", "GET /status HTTP/1.0\r\n\r\n", 403, "loopback name"},
		{"long body", post("/log-level", `{"level":"`+strings.Repeat("x", bodyBytes)+`"}`), 413, "may have 65536"},
		{"not JSON", post("/log-level", "level=debug"), 400, "not what is expected"},
		{"unknown field", post("/log-level", `{"levle":"debug"}`), 400, "levle"},
		{"two objects", post("/log-level", level+level), 400, "goes on"},
		{"empty", post("/reload", ""), 400, "not what is expected"},
	} {
		resp, body := exchange(t, s, c.request)
		var f failure
		if err := json.Unmarshal([]byte(body), &f); err != nil || f.Error == "" || resp.StatusCode != c.status ||
			!strings.Contains(body, c.want) || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s, want %d with %q: %s", c.name, resp.Status, c.status, c.want, body)
		}
		if allow := resp.Header.Get("Allow"); (c.status == 405) != (allow != "") {
			t.Errorf("%s: Allow is %q", c.name, allow)
		}
	}
	if g := s.gate.LogLevel(); g != "info" {
		t.Errorf("a refused request has set the level to %s", g)
	}
	for _, host := range []string{"[::1]:80", "127.8.8.8", "LOCALHOST:1", "[::1]"} {
		if resp, body := exchange(t, s, strings.Replace(ask("/health"), "localhost", host, 1)); resp.StatusCode != 200 {
			t.Errorf("Host %s: %s %s", host, resp.Status, body)
		}
	}
}

func TestHealthWhileDraining(t *testing.T) {
	g := newFake()
	g.draining = true
	resp, body := exchange(t, serve(t, "unix:"+socket(t), g, 8, nil), ask("/health"))
	if resp.StatusCode != 503 || !strings.Contains(body, `"draining"`) {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestReloadThatFails(t *testing.T) {
	g := newFake()
	g.reload = Reload{Problems: []Problem{{"a.yaml:3:1", "no such upstream"}}}
	resp, body := exchange(t, serve(t, "unix:"+socket(t), g, 8, nil), post("/reload", "{}"))
	if resp.StatusCode != 422 || !strings.Contains(body, `"a.yaml:3:1"`) || !strings.Contains(body, "stays in force") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// Of very many requests the oldest are told, without what stands behind '?'.
func TestInFlight(t *testing.T) {
	g := newFake()
	for i := range inFlightMax + 5 {
		g.inFlight = append(g.inFlight, Request{Path: "/p?token=secret", Age: float64(i)})
	}
	answer, err := client(t, serve(t, "unix:"+socket(t), g, 8, nil)).Get(context.Background(), "/inflight")
	if err != nil {
		t.Fatal(err)
	}
	var got InFlight
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	if got.Total != inFlightMax+5 || len(got.Requests) != inFlightMax || got.Requests[0].Age != inFlightMax+4 {
		t.Errorf("%d of %d, the first one %v", len(got.Requests), got.Total, got.Requests[0])
	}
	if bytes.Contains(answer, []byte("secret")) {
		t.Error("a query is shown")
	}
}

// Where nothing is in flight or configured the lists are there and empty, for programs that go through them.
func TestEmptyLists(t *testing.T) {
	s := serve(t, "unix:"+socket(t), noServers{newFake()}, 8, nil)
	for path, want := range map[string]string{"/inflight": `"requests": []`, "/upstreams": `"upstreams": []`} {
		if answer, err := client(t, s).Get(context.Background(), path); err != nil || !bytes.Contains(answer, []byte(want)) {
			t.Errorf("%s: %v: %s, without %s", path, err, answer, want)
		}
	}
}

// noServers is a gate whose routes all answer by themselves.
type noServers struct{ *fakeGate }

func (noServers) Upstreams() []Upstream { return nil }

// Clients that send nothing, or stop within a head or a body, are closed, and others are served meanwhile.
func TestSlowClientsHoldNothing(t *testing.T) {
	s := serve(t, "unix:"+socket(t), newFake(), 8, func(h *http.Server) {
		h.ReadHeaderTimeout, h.ReadTimeout = time.Second, time.Second
	})
	cut := post("/reload", "{}")
	for _, begin := range []string{"", "GET /status HTT", cut[:len(cut)-1]} {
		c := dial(t, s)
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		if _, err := client(t, s).Get(context.Background(), "/health"); err != nil {
			t.Errorf("while a client has sent %q: %v", begin, err)
		}
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a client that has sent %q is kept: %v", begin, err)
		}
	}
}

// When all connections are taken by clients that send nothing, the next one is served as soon as they are closed.
func TestConnectionsAreBounded(t *testing.T) {
	s := serve(t, "unix:"+socket(t), newFake(), 2, func(h *http.Server) { h.ReadHeaderTimeout = time.Second })
	began := time.Now()
	for range 2 {
		dial(t, s)
	}
	if _, err := client(t, s).Get(context.Background(), "/health"); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("a third client was served after %v", took)
	}
}

// Close lets a request end, and cuts it short when its time is over.
func TestClose(t *testing.T) {
	for _, gentle := range []bool{true, false} {
		g := newFake()
		g.block, g.blocked = make(chan struct{}), make(chan struct{})
		s := serve(t, "unix:"+socket(t), g, 8, nil)
		result := make(chan error, 1)
		go func() {
			_, err := client(t, s).Post(context.Background(), "/reload", struct{}{})
			result <- err
		}()
		await(t, g.blocked, "the request")
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		if remove := s.remove; gentle {
			s.remove = sync.OnceFunc(func() { remove(); close(g.block) }) // the request ends when Close has begun
		} else {
			cancel()
		}
		err := s.Close(ctx)
		cancel()
		got := await(t, result, "the end of the request")
		if gentle && (err != nil || got != nil) {
			t.Errorf("gently: %v, and the client got %v", err, got)
		}
		if !gentle {
			if !errors.Is(err, context.Canceled) || got == nil {
				t.Errorf("at once: %v, and the client got %v", err, got)
			}
			close(g.block)
		}
	}
}
