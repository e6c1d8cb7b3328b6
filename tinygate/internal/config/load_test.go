package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file in a folder of the test.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLoadOfAFileThatIsNotThere(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), os.LookupEnv)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") || !strings.Contains(err.Error(), "; ") {
		t.Errorf("%v", err)
	}
}

func TestLoadTellsThePlaces(t *testing.T) {
	file := write(t, t.TempDir(), "gate.yaml", "listen: :80\nto: 10.0.0.1:80\ndrain: 5\n")
	_, err := Load(file, os.LookupEnv)
	if want := file + ":3:8: drain: 5 has no unit; write 5s for seconds, or 5ms"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestLoadChecksFiles holds that Load has read what the file names, with paths that begin at its folder.
func TestLoadChecksFiles(t *testing.T) {
	folder := t.TempDir()
	file := write(t, folder, "gate.yaml", "to: 10.0.0.1:80\nlisten:\n  address: :443\n  tls: {cert: a.pem, key: a.key}\n")
	_, err := Load(file, os.LookupEnv)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), file+":4:15: open "+filepath.Join(folder, "a.pem")) {
		t.Fatalf("%v", err)
	}
	cert, key := pair(t, 0)
	write(t, folder, "a.pem", cert)
	write(t, folder, "a.key", key)
	cfg, err := Load(file, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.Listeners[0].TLS.Certificates[0]; c.Cert != filepath.Join(folder, "a.pem") {
		t.Errorf("%+v", c)
	}
}

func TestSimple(t *testing.T) {
	cfg, err := Simple("127.0.0.1:0", []string{"10.0.0.1:80", "[::1]:81"})
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(cfg); err != nil {
		t.Error(err)
	}
	r := cfg.Routes[0]
	if len(cfg.Routes) != 1 || r.Upstream.Name != "default" || len(r.Upstream.Servers) != 2 || r.Path.Kind != PathAny ||
		r.Hosts != nil || cfg.Listeners[0].Address != "127.0.0.1:0" || len(cfg.Warnings) != 0 {
		t.Errorf("%+v %+v", cfg, r)
	}
}

func TestSimpleTellsAllThatIsWrong(t *testing.T) {
	_, err := Simple("80", []string{"10.0.0.1", "http://a:1", "${env:HOME}"})
	if err == nil {
		t.Fatal("accepted")
	}
	want := []string{
		`listen: "80" is not HOST:PORT; write :80, or for this machine only 127.0.0.1:80`,
		`servers: "10.0.0.1" is not HOST:PORT; add the port: 10.0.0.1:80`,
		`servers: "http://a:1" is a URL; write a:1`,
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got\n%v\nwithout\n%s", err, w)
		}
	}
	if e := (*Error)(nil); !errors.As(err, &e) || len(e.Problems) != 4 {
		t.Errorf("%#v", err)
	}
	if _, err := Simple(":80", nil); err == nil {
		t.Error("no server was accepted")
	}
}

// TestAnchorsAreBounded holds that a small file cannot make much work.
func TestAnchorsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("listen: :80\nroutes:\n  - &r\n    to: 10.0.0.1:80\n    client: [")
	b.WriteString(strings.Repeat("10.0.0.1, ", 20000) + "10.0.0.1]\n")
	for range 20000 {
		b.WriteString("  - *r\n")
	}
	_, err := Parse("bomb.yaml", []byte(b.String()), testEnv)
	if err == nil || !strings.Contains(err.Error(), "anchors repeat more than") {
		t.Errorf("%v", err)
	}
}

func TestFileThatIsTooLarge(t *testing.T) {
	_, err := Parse("large.yaml", []byte("listen: :80\n"+strings.Repeat("#\n", fileBytesMax/2)), testEnv)
	if err == nil || !strings.Contains(err.Error(), "at most 4 MiB") {
		t.Errorf("%v", err)
	}
}

// TestManyRoutes holds that the comparison of routes is not by pairs: ten thousand are parsed in well under a second.
func TestManyRoutes(t *testing.T) {
	cfg, err := Parse("many.yaml", manyRoutes(10000), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Routes) != 10000 || len(cfg.Upstreams) != 10000 || len(cfg.Warnings) != 0 {
		t.Errorf("%d routes, %d upstreams, %q", len(cfg.Routes), len(cfg.Upstreams), cfg.Warnings)
	}
}

func BenchmarkParse(b *testing.B) {
	text := manyRoutes(10000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("many.yaml", text, testEnv); err != nil {
			b.Fatal(err)
		}
	}
}

// manyRoutes is a file with n routes to n servers.
func manyRoutes(n int) []byte {
	b := []byte("listen: :80\nroutes:\n")
	for i := range n {
		b = fmt.Appendf(b, "  - {host: h%d.example, prefix: /api/, to: \"10.%d.%d.%d:80\"}\n", i, i>>16, i>>8&255, i&255)
	}
	return b
}

