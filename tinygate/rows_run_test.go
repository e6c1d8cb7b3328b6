package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// line waits for the last line of a log.
func line(t *testing.T, file, with string) (found string) {
	t.Helper()
	eventually(t, "a line with "+with+" in "+file, func() bool {
		b, err := os.ReadFile(file)
		for l := range strings.Lines(string(b)) {
			if strings.Contains(l, with) && strings.HasSuffix(l, "\n") {
				found = strings.TrimSuffix(l, "\n")
			}
		}
		return err == nil && found != ""
	})
	return found
}

func rowAccessLog(t *testing.T, e string) {
	dir := t.TempDir()
	up := named(t, "up")
	file, log := filepath.Join(dir, "gate.yaml"), filepath.Join(dir, "log")
	text := func(format string) string {
		return fmt.Sprintf(`
listen: 127.0.0.1:0
access_log: {path: %q, format: %q}
upstreams: {web: %q}
routes:
  - {name: all, to: web}
  - {path: /quiet, to: web, log: false}
`, log, format, up.addr)
	}
	p := startAs(t, e, file, text("json"))
	p.ask("GET /quiet")
	p.ask("GET /json?a=b", "User-Agent: \"me\"", "Host: h.example")
	var got struct {
		Client, Method, Host, Path, Query, Protocol, Route, Upstream, Server string
		Status, Tries                                                        int
		Sent                                                                 int     `json:"bytes_sent"`
		Agent                                                                string  `json:"user_agent"`
		ID                                                                   string  `json:"request_id"`
		Duration                                                             float64 `json:"duration"`
	}
	l := line(t, log, "/json")
	if err := json.Unmarshal([]byte(l), &got); err != nil {
		t.Fatalf("%v: %s", err, l)
	}
	if got.Client != "127.0.0.1" || got.Method != "GET" || got.Host != "h.example" || got.Query != "a=b" || got.Route != "all" ||
		got.Upstream != "web" || got.Server != up.addr || got.Status != 200 || got.Tries != 1 || got.Sent == 0 || got.Agent != `"me"` ||
		got.ID == "" || got.Duration <= 0 {
		t.Errorf("%+v of %s", got, l)
	}
	b, err := os.ReadFile(log)
	if err != nil || strings.Contains(string(b), "quiet") {
		t.Errorf("a route without log is in it: %s, %v", b, err)
	}
	for format, want := range map[string]string{
		"combined": `^127\.0\.0\.1 - - \[.*\] "GET /combined\?a=b HTTP/1\.1" 200 \d+ "-" "Go-http-client/1\.1"$`,
		"${method} ${path} gave ${status} by ${server}, $5 ${tls}": `^GET /[$a-z] gave 200 by ` + regexp.QuoteMeta(up.addr) + `, \$5 -$`,
	} {
		path := format
		if strings.HasPrefix(format, "$") {
			path = "x"
		}
		writeFile(t, file, text(format))
		p.reload("access log: changed")
		p.ask("GET /" + path + "?a=b")
		if l := line(t, log, "GET /"+path); !regexp.MustCompile(want).MatchString(l) {
			t.Errorf("%s\nis not %s", l, want)
		}
	}
}

// reload has the process read its file again, and waits until it has told of the last change.
func (p *process) reload(last string) {
	p.t.Helper()
	told := func() int { return strings.Count(p.out.String(), "reload: "+last) }
	before := told()
	p.Process.Signal(syscall.SIGHUP)
	eventually(p.t, "a reload that tells: "+last, func() bool { return told() > before })
}

