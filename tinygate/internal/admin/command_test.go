package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
)

func runCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Command(t.Context(), args, &out)
	return out.String(), err
}

func TestCommands(t *testing.T) {
	g := newFake()
	g.inFlight = []Request{{Client: "203.0.113.1", Method: "GET", Path: "/a\x1b[2J\t\u009bx", Age: 1.26, Phase: "waiting"}}
	g.reload.Changes = []string{"route site was added"}
	address := serve(t, "unix:"+socket(t), g, 8, nil).Addr()
	t.Setenv(Variable, address)
	for _, c := range []struct{ args, want string }{
		{"status", "1.2.3, serving since|(1h30m)|uring on 2 loops, kernel 6.1: it works here|not x: no|" +
			":443 with TLS behind PROXY headers|a.pem for a.example, *.b.example, EXPIRED on |not in use: no PEM|" +
			"ca.pem, until |7 of clients, 3 to servers"},
		{"upstreams", "UPSTREAM  SERVER       STATE  FOR    WEIGHT    IN FLIGHT|" +
			"web       10.0.0.1:80  up     1h30m  10        2|connection refused"},
		{"inflight", "1.3s|waiting|/a\ufffd[2J\ufffd\ufffdx"},
		{"drain web 10.0.0.1:80", "draining"},
		{"undrain --timeout 5s web --admin " + address + " 10.0.0.1:80", "up     1h30m"},
		{"log-level", "info"},
		{"log-level debug", "debug"},
		{"reload", "route site was added"},
	} {
		got, err := runCommand(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		for want := range strings.SplitSeq(c.want, "|") {
			if !strings.Contains(got, want) {
				t.Errorf("%s prints\n%s\nwithout %q", c.args, got, want)
			}
		}
	}
}

func TestCommandsPrintJSON(t *testing.T) {
	t.Setenv(Variable, serve(t, "127.0.0.1:0", newFake(), 8, nil).Addr())
	for _, name := range []string{"status", "upstreams", "inflight", "reload", "log-level"} {
		got, err := runCommand(t, name, "--json")
		if err != nil || !json.Valid([]byte(got)) {
			t.Errorf("%s: %v: %s", name, err, got)
		}
	}
}

func TestReloadPrintsProblems(t *testing.T) {
	g := newFake()
	g.reload = Reload{Problems: []Problem{{"a.yaml:3:1", "no such upstream"}, {"", "and more"}}}
	t.Setenv(Variable, serve(t, "unix:"+socket(t), g, 8, nil).Addr())
	got, err := runCommand(t, "reload")
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != 422 || got != "a.yaml:3:1: no such upstream\nand more\n" {
		t.Errorf("%v: %q", err, got)
	}
}

func TestCommandsThatAreRefused(t *testing.T) {
	t.Setenv(Variable, serve(t, "unix:"+socket(t), newFake(), 8, nil).Addr())
	for args, want := range map[string]string{
		"":                   "there are the commands status, upstreams, inflight, drain UPSTREAM SERVER",
		"stats":              "there are the commands",
		"status now":         "1 operands",
		"drain web":          "drain [--admin",
		"status --jsn":       "-jsn",
		"log-level a b":      "2 operands",
		"status --timeout x": "-timeout",
	} {
		if _, err := runCommand(t, strings.Fields(args)...); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	var refused *Error
	if _, err := runCommand(t, "drain", "web", "x"); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("got %v", err)
	}
	if _, err := runCommand(t, "log-level", "loud"); !errors.As(err, &refused) || !strings.Contains(err.Error(), "debug and info") {
		t.Errorf("got %v", err)
	}
	if got, err := runCommand(t, "status", "--help"); err != nil || !strings.HasPrefix(got, "tinygate status [flags]: what runs") {
		t.Errorf("%v: %s", err, got)
	}
	if got, err := runCommand(t, "drain", "--help"); err != nil || !strings.Contains(got, "tinygate drain [flags] UPSTREAM SERVER") {
		t.Errorf("%v: %s", err, got)
	}
}

func TestNothingRuns(t *testing.T) {
	t.Setenv(Variable, "unix:"+socket(t))
	if _, err := runCommand(t, "status"); !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), "it does not run") {
		t.Errorf("got %v", err)
	}
	if _, err := runCommand(t, "status", "--admin", "192.0.2.1:80"); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v", err)
	}
}

func TestKnown(t *testing.T) {
	names, about := Commands()
	if len(names) != len(commands) || len(about) != len(names) || !Known("log-level") || Known("logs") {
		t.Errorf("commands %v", names)
	}
}