func TestNearest(t *testing.T) {
	names := []string{"header", "host", "least_connections", "to", "warn"}
	for word, want := range map[string]string{
		"haeder": "header", "Host": "host", "hots": "host", "least": "least_connections", "warning": "warn",
		"ot": "to", "upstream": "", "x": "", "": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

// A file may be named as an output of the process, when it is written as a path.
func TestLogFileNamedStdout(t *testing.T) {
	for _, c := range []struct{ file, path, want string }{
		{"gate.yaml", "stdout", "stdout"},
		{"gate.yaml", "stderr", "stderr"},
		{"gate.yaml", "./stdout", "./stdout"},
		{"./gate.yaml", "./stderr", "./stderr"},
		{"gate.yaml", "logs/../stdout", "./stdout"},
		{"conf/gate.yaml", "./stdout", "conf/stdout"},
		{"conf/gate.yaml", "../stdout", "./stdout"},
		{"/etc/gate.yaml", "./stdout", "/etc/stdout"},
	} {
		for _, form := range []string{"access_log: %s\n", "access_log: {path: %s}\n"} {
			text := fmt.Appendf(nil, "listen: :80\nto: 10.0.0.1:80\n"+form, c.path)
			cfg, err := Parse(c.file, text, os.LookupEnv)
			if err != nil {
				t.Fatal(err)
			}
			if got := filepath.ToSlash(cfg.Access.Path); got != c.want {
				t.Errorf("%s in %s is %s, want %s", c.path, c.file, got, c.want)
			}
		}
	}
}

// A secret that has ${ was read as a text with variables: it was refused, and told, or had the client's path in it.
func TestWhatTheEnvironmentBringsIsNoTemplate(t *testing.T) {
	const secret = "hush$${path}-${hush"
	const route = "listen: :80\nroutes:\n  - "
	parse := func(text string) (*Config, error) {
		return Parse("gate.yaml", []byte(text), func(name string) (string, bool) { return secret, name == "TOKEN" })
	}
	for _, c := range []struct {
		text, want string // without want it is refused
		get        func(*Config) string
	}{
		{route + "{to: \"10.0.0.1:80\", request_headers: {set: {A: \"x ${env:TOKEN} ${path}${env:NONE:-${host}}$\"}}}\n",
			"x hush${$}${$}{path}-${$}{hush ${path}${host}$", func(c *Config) string { return c.Routes[0].Request.Set[0].Value }},
		{route + "{to: \"10.0.0.1:80\", response_headers: {add: {A: \"$${env:TOKEN}\"}}}\n",
			"${$}hush${$}${$}{path}-${$}{hush", func(c *Config) string { return c.Routes[0].Response.Add[0].Value }},
		{route + "{redirect: \"/${env:TOKEN}\"}\n", "/hush${$}${$}{path}-${$}{hush",
			func(c *Config) string { return c.Routes[0].Redirect.To }},
		{"listen: :80\nto: 10.0.0.1:80\naccess_log: {path: a.log, format: \"${env:TOKEN} ${path}\"}\n",
			"hush${$}${$}{path}-${$}{hush ${path}", func(c *Config) string { return c.Access.Format }},
		{text: route + "{to: \"10.0.0.1:80\", request_headers: {set: {A: \"${pa${env:TOKEN}th}\"}}}\n"},
		{text: route + "{to: \"10.0.0.1:80\", request_headers: {set: {A: \"${env:TOKEN} ${$}\"}}}\n"},
		{text: route + "{redirect: \"//${env:TOKEN}\"}\n"},
		{text: route + "{redirect: \"/ ${env:TOKEN}\"}\n"},
		{text: "listen: :80\nto: 10.0.0.1:80\naccess_log: {path: a.log, format: \"${env:TOKEN}\"}\n"},
		{text: "listen: :80\nto: 10.0.0.1:80\naccess_log: {path: a.log, format: \"${path}\\a${env:TOKEN}\"}\n"},
	} {
		cfg, err := parse(c.text)
		switch {
		case (err == nil) != (c.want != ""):
			t.Errorf("%s%v", c.text, err)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("the environment is told: %v", err)
		case err == nil && c.get(cfg) != c.want:
			t.Errorf("%s%q, want %q", c.text, c.get(cfg), c.want)
		}
	}
}

// TestShortIntervalNeedsNoTimeout has checks more often than the default of the timeout allows.
func TestShortIntervalNeedsNoTimeout(t *testing.T) {
	cfg, err := Parse("gate.yaml", []byte("listen: :80\nto: web\nupstreams: {web: {servers: 10.0.0.1:80, health: {interval: 500ms}}}\n"), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if h := cfg.Upstreams[0].Health; h.Timeout != h.Interval {
		t.Errorf("checks come every %v and may take %v", h.Interval, h.Timeout)
	}
}

// TestSmallHeadNeedsNoLine bounds heads below the default of a line.
func TestSmallHeadNeedsNoLine(t *testing.T) {
	cfg, err := Parse("gate.yaml", []byte("listen: :80\nto: 10.0.0.1:80\nlimits: {head: 4KiB}\n"), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if l := cfg.Limits; l.LineBytes != l.HeadBytes {
		t.Errorf("a head has %d bytes and a line of it %d", l.HeadBytes, l.LineBytes)
	}
}
