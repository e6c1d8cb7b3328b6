package interop

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// run runs a program that must succeed, and returns what it says.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("this machine lacks %s", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*bound)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// eachSite is a test with a program of its own for a server of net/http's on unio.
func eachSite(t *testing.T, protocols []string, fn func(s *site)) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, protocol := range protocols {
			t.Run(protocol, func(t *testing.T) { fn(newSite(t, unioStack(rt), netStack(), protocol)) })
		}
		uniotest.Idle(t, rt)
	})
}

// TestCurl has curl upload and download.
func TestCurl(t *testing.T) {
	eachSite(t, protocols, func(s *site) {
		sent, got := filepath.Join(s.TempDir(), "sent"), filepath.Join(s.TempDir(), "got")
		if err := os.WriteFile(sent, []byte(large), 0o600); err != nil {
			s.Fatal(err)
		}
		version := map[string]string{
			"http1": "--http1.1", "https1": "--http1.1", "https2": "--http2", "h2c": "--http2-prior-knowledge",
		}[s.protocol]
		for _, how := range [][]string{
			{"-H", "Expect: 100-continue"}, {"-H", "Transfer-Encoding: chunked"}, {"-H", "Expect:"},
		} {
			args := append([]string{
				"--silent", "--show-error", "--fail", "--insecure", "--noproxy", "*", "--max-time", "50", version,
				"--write-out", "%{http_version}", "--data-binary", "@" + sent, "--output", got,
			}, how...)
			out := run(s.T, "curl", append(args, s.base+"/echo")...)
			if want := map[bool]string{true: "2", false: "1.1"}[strings.Contains(s.protocol, "2")]; out != want {
				s.Errorf("curl spoke HTTP %s, want %s", out, want)
			}
			if b, err := os.ReadFile(got); err != nil || !bytes.Equal(b, []byte(large)) {
				s.Errorf("%v: %d bytes came back: %v", how, len(b), err)
			}
		}
	})
}

var wrkErrors = regexp.MustCompile(`(?m)^ *(Socket errors|Non-2xx).*$`)

// TestWrk has wrk ask over many connections for a second.
func TestWrk(t *testing.T) {
	eachSite(t, []string{"http1", "https1"}, func(s *site) {
		out := run(s.T, "wrk", "--threads", "1", "--connections", "50", "--duration", "1s", "--timeout", "30s", s.base+"/echo")
		if bad := wrkErrors.FindString(out); bad != "" {
			s.Errorf("%s\n%s", bad, out)
		}
		if strings.Contains(out, " 0 requests in") {
			s.Error(out)
		}
	})
}

// TestH2load has h2load ask over HTTP/2, with many streams on each connection.
func TestH2load(t *testing.T) {
	eachSite(t, []string{"https2", "h2c"}, func(s *site) {
		out := run(s.T, "h2load", "--requests=2000", "--clients=10", "--max-concurrent-streams=10", s.base+"/echo")
		if !strings.Contains(out, "2000 succeeded, 0 failed, 0 errored, 0 timeout") {
			s.Error(out)
		}
	})
}
