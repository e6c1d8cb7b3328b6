package proxies

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio/bench/internal/figures"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/raw"
)

// Requests and answers are what the cases say, by the standard library's account of them.
func TestRequestsAndAnswersAreWhatTheCasesSay(t *testing.T) {
	known := answers()
	for _, cs := range Cases() {
		tr, is := traffics[cs]
		if !is || cs.Title() == "" {
			t.Errorf("%s: no traffic", cs)
			continue
		}
		text := tr.request()
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			t.Fatalf("%s: %v", cs, err)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil || !bytes.Equal(body, pattern(tr.post)) || req.Close != tr.fresh || (req.Method == "POST") != (tr.post > 0) {
			t.Errorf("%s: %s, %d bytes, close %v, %v", cs, req.Method, len(body), req.Close, err)
		}
		if n := len(req.Header) + 1; tr.browser && (n != 15 || len(text) < 850 || len(text) > 1100) {
			t.Errorf("a browser's request has %d fields and %d bytes", n, len(text)) // Host is a field, too
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(known[tr.path])), req)
		if err != nil {
			t.Fatalf("%s: %v", cs, err)
		}
		body, err = io.ReadAll(resp.Body)
		if err != nil || int64(len(body)) != resp.ContentLength || len(body) == 0 {
			t.Errorf("%s: %d bytes of %d, %v", cs, len(body), resp.ContentLength, err)
		}
		if n := len(resp.Header); tr.browser && n != 10 {
			t.Errorf("a browser's answer has %d fields", n)
		}
	}
}

var (
	knownAnswers = answers()
	longBody     = pattern(1 << 20)
)

// said has the upstream take pieces, and gives all that it answers.
func said(pieces ...[]byte) (all []byte, err error) {
	x := &exchange{answers: knownAnswers, body: longBody}
	for _, p := range pieces {
		for len(p) > 0 && err == nil {
			var answer []byte
			p, answer, err = x.take(p)
			all = append(all, answer...)
		}
	}
	return all, err
}

// A request may come in any pieces, and two may come at once.
func TestUpstreamTakesRequestsInAnyPieces(t *testing.T) {
	for _, cs := range []Case{Small, Browser, Post1K} {
		tr := traffics[cs]
		text := tr.request()
		want := bytes.Repeat(answers()[tr.path], 2)
		twice := bytes.Repeat(text, 2)
		for i := range twice {
			if got, err := said(twice[:i], twice[i:]); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s, in two pieces at %d: %d bytes of %d, %v", cs, i, len(got), len(want), err)
			}
		}
		var bytewise [][]byte
		for i := range twice {
			bytewise = append(bytewise, twice[i:i+1])
		}
		if got, err := said(bytewise...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, byte by byte: %d bytes of %d, %v", cs, len(got), len(want), err)
		}
	}
}

// What did not arrive as it was sent is answered with an error, which the load generator takes for a wrong answer.
func TestUpstreamRefusesWhatWasNotSent(t *testing.T) {
	wrong := bytes.Replace(traffics[Post1K].request(), pattern(1 << 10)[500:520], []byte("01234567890123456789"), 1)
	for text, want := range map[string]string{
		"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n":                             "404",
		"POST /128 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n":             "411",
		"POST /128 HTTP/1.1\r\ncontent-length: -1\r\n\r\n":                     "411",
		"POST /128 HTTP/1.1\r\ncontent-length: 3\r\n\r\n" + string(pattern(3)): "200",
		"POST /128 HTTP/1.1\r\nCONTENT-LENGTH:  3\r\nA: b\r\n\r\nzzz":          "400",
		string(wrong):                          "400",
		string(traffics[Post1K].request()):     "200",
		string(traffics[Post64K].request()):    "200",
		"GET /128 HTTP/1.1\r\nHost: a\r\n\r\n": "200",
	} {
		got, err := said([]byte(text))
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 "+want) {
			t.Errorf("%.60q: %.20q, %v; want %s", text, got, err, want)
		}
	}
	if _, err := said(bytes.Repeat([]byte("x"), headMax), []byte("xx")); err == nil {
		t.Error("a head without an end: no error")
	}
}

// run makes the samples of one case: CPU time by contender and round; NaN is void.
func run(cs Case, cpu map[Contender][]float64) []Sample {
	var all []Sample
	for _, c := range Contenders() {
		for _, ns := range cpu[c] {
			if math.IsNaN(ns) {
				all = append(all, void(c, cs))
				continue
			}
			all = append(all, Sample{Contender: c, Case: cs, Requests: 1000, CPUNs: ns, Rate: 1e5, P50: 1e5, P99: 2e5, P99_9: 3e5,
				Resident: 1 << 24})
		}
	}
	return all
}

