package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
)

// tool finds a program that .ci/run installs, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name // where Debian has nginx, often not in PATH
		if _, err := os.Stat(path); err != nil {
			t.Skipf("lacks: %s", name)
		}
	}
	return path
}

// startNginx runs nginx with 300 KiB, 128 B and a directory to list, and returns its address. http stands
// in the configuration's http block.
func startNginx(t *testing.T, http string) string {
	t.Helper()
	program := tool(t, "nginx")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"small": 128, "large": 300 << 10, "list/a": 1, "list/b": 1} {
		path := filepath.Join(dir, "www", name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, pattern(size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	addr, socket := listening(t)
	defer socket.Close()
	conf := fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log stderr warn;
events { worker_connections 1024; }
http {
	access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi; %[3]s
	server {
		listen %[2]s; root %[1]s/www; client_max_body_size 0;
		location /list/ { autoindex on; }
		location /put/ { dav_methods PUT DELETE; create_full_put_path on; }
		location /gone { return 204; }
		location /accepted { stub_status; }
	}
}`, dir, addr, http)
	if os.Geteuid() == 0 {
		conf = "user root;" + conf
	}
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	var out output
	cmd := exec.Command(program, "-p", dir, "-c", file, "-e", "stderr")
	cmd.Stderr = &out
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Env = append(os.Environ(), "NGINX=3;") // as if another nginx had handed it over
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	socket.Close() // or somebody would listen also when nginx has ended
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt) // it ends its workers too
		cmd.Wait()
		if t.Failed() {
			t.Logf("nginx wrote:\n%s", &out)
		}
	})
	for end := time.Now().Add(bound); refused(addr); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nginx does not serve:\n%s", &out)
		}
	}
	return addr
}

// listening returns a socket that listens, and its address. One that was only tried out may be somebody else's when it is needed.
func listening(t *testing.T) (addr string, socket *os.File) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if socket, err = ln.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String(), socket
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// curl runs curl, bounded in time, and returns what it wrote.
func curl(t *testing.T, stdin io.Reader, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, "curl"), append([]string{"-sS"}, args...)...)
	cmd.Stdin = stdin
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("curl %q: %w: %s", args, err, &errs)
	}
	return out.String(), err
}

func TestCurlToNginx(t *testing.T) {
	tool(t, "curl")
	nginx := startNginx(t, "")
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			p := start(t, "0", nil, "--listen", "127.0.0.1:0", "--to", nginx, "--engine", e, "--loops", "1")
			url := "http://" + p.addr
			for _, tc := range []struct {
				name string
				args []string
				want func(out string) bool
			}{
				{"get", []string{"-i", url + "/small"}, func(s string) bool {
					return strings.Contains(s, "Server: nginx") && strings.Contains(s, "Via: 1.1 tinygate") &&
						strings.HasSuffix(s, string(pattern(128)))
				}},
				{"large", []string{url + "/large"}, func(s string) bool { return s == string(pattern(300<<10)) }},
				{"range", []string{"-r", "1000-1999", url + "/large"}, func(s string) bool {
					return s == string(pattern(2000)[1000:])
				}},
				{"head", []string{"-I", url + "/large"}, func(s string) bool {
					return strings.Contains(s, "Content-Length: 307200\r\n") && strings.HasSuffix(s, "\r\n\r\n")
				}},
				{"not found", []string{"-o", os.DevNull, "-w", "%{http_code}", url + "/no"}, func(s string) bool { return s == "404" }},
				{"no content", []string{"-o", os.DevNull, "-w", "%{http_code}", url + "/gone"}, func(s string) bool { return s == "204" }},
				{"chunked", []string{"-i", url + "/list/"}, func(s string) bool {
					return strings.Contains(s, "Transfer-Encoding: chunked") && strings.Contains(s, "</html>")
				}},
				{"http/1.0", []string{"-0", "-i", url + "/list/"}, func(s string) bool {
					return strings.Contains(s, "Connection: close") && strings.Contains(s, "</html>") &&
						!strings.Contains(s, "chunked")
				}},
				{"kept", []string{"-w", "%{num_connects}", "-o", os.DevNull, url + "/small", "-o", os.DevNull, url + "/large",
					"-o", os.DevNull, url + "/list/", "-o", os.DevNull, url + "/no"}, func(s string) bool { return s == "1000" }},
			} {
				if out, err := curl(t, nil, tc.args...); err != nil || !tc.want(out) {
					t.Errorf("%s: %.300q, %v", tc.name, out, err)
				}
			}
			body := pattern(3 << 20)
			for _, args := range [][]string{
				{"-T", "-", url + "/put/chunked"}, // chunked, since its length is not known
				{"-T", "-", "-H", "Expect: 100-continue", url + "/put/continue"},
				{"-T", "-", "-0", "-H", "Content-Length: 3145728", "-H", "Transfer-Encoding:", url + "/put/old"},
			} {
				if _, err := curl(t, bytes.NewReader(body), append(args, "-f")...); err != nil {
					t.Error(err)
				}
				if out, err := curl(t, nil, args[len(args)-1]); err != nil || out != string(body) {
					t.Errorf("%q came back with %d bytes, %v", args, len(out), err)
				}
				if _, err := curl(t, nil, "-f", "-X", "DELETE", args[len(args)-1]); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A file with TLS, a redirect to it and PROXY headers, as curl and nginx see it.
func TestCurlByHTTPSToNginx(t *testing.T) {
	tool(t, "curl")
	nginx := startNginx(t, "")
	ca, dir := certtest.New(t), t.TempDir()
	cert, key := ca.ECDSA(t, "h.example").Write(t, dir, "h")
	authority := filepath.Join(dir, "ca.pem")
	certtest.File(t, authority, ca.PEM)
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		p := startFile(t, e, fmt.Sprintf(`
listen:
  - 127.0.0.1:0
  - {address: "127.0.0.1:0", tls: {cert: %[1]q, key: %[2]q}}
  - {address: "127.0.0.1:0", proxy_protocol: 127.0.0.1, tls: {cert: %[1]q, key: %[2]q}}
routes:
  - {path: /small, redirect: https}
  - {to: %[3]q, response_headers: {set: {X-Client: "${client_address}"}}}
`, cert, key, nginx))
		port := func(i int) string { return p.urls[i][strings.LastIndexByte(p.urls[i], ':')+1:] }
		common := []string{"--cacert", authority, "--connect-to", "h.example:443:127.0.0.1:" + port(1), "--connect-to",
			"h.example:80:127.0.0.1:" + port(0), "--connect-to", "h.example:444:127.0.0.1:" + port(2)}
		out, err := curl(t, nil, append(common, "-L", "-w", "%{url_effective} %{http_version}", "http://h.example/small")...)
		if want := string(pattern(128)) + "https://h.example/small 1.1"; out != want || err != nil {
			t.Errorf("by the redirect: %q, %v, want %q", out, err, want)
		}
		if out, err := curl(t, nil, append(common, "https://h.example/large")...); out != string(pattern(300<<10)) || err != nil {
			t.Errorf("by https: %d bytes, %v", len(out), err)
		}
		out, err = curl(t, nil, append(common, "-i", "--haproxy-protocol", "https://h.example:444/small")...)
		if !strings.Contains(out, "X-Client: 127.0.0.1\r\n") || err != nil {
			t.Errorf("behind a PROXY header: %q, %v", out, err)
		}
	})
}

// What the greeting says to try works for a listener on a Unix socket too.
func TestCurlToUnixSocket(t *testing.T) {
	tool(t, "curl")
	try := regexp.MustCompile(`try: curl (.*)`)
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			p := startFile(t, e, fmt.Sprintf("listen: unix:%s/gate.sock\nroutes: {answer: {body: hello}}\n", shortDir(t)))
			args := strings.Fields(try.FindStringSubmatch(p.out.String())[1])
			if out, err := curl(t, nil, args...); err != nil || !strings.HasSuffix(out, "\r\n\r\nhello") {
				t.Errorf("%q: %q, %v", args, out, err)
			}
		})
	}
}

func TestCurlPosts(t *testing.T) {
	tool(t, "curl")
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		fmt.Fprintf(w, "%s %d %x %v %v", r.Method, n, h.Sum(nil), err, r.TransferEncoding)
	}))
	defer up.Close()
	small, large := pattern(1000), pattern(5<<20)
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			p := start(t, "0", nil, "--listen", "127.0.0.1:0", "--to", up.Listener.Addr().String(), "--engine", e)
			url := "http://" + p.addr
			for _, tc := range []struct {
				body []byte
				args []string
				want string
			}{
				{small, []string{"--data-binary", "@-"}, "POST %d %x <nil> []"},
				{large, []string{"--data-binary", "@-"}, "POST %d %x <nil> []"}, // curl expects 100 above 1 MiB
				{large, []string{"-T", "-"}, "PUT %d %x <nil> [chunked]"},
				{small, []string{"-T", "-", "-X", "POST"}, "POST %d %x <nil> [chunked]"},
			} {
				want := fmt.Sprintf(tc.want, len(tc.body), sha256.Sum256(tc.body))
				if out, err := curl(t, bytes.NewReader(tc.body), append(tc.args, url)...); out != want || err != nil {
					t.Errorf("%q: %q, %v; want %q", tc.args, out, err, want)
				}
			}
		})
	}
}

var (
	wrkErrors   = regexp.MustCompile(`Socket errors|Non-2xx`)
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
)

// 64 connections of wrk need 64 connections to the upstream in the whole run, or as many more as the
// upstream closes because they have served enough requests (nginx: 1000, unless told otherwise).
func TestWrkToNginx(t *testing.T) {
	wrk := tool(t, "wrk")
	for name, conf := range map[string]string{"kept": "keepalive_requests 1000000000;", "closed after 1000": ""} {
		nginx := startNginx(t, conf)
		for _, e := range engines(t) {
			t.Run(name+"/"+e, func(t *testing.T) {
				p := start(t, "0", nil, "--listen", "127.0.0.1:0", "--to", nginx, "--engine", e)
				ctx, cancel := context.WithTimeout(t.Context(), bound)
				defer cancel()
				before := accepted(t, nginx)
				out, err := exec.CommandContext(ctx, wrk, "-t1", "-c64", "-d2s", "http://"+p.addr+"/small").CombinedOutput()
				if err != nil || wrkErrors.Match(out) || !wrkRequests.Match(out) {
					t.Fatalf("%v\n%s", err, out)
				}
				if conf == "" {
					return
				}
				if n := accepted(t, nginx) - before - 1; n > 64 { // without the one that asked
					t.Errorf("%d upstream connections for 64 clients\n%s", n, out)
				}
			})
		}
	}
}

var nginxAccepts = regexp.MustCompile(`(?m)^ (\d+) \d+ \d+ $`)

// accepted is how many connections nginx has accepted by its own count, with the one that asks. What /proc/net/tcp lists does not tell:
// it is no snapshot, and what has ended is missing there once its port has been used again.
func accepted(t *testing.T, addr string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/accepted", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	m := nginxAccepts.FindSubmatch(b)
	if err != nil || m == nil {
		t.Fatalf("%v\n%s", err, b)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