func rowMetrics(t *testing.T, e string) {
	socket := filepath.Join(shortDir(t), "admin.sock")
	up := named(t, "up")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
admin: unix:%s
upstreams: {web: %q}
routes: [{name: all, to: web}, {path: /none, answer: 404, name: none}]
`, socket, up.addr))
	for range 3 {
		p.ask("GET /")
	}
	p.ask("GET /none")
	dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }
	c := &http.Client{Timeout: bound, Transport: &http.Transport{DialContext: dial}}
	defer c.CloseIdleConnections()
	r, err := c.Get("http://admin/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Error(r.Header, err)
	}
	for _, want := range []string{
		`tinygate_requests_total{class="2xx",route="all"} 3`, `tinygate_requests_total{class="4xx",route="none"} 1`,
		`tinygate_request_duration_seconds_count{route="all"} 3`, "tinygate_client_connections_total 4",
	} {
		if !strings.Contains(string(b), want+"\n") {
			t.Errorf("the metrics lack %q:\n%s", want, b)
		}
	}
	status := start(t, "0", nil, "status", "--admin", "unix:"+socket)
	if status.wait() != 0 {
		t.Error("status fails")
	}
	status.wants("serving since", "engine         "+e)
}

func rowReload(t *testing.T, e string) {
	a, b := named(t, "a"), named(t, "b")
	socket, halves := chat(t), make(chan struct{})
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first half, ")
		w.(http.Flusher).Flush()
		select {
		case <-halves:
		case <-r.Context().Done():
		}
		io.WriteString(w, "second half")
	})
	file := filepath.Join(t.TempDir(), "gate.yaml")
	text := func(to string) string {
		return fmt.Sprintf("listen: 127.0.0.1:0\nroutes: [{path: /chat, to: %q}, {path: /slow, to: %q}, {to: %q}]\n", socket.addr, slow.addr, to)
	}
	p := startAs(t, e, file, text(a.addr))
	tunnel, kept, half := dialRaw(t, p.addr), dialRaw(t, p.addr), dialRaw(t, p.addr)
	tunnel.upgrade("/chat")
	ask := func() string {
		kept.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		_, body := kept.response("GET")
		return reply{body: body}.name()
	}
	if ask() != "a" {
		t.Error("not from a")
	}
	half.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	r, err := http.ReadResponse(half.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := load(t, p)
	defer stop()
	for i := range 10 {
		to, want := b.addr, "b"
		if i%2 == 1 {
			to, want = a.addr, "a"
		}
		writeFile(t, file, text(to))
		p.reload("route *: changed")
		if got := ask(); got != want { // on the connection that was there before
			t.Errorf("after reload %d: %q, want %s", i, got, want)
		}
		tunnel.echoes(fmt.Sprint("over reload ", i))
	}
	if n := stop(); n == 0 {
		t.Error("no request was made meanwhile")
	}
	writeFile(t, file, "listen: 127.0.0.1:0\ntoo: "+a.addr+"\n")
	p.Process.Signal(syscall.SIGHUP)
	eventually(t, "a wrong file is refused", func() bool {
		return strings.Contains(p.out.String(), "stays as it was") && strings.Contains(p.out.String(), "did you mean to?")
	})
	if got := ask(); got != "a" {
		t.Errorf("after a file that is wrong: %q", got)
	}
	close(halves)
	if b, err := io.ReadAll(r.Body); err != nil || string(b) != "first half, second half" {
		t.Errorf("a response over reloads: %q, %v", b, err)
	}
}

// load sends requests over old and new connections until stop, which tells how many; none may fail.
func load(t *testing.T, p *process) (stop func() int) {
	end := make(chan struct{})
	var wg sync.WaitGroup
	var n [2]int
	for i := range n {
		wg.Go(func() {
			c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: i == 0}}
			defer c.CloseIdleConnections()
			for {
				select {
				case <-end:
					return
				default:
				}
				if r, err := p.send(c, 0, "GET /"); err != nil || r.status != 200 {
					t.Errorf("during a reload: %d, %v", r.status, err)
					return
				}
				n[i]++
			}
		})
	}
	return sync.OnceValue(func() int {
		close(end)
		wg.Wait()
		return min(n[0], n[1])
	})
}

func rowDrain(t *testing.T, e string) {
	asked, answer := make(chan struct{}, 10), make(chan struct{}, 10)
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			tell(w, r, "up")
			return
		}
		asked <- struct{}{}
		select {
		case <-answer:
			tell(w, r, "up")
		case <-r.Context().Done():
		}
	})
	for _, limit := range []string{"30s", "200ms"} {
		p := startFile(t, e, "listen: 127.0.0.1:0\ndrain: "+limit+"\nto: "+up.addr+"\n")
		idle, busy := dialRaw(t, p.addr), dialRaw(t, p.addr)
		idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		idle.response("GET")
		busy.send("GET /busy HTTP/1.1\r\nHost: h\r\n\r\n")
		await(t, asked, "the request")
		p.Process.Signal(syscall.SIGTERM)
		eventually(t, "nobody can connect", func() bool { return refused(p.addr) })
		if limit == "30s" {
			answer <- struct{}{}
			if r, body := busy.response("GET"); r.StatusCode != 200 || !r.Close || !strings.HasPrefix(body, "up\n") {
				t.Errorf("the request in flight: %s, %q", r.Status, body)
			}
			if code := p.wait(); code != 0 {
				t.Errorf("exit code %d after all was served", code)
			}
			continue
		}
		began := time.Now()
		if code := p.wait(); code != 1 || time.Since(began) > 10*time.Second {
			t.Errorf("exit code %d after %v", code, time.Since(began))
		}
		p.wants("cut short after 2")
		if _, err := http.ReadResponse(bufio.NewReader(busy), nil); err == nil {
			t.Error("the request was answered")
		}
	}
}

func rowCheck(t *testing.T, e string) {
	file := filepath.Join(t.TempDir(), "gate.yaml")
	for _, tc := range []struct {
		text  string
		code  int
		words []string
	}{
		{"listen: :8080\nto: 10.0.0.1:80\nengine: " + e + "\n", 0, []string{"is good: listeners 1, routes 1, upstreams 1"}},
		{"listen: :8080\nroutes:\n  - {hots: a.example, to: 10.0.0.1:80}\n  - {to: web, times: {total: 10}}\n", 1,
			[]string{file + ":3:6: hots is not a key of a route; did you mean host?", file + ":4:", "10 has no unit", "web"}},
		{"listen: {address: \":8443\", tls: {cert: none.pem, key: none.key}}\nto: 10.0.0.1:80\n", 1, []string{file + ":1:", "none.pem"}},
		{"listen: :8080\nupstreams: {unused: 10.0.0.1:80}\nroutes: [{answer: 204}]\n", 0, []string{"warning: " + file + ":2:", "unused"}},
	} {
		writeFile(t, file, tc.text)
		p := start(t, "0", nil, "check", file)
		if code := p.wait(); code != tc.code {
			t.Errorf("exit code %d, want %d, for\n%s", code, tc.code, tc.text)
		}
		p.wants(tc.words...)
		if tc.code == 1 { // run says the same
			p := start(t, "0", nil, "run", file)
			if p.wait() != 1 {
				t.Error("it runs")
			}
			p.wants(tc.words...)
		}
	}
}