// A round whose sample is void has no ratio, and the ratios of the others stay within their rounds.
func TestVoidSamplesKeepTheirRounds(t *testing.T) {
	nan := math.NaN()
	s := Summarise(run(Small, map[Contender][]float64{
		Nginx: {1000, 2000, 4000}, TinygateUring: {750, nan, 3200}, Haproxy: {2000, 4000, nan},
	}))[0]
	r := s.Row(TinygateUring)
	if want := (figures.Spread{Median: 0.775, Min: 0.75, Max: 0.8}); math.Abs(r.VsNginx.Median-want.Median) > 1e-9 ||
		r.VsNginx.Min != want.Min || r.VsNginx.Max != want.Max {
		t.Errorf("of nginx %v, want %v", r.VsNginx, want)
	}
	if want := (figures.Spread{Median: 0.375, Min: 0.375, Max: 0.375}); r.VsHap != want {
		t.Errorf("of haproxy %v, want %v", r.VsHap, want)
	}
	if r.Errors != 1 || s.Row(Nginx).Errors != 0 {
		t.Errorf("%d void rounds, want 1", r.Errors)
	}
}

// All that a report needs is in the raw file.
func TestRawFileIsReadBack(t *testing.T) {
	want := &Record{
		Samples: run(Fresh, map[Contender][]float64{Nginx: {1000.5}, TinygateEpoll: {math.NaN(), 900}}),
		Facts:   []host.Fact{{Key: "kernel", Value: "6.18"}},
		Configs: []host.Fact{{Key: "nginx", Value: "worker_processes 1;\nevents { \"x\" }\n"}},
		Profile: []host.Fact{{Key: "nginx", Value: "kernel 80.0 %"}},
	}
	var b bytes.Buffer
	out := raw.NewWriter(&b, append(append(append([]host.Fact{}, want.Facts...), quoted(configKey, want.Configs)...),
		quoted(profileKey, want.Profile)...))
	for i := range want.Samples {
		if err := out.Write(want.Samples[i].line()); err != nil {
			t.Fatal(err)
		}
	}
	if !IsRaw(b.Bytes()) {
		t.Errorf("not known as ours:\n%s", &b)
	}
	got, err := ReadRaw(bytes.NewReader(b.Bytes()), "test")
	if err != nil {
		t.Fatal(err)
	}
	// NaN is not equal to itself, but prints alike.
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || !reflect.DeepEqual(got.Configs, want.Configs) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestBrokenRawFilesAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "kernel: 6.18\n", "BenchmarkSomethingElse 10 5 ns/op\n", "BenchmarkProxies/proxy=nginx 10 5 req/s\n",
		"BenchmarkProxies/proxy=nginx/case=huge 10 5 cpu-ns/req\n", "BenchmarkProxies/proxy=apache/case=small 10 5 cpu-ns/req\n",
		"BenchmarkProxies/proxy=nginx/case=small 10 5 req/s 0 errors\n",
	} {
		if got, err := ReadRaw(strings.NewReader(text), "test"); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

// goodRun keeps every promise.
func goodRun() (all []Sample) {
	for _, cs := range Cases() {
		all = append(all, run(cs, map[Contender][]float64{
			TinygateUring: {500, 500}, TinygateEpoll: {800, 800}, Nginx: {1000, 1000}, Haproxy: {1100, 1100},
			TinygateUringLog: {505, 505}, TinygateEpollLog: {808, 808}, NginxLog: {1300, 1300},
		})...)
	}
	return all
}

func TestCheck(t *testing.T) {
	samples := goodRun()
	var b bytes.Buffer
	broken, err := WriteCheck(&b, Check(Summarise(samples)))
	if err != nil || broken != 0 || strings.Contains(b.String(), "not measured") {
		t.Errorf("%d broken, %v:\n%s", broken, err, &b)
	}
	for i := range samples {
		switch s := &samples[i]; {
		case s.Contender == TinygateUring && s.Case == Many:
			s.CPUNs = 1200 // of nginx, of haproxy
		case s.Contender == TinygateEpollLog && s.Case == Logged:
			s.CPUNs = 820 // of what it is without
		case s.Contender == TinygateEpoll && s.Case == Rate20K:
			s.P99 = 1e6
		case s.Contender == TinygateEpoll && s.Case == HandshakeRSA:
			s.CPUNs = 5000 // it is shown only
		}
	}
	b.Reset()
	if broken, err = WriteCheck(&b, Check(Summarise(samples))); err != nil || broken != 4 {
		t.Errorf("%d broken, want 4, %v:\n%s", broken, err, &b)
	}
	for _, f := range Check(Summarise(run(Small, map[Contender][]float64{Nginx: {1}}))) {
		if f.Broken() || f.Verdict() != "not measured" {
			t.Errorf("without tinygate: %+v: %s", f, f.Verdict())
		}
	}
}

// Those that write a log are measured beside those of the same program that do not, and nowhere else.
func TestLogsAreMeasuredBesideNone(t *testing.T) {
	for _, cs := range Cases() {
		var got []Contender
		for _, c := range Contenders() {
			if c.takesPart(cs) {
				got = append(got, c)
			}
		}
		want := []Contender{TinygateUring, TinygateEpoll, TinygateStd, Nginx, Haproxy, HTTPUtil, FastHTTP}
		if cs == Logged {
			want = []Contender{TinygateUring, TinygateUringLog, TinygateEpoll, TinygateEpollLog, Nginx, NginxLog}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", cs, got, want)
		}
	}
}

// Every symbol is of one group, and their shares are told.
func TestSplit(t *testing.T) {
	script := `
	ffffffff81234567 tcp_sendmsg_locked ([kernel.kallsyms])
	ffffffff81234568 [unknown] ([kernel.kallsyms])
	  4a1b2c github.com/unio-go/unio/tinygate/internal/http1.(*Parser).Head (/tmp/tinygate)
	  4a1b2d github.com/unio-go/unio/tinygate/internal/gate.(*client).serve (/tmp/tinygate)
	  4a1b2e github.com/unio-go/unio/internal/loop.(*Loop).run (/tmp/tinygate)
	  4a1b2f runtime.mallocgc (/tmp/tinygate)
	  55d0 [unknown] (/usr/sbin/nginx)
	  55d1 ngx_http_parse_request_line (/usr/sbin/nginx)
	  55d2 ngx_http_log_handler (/usr/sbin/nginx)
	  7f00 __memmove_evex_unaligned_erms (/usr/lib/x86_64-linux-gnu/libc.so.6)
a line of another kind
`
	got, err := split([]byte(script))
	want := "kernel 20.0 %, parse 20.0 %, C library 10.0 %, Go runtime 10.0 %, forward 10.0 %, log and metrics 10.0 %, " +
		"unio 10.0 %, without symbols 10.0 %"
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if _, err := split(nil); err == nil {
		t.Error("a profile without samples: no error")
	}
}

// A report has tables, drawing, check, and each configuration as it is.
func TestReport(t *testing.T) {
	base := filepath.Join(t.TempDir(), "report")
	record := &Record{Samples: goodRun(), Configs: []host.Fact{{Key: "haproxy", Value: "bind <here>"}},
		Facts: []host.Fact{{Key: "kernel", Value: "6.18"}}, Profile: []host.Fact{{Key: "nginx", Value: "kernel 80.0 %"}}}
	if err := WriteReport(base, record); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(base + ".html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "bind &lt;here&gt;", "kernel 80.0 %", "6.18", Get1M.Title(), "goal reached", "tinygate-uring"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is missing in the report", want)
		}
	}
	if _, err := os.Stat(base + ".svg"); err != nil {
		t.Error(err)
	}
	alone := filepath.Join(t.TempDir(), "alone")
	if err := WriteReport(alone, &Record{Samples: run(Small, map[Contender][]float64{Haproxy: {1}})}); err != nil {
		t.Error(err)
	}
	if page, err := os.ReadFile(alone + ".html"); err != nil || !bytes.Contains(page, []byte("nginx was not measured")) {
		t.Errorf("a report without nginx: %v", err)
	}
}

// An upstream that allocated would disturb the load generator, with which it shares a CPU.
func TestUpstreamAllocatesNothing(t *testing.T) {
	for _, cs := range []Case{Small, Browser, Post1K} {
		x := &exchange{answers: knownAnswers, body: longBody}
		text := traffics[cs].request()
		n := testing.AllocsPerRun(100, func() {
			if rest, answer, err := x.take(text); len(rest) > 0 || len(answer) == 0 || err != nil {
				t.Errorf("%s: %d bytes left, %d answered, %v", cs, len(rest), len(answer), err)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations for a request", cs, n)
		}
	}
}
