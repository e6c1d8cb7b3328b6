package proxies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
)

// badVerb makes the test binary a proxy whose third answer has a wrong byte, or with another argument each answer.
const badVerb = "__bad"

// TestMain lets the test binary be what a run starts.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || !strings.HasPrefix(os.Args[1], "__") {
		os.Exit(m.Run())
	}
	var err error
	switch args := os.Args[2:]; os.Args[1] {
	case host.PinVerb:
		err = host.BecomePinned(args)
	case load.Verb:
		err = load.Serve(os.Stdin, os.Stdout)
	case UpstreamVerb:
		err = ServeUpstream(os.Stdin, os.Stdout)
	case GoProxyVerb:
		err = GoProxy(args, os.Stdin)
	case badVerb:
		var asked atomic.Int64
		err = http.ListenAndServe(args[0], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := pattern(128)
			if asked.Add(1) == 3 || len(args) > 1 {
				body[127] ^= 1
			}
			w.Write(body)
		}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// newBench is a bench that measures on one CPU, and keeps what it measured.
func newBench(t *testing.T) (b *bench, self string, samples *[]Sample) {
	t.Helper()
	cpus, err := host.AllowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	if self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // children die with this thread
	t.Cleanup(runtime.UnlockOSThread)
	samples = new([]Sample)
	b = &bench{proxyCPU: cpus[0], files: 4096, rng: rand.New(rand.NewPCG(1, 2)), emit: func(s Sample) error {
		*samples = append(*samples, s)
		return nil
	}}
	b.opts.Rounds, b.opts.Slice = 2, 20*time.Millisecond
	b.progress = b.opts.Line()
	if b.gen, err = load.Start(self, cpus[len(cpus)-1]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.stop)
	return b, self, samples
}

// add starts a launch as a contender of the bench.
func add(t *testing.T, b *bench, c Contender, l launch, self string) *proxy {
	t.Helper()
	p, err := start(c, l, self, b.proxyCPU, len(b.proxies)+1)
	if err != nil {
		t.Fatal(err)
	}
	b.proxies = append(b.proxies, p)
	return p
}

// A wrong byte makes its slice void, and is told; the contender goes on, and the others with it.
func TestAWrongByteVoidsTheSample(t *testing.T) {
	b, self, samples := newBench(t)
	upstream, err := b.startUpstream(self, b.proxyCPU)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSite(t.TempDir(), self, upstream)
	if err != nil {
		t.Fatal(err)
	}
	good, err := s.launches(FastHTTP)
	if err != nil {
		t.Fatal(err)
	}
	add(t, b, FastHTTP, good[0], self)
	bad := launch{prog: self}
	if err := bad.open(plain); err != nil {
		t.Fatal(err)
	}
	bad.args = []string{badVerb, bad.doors[plain].String()}
	add(t, b, Haproxy, bad, self)
	if err := b.runCase(t.Context(), One); err != nil {
		t.Fatal(err)
	}
	row := Summarise(*samples)[0].Row(FastHTTP)
	if row == nil || row.Errors != 0 || !(row.CPUNs.Min > 0) || !(row.Rate.Min > 0) || !(row.Resident > 1<<20) {
		t.Errorf("the good one: %+v", row)
	}
	if len(b.failed) != 1 || !strings.Contains(b.failed[0], "haproxy, one") || !strings.Contains(b.failed[0], load.ErrMismatch.Error()) {
		t.Errorf("told: %q", b.failed)
	}
	if len(*samples) != 4 { // the wrong byte came while it warmed up
		t.Errorf("%d samples, want 4: %+v", len(*samples), *samples)
	}
	b.proxies[1].stop()
	if err := b.runCase(t.Context(), Small); err != nil {
		t.Fatal(err)
	}
	row = Summarise(slices.DeleteFunc(*samples, func(s Sample) bool { return s.Case != Small }))[0].Row(Haproxy)
	if row == nil || row.Errors != 1 || row.CPUNs.Known() {
		t.Errorf("of one that has ended: %+v", row)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.runCase(ctx, One); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A byte that is wrong in each answer is wrong in the first, too.
func TestAByteThatIsAlwaysWrongVoidsEverySample(t *testing.T) {
	b, self, samples := newBench(t)
	bad := launch{prog: self}
	if err := bad.open(plain); err != nil {
		t.Fatal(err)
	}
	bad.args = []string{badVerb, bad.doors[plain].String(), "always"}
	add(t, b, Haproxy, bad, self)
	if err := b.runCase(t.Context(), One); err != nil {
		t.Fatal(err)
	}
	if row := Summarise(*samples)[0].Row(Haproxy); row == nil || row.Errors != len(*samples) || row.CPUNs.Known() {
		t.Errorf("of %d samples: %+v", len(*samples), row)
	}
}

// What a proxy complained about is why it did not start.
func TestWhyAProxyDoesNotStart(t *testing.T) {
	b, self, _ := newBench(t)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who    Contender
		script string
		want   string
	}{
		{Nginx, "echo 'no such engine' >&2; exit 1", "no such engine"},
		{Nginx, "exit 0", "ended before it listened"},
		{TinygateUring, `echo 'bench.yaml:3: tls: no such field' >&2; exit 1`, "bench.yaml:3"},
	} {
		l := launch{prog: sh, args: []string{"-c", c.script}}
		if err := l.open(plain); err != nil {
			t.Fatal(err)
		}
		_, err := start(c.who, l, self, b.proxyCPU, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.script, err, c.want)
		}
	}
}

// A proxy that does not end when it is asked to is ended with all that it started.
func TestStopEndsAllProcesses(t *testing.T) {
	b, self, _ := newBench(t)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	p, err := start(Nginx, launch{prog: sh, args: []string{"-c", "trap '' TERM; cat /dev/zero >/dev/null & cat /dev/zero >/dev/null"}},
		self, b.proxyCPU, 1)
	if err != nil {
		t.Fatal(err)
	}
	for pids := []int(nil); len(pids) < 3; {
		if pids, err = p.session.Members(); err != nil {
			t.Fatal(err)
		}
	}
	p.stop()
	end := time.Now().Add(5 * time.Second)
	for _, err = p.session.Members(); err == nil && time.Now().Before(end); _, err = p.session.Members() {
	}
	if !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after its end: %v", err)
	}
}

// Programs that are not installed are named with their package.
func TestMissingProgramsAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := program("carrier-pigeon", "pigeons"); !errors.Is(err, errMissing) || !strings.Contains(err.Error(), "apt install pigeons") {
		t.Error(err)
	}
}

// Each contender's configuration is taken by the program that it is for.
func TestConfigurationsAreTaken(t *testing.T) {
	upstream, err := free()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSite(t.TempDir(), "/bench", upstream)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for c, check := range map[Contender]string{Nginx: "-t", NginxLog: "-t", Haproxy: "-c"} {
		all, err := s.launches(c)
		if errors.Is(err, errMissing) {
			t.Logf("not checked: %v", err)
			continue
		}
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v, %v", c, all, err)
		}
		if out, err := exec.Command(all[0].prog, append(all[0].args, check)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", c, err, out)
		}
		if !strings.Contains(all[0].config, upstream.String()) {
			t.Errorf("%s: its configuration does not name the upstream:\n%s", c, all[0].config)
		}
	}
	s.tinygate = "/tinygate"
	all, err := s.launches(TinygateEpoll)
	if err != nil || len(all) != 2 || !all[0].doors[plain].IsValid() || all[1].doors[plain].IsValid() || !all[1].doors[rsaDoor].IsValid() {
		t.Fatalf("tinygate: %+v, %v", all, err)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "tinygate-epoll.yaml"))
	if err != nil || !bytes.Contains(text, []byte(all[1].doors[rsaDoor].String())) {
		t.Errorf("tinygate's configuration: %s, %v", text, err)
	}
	s.noGate = errors.New("it does not build")
	if _, err := s.launches(TinygateStd); !errors.Is(err, s.noGate) {
		t.Errorf("a tinygate that does not build: %v", err)
	}
}

// The proxies in Go forward bodies both ways, end connections that are to end, and tell the client's address.
func TestGoProxiesForward(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("From", r.Header.Get("X-Forwarded-For"))
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	for c := range goProxies {
		at, err := free()
		if err != nil {
			t.Fatal(err)
		}
		in, end := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- GoProxy([]string{string(c), ln.Addr().String(), at.String(), ""}, in) }()
		for end := time.Now().Add(startLimit); !listens(at.String()); time.Sleep(startProbe) {
			switch {
			case len(done) > 0:
				t.Fatalf("%s has ended: %v", c, <-done)
			case time.Now().After(end):
				t.Fatalf("%s does not listen after %v", c, startLimit)
			}
		}
		want := pattern(64 << 10)
		resp, err := http.Post("http://"+at.String()+"/x", "text/plain", bytes.NewReader(want))
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(got, want) || resp.Header.Get("From") != "127.0.0.1" {
			t.Errorf("%s: %d bytes, from %q, %v", c, len(got), resp.Header.Get("From"), err)
		}
		end.Close()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", c, err)
			}
		case <-time.After(stopLimit):
			t.Fatalf("%s goes on without its input", c)
		}
	}
	for _, args := range [][]string{nil, {"apache", "a", "b", ""}, {"fasthttp", "a", "b"}, {"httputil", "a", "nowhere", ""}} {
		if err := GoProxy(args, strings.NewReader("")); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// A tinygate that does not build is left out, and the run fails for it.
func TestWhatShouldRunAndDoesNotIsAFailure(t *testing.T) {
	b, _, _ := newBench(t)
	var out bytes.Buffer
	b.startContender(&site{noGate: errors.New("it does not build")}, TinygateStd, &out)
	if len(b.failed) != 1 || !strings.Contains(out.String(), "left out: tinygate-std: it does not build") || len(b.proxies) > 0 {
		t.Errorf("failed %q, told %q", b.failed, &out)
	}
}
