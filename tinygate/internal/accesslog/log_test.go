package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// bound is how long anything in these tests may take before it counts as hanging.
const bound = 20 * time.Second

// await waits for a channel to be closed or to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t *testing.T, format string, loops int) (*Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := Open(config.AccessLog{Path: path, Format: format}, loops)
	if err != nil {
		t.Fatal(err)
	}
	l.SetLogger(quiet())
	t.Cleanup(func() { l.Close() })
	return l, path
}

func entry() Entry {
	return Entry{
		Time: time.Date(2026, 11, 29, 3, 50, 44, 7e6, time.UTC), Duration: 1234567 * time.Nanosecond,
		UpstreamDuration: 987 * time.Microsecond, BytesSent: 5120, BytesReceived: 17, Status: 200, Tries: 1, TLS: 0x0304,
		Client: []byte("203.0.113.7"), Method: []byte("GET"), Host: []byte("www.example.com"),
		Path: []byte("/a/b.html"), Query: []byte("x=1&y=2"), RequestID: []byte("0189c2d4e5f60718293a4b5c6d7e8f90"),
		UserAgent: []byte("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"),
		Referer:   []byte("https://www.example.com/index.html"),
		Protocol:  "HTTP/1.1", Route: "site", Upstream: "backend", Server: "10.0.0.12:8080",
	}
}

func lines(t *testing.T, paths ...string) (all []string) {
	t.Helper()
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 0 && b[len(b)-1] != '\n' {
			t.Fatalf("%s ends in a part of a line: %q", p, b[max(0, len(b)-80):])
		}
		for l := range strings.Lines(string(b)) {
			all = append(all, strings.TrimSuffix(l, "\n"))
		}
	}
	return all
}

func TestJSONLine(t *testing.T) {
	l, path := open(t, "json", 1)
	e := entry()
	e.Error = "the upstream closed the connection"
	l.Writer(0).Add(&e)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want := `{"time":"2026-11-29T03:50:44.007Z","client":"203.0.113.7","method":"GET","host":"www.example.com","path":"/a/b.html",` +
		`"query":"x=1&y=2","protocol":"HTTP/1.1","status":200,"bytes_sent":5120,"bytes_received":17,"duration":0.001234,` +
		`"route":"site","upstream":"backend","server":"10.0.0.12:8080","upstream_duration":0.000987,"tries":1,` +
		`"request_id":"0189c2d4e5f60718293a4b5c6d7e8f90",` +
		`"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",` +
		`"referer":"https://www.example.com/index.html","tls":"1.3","error":"the upstream closed the connection"}`
	if got := lines(t, path); len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTextLines(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{"${combined}", `203.0.113.7 - - [` + time.Date(2026, 11, 29, 3, 50, 44, 0, time.UTC).Local().Format("02/Jan/2006:15:04:05 -0700") +
			`] "GET /a/b.html?x=1&y=2 HTTP/1.1" 200 5120 "-" "a\x22b\x0ac\xff"`},
		{"$ ${client}$${status} ${duration} {${tries}}", `$ 203.0.113.7$200 0.001234 {1}`},
		{"${time} ${tls} ${error} ${upstream_duration}", `2026-11-29T03:50:44.007Z 1.3 - 0.000987`},
	} {
		l, path := open(t, c.format, 1)
		e := entry()
		e.UserAgent, e.Referer = []byte("a\"b\nc\xff"), nil
		l.Writer(0).Add(&e)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got := lines(t, path); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.format, got, c.want)
		}
	}
}

func TestCombinedIsAName(t *testing.T) {
	a, err := compile("combined")
	if err != nil {
		t.Fatal(err)
	}
	b, err := compile("${combined}")
	if err != nil || len(a.pieces) != len(b.pieces) {
		t.Errorf("combined has %d pieces and ${combined} %d, %v", len(a.pieces), len(b.pieces), err)
	}
}

func TestFormatsThatAreRefused(t *testing.T) {
	for format, want := range map[string]string{
		"${cleint} x":                          "${cleint}, which is not known; there are ${bytes_received}",
		"${client":                             "not closed by }",
		"jsno":                                 "no ${name}",
		"${client}\n":                          "control character",
		strings.Repeat("x", 5000):              "4096 are the most",
		strings.Repeat("${path}", 65):          "more than 64",
		"${cookie} must be no name of a field": "not known",
	} {
		_, err := Open(config.AccessLog{Path: filepath.Join(t.TempDir(), "x"), Format: format}, 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want an error with %q", format, err, want)
		}
	}
	if _, err := compile(strings.Repeat("${path}", 64)); err != nil {
		t.Error(err)
	}
	for _, name := range config.LogNames {
		if _, err := compile("${" + name + "}"); err != nil {
			t.Errorf("a configuration may have it: %v", err)
		}
	}
}

// A configuration has the formats that the log has, up to its limits.
func TestConfigurationAndLogAgreeOnFormats(t *testing.T) {
	combined := strings.Repeat("${combined}", 9)
	for format, good := range map[string]bool{
		combined:                                 true,
		combined + "${path}":                     true,
		combined + "${path}${path}":              false,
		combined + "${combined}":                 false,
		strings.Repeat("${path}", 64):            true,
		strings.Repeat("${path}", 65):            false,
		"${path}" + strings.Repeat("x", 4<<10-7): true,
		"${path}" + strings.Repeat("x", 4<<10-6): false,
		"${combined}" + strings.Repeat("x", 4<<10-len(config.LogCombined)):   true,
		"${combined}" + strings.Repeat("x", 4<<10-len(config.LogCombined)+1): false,
	} {
		_, err := config.Parse("gate.yaml", fmt.Appendf(nil, "listen: :80\nto: 10.0.0.1:80\naccess_log: {path: stdout, format: '%s'}\n", format), os.LookupEnv)
		if (err == nil) != good {
			t.Errorf("%.60q...: the configuration: %v", format, err)
		}
		if _, err := compile(format); (err == nil) != good {
			t.Errorf("%.60q...: the log: %v", format, err)
		}
	}
}

func TestDollarBeginsNoVariable(t *testing.T) {
	f, err := compile("a" + config.Dollar + "{path} ${path}")
	if err != nil {
		t.Fatal(err)
	}
	e := entry()
	e.Path = []byte("/x")
	if got := string(f.append(nil, writerOf(f), &e, false)); got != "a${path} /x\n" {
		t.Errorf("%q", got)
	}
	if _, err := compile(config.Dollar); err == nil {
		t.Error("a format without a name is accepted")
	}
}

func TestPathThatCannotBeOpened(t *testing.T) {
	_, err := Open(config.AccessLog{Path: filepath.Join(t.TempDir(), "no", "access.log")}, 1)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "directory") {
		t.Errorf("got %v", err)
	}
}

func TestNoLog(t *testing.T) {
	l, err := Open(config.AccessLog{}, 2)
	if l != nil || err != nil {
		t.Fatalf("got %v, %v", l, err)
	}
	e := entry()
	l.Writer(1).Add(&e)
	if err := errors.Join(l.Flush(), l.Reopen(), l.Close(), l.Err()); err != nil || l.Dropped() != 0 {
		t.Error(err)
	}
}

// Loops write while the file is rotated; each line is there exactly once, and whole.
func TestRotationLosesNothing(t *testing.T) {
	const loops, each, turns = 3, 4000, 20
	l, path := open(t, "${request_id}", loops)
	var wg sync.WaitGroup
	for i := range loops {
		wg.Go(func() {
			w := l.Writer(i)
			for n := range each {
				e := Entry{RequestID: []byte(strconv.Itoa(i*each + n))}
				w.Add(&e)
				if n%500 == 499 { // so that nothing has to be dropped
					if err := l.Flush(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	var files []string
	for i := range turns {
		old := path + "." + strconv.Itoa(i)
		if err := os.Rename(path, old); err != nil {
			t.Fatal(err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
		files = append(files, old)
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, line := range lines(t, append(files, path)...) {
		if seen[line] {
			t.Errorf("%q is there twice", line)
		}
		seen[line] = true
	}
	if len(seen) != loops*each || l.Dropped() != 0 {
		t.Errorf("%d lines and %d dropped, want %d and none", len(seen), l.Dropped(), loops*each)
	}
}

func TestReopenThatFailsKeepsTheOldFile(t *testing.T) {
	l, path := open(t, "${path}", 1)
	dir := filepath.Dir(path)
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(moved) })
	if err := l.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	l.Writer(0).Add(&Entry{Path: []byte("/still")})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, filepath.Join(moved, "access.log")); len(got) != 1 || got[0] != "/still" {
		t.Errorf("got %q", got)
	}
}

// Nobody reads the pipe: Add drops and counts, does not block, and the next line that gets through tells.
func TestSlowFileDrops(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f, err := compile("json")
	if err != nil {
		t.Fatal(err)
	}
	l := start(w, "", f, 1)
	l.SetLogger(quiet())
	const total = 20000 // 10 MB; a pipe and the buffers have less than half of it
	e := entry()
	began := time.Now()
	for range total {
		l.Writer(0).Add(&e)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("adding took %v", took)
	}
	dropped := l.Dropped()
	if dropped == 0 || dropped >= total {
		t.Fatalf("%d of %d lines dropped", dropped, total)
	}
	read := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(r)
		read <- b
	}()
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	l.Writer(0).Add(&e)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got := bytes.Split(bytes.TrimSpace(await(t, read, "the reader's end")), []byte("\n"))
	if want := total + 1 - int(dropped); len(got) != want {
		t.Errorf("%d lines arrived, want %d", len(got), want)
	}
	var last struct{ Dropped uint64 }
	if err := json.Unmarshal(got[len(got)-1], &last); err != nil || last.Dropped != dropped {
		t.Errorf("the line after the lost ones says %d, %v; want %d", last.Dropped, err, dropped)
	}
	if l.Writer(0).Add(&e); l.Dropped() != dropped+1 {
		t.Error("a line after Close is not counted as dropped")
	}
}

func TestLostLinesInText(t *testing.T) {
	l, path := open(t, "${path}", 1)
	w := l.Writer(0)
	w.lost = 17
	w.Add(&Entry{Path: []byte("/a")})
	w.Add(&Entry{Path: []byte("/b")})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines(t, path), "|"); got != "# 17 lines dropped|/a|/b" {
		t.Errorf("got %q", got)
	}
}

// A line is written within the flush interval though no other follows.
func TestOldLinesAreWrittenWithoutTraffic(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := compile("${path}")
	if err != nil {
		t.Fatal(err)
	}
	l := start(w, "", f, 1)
	defer l.Close()
	l.Writer(0).Add(&Entry{Path: []byte("/lonely")})
	r.SetReadDeadline(time.Now().Add(10 * flushEvery))
	b := make([]byte, 100)
	if n, err := r.Read(b); err != nil || string(b[:n]) != "/lonely\n" {
		t.Errorf("got %q, %v", b[:n], err)
	}
}

// faultyFile takes some bytes, and then fails until it is mended.
type faultyFile struct {
	mu   sync.Mutex
	room int
	got  bytes.Buffer
}

var errFull = errors.New("no space left")

func (f *faultyFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(b), f.room)
	f.room -= n
	f.got.Write(b[:n])
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func (f *faultyFile) mend(room int) {
	f.mu.Lock()
	f.room = room
	f.mu.Unlock()
}

// A disk that is full in the middle of a line of the second loop: the line is completed before another loop's follows.
func TestFullDisk(t *testing.T) {
	file := &faultyFile{room: 12}
	f, err := compile("${path}")
	if err != nil {
		t.Fatal(err)
	}
	l := start(file, "", f, 2)
	l.SetLogger(quiet())
	defer l.Close()
	l.Writer(0).Add(&Entry{Path: []byte("/first")})
	l.Writer(1).Add(&Entry{Path: []byte("/secondsecond")})
	if err := l.Flush(); !errors.Is(err, errFull) || !errors.Is(l.Err(), errFull) {
		t.Fatalf("got %v and %v, want that the disk is full", err, l.Err())
	}
	l.Writer(0).Add(&Entry{Path: []byte("/third")})
	file.mend(1000)
	if err := l.Flush(); err != nil || l.Err() != nil {
		t.Fatalf("got %v and %v after there was room", err, l.Err())
	}
	file.mu.Lock()
	defer file.mu.Unlock()
	if got := file.got.String(); got != "/first\n/secondsecond\n/third\n" {
		t.Errorf("got %q", got)
	}
}

// What was torn on a full disk is whole in the new file.
func TestReopenAfterATornLine(t *testing.T) {
	file := &faultyFile{room: 3}
	f, err := compile("${path}")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "access.log")
	l := start(file, path, f, 1)
	l.SetLogger(quiet())
	l.Writer(0).Add(&Entry{Path: []byte("/whole")})
	if err := l.Flush(); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	if err := errors.Join(l.Reopen(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, path); len(got) != 1 || got[0] != "/whole" {
		t.Errorf("got %q", got)
	}
}

func TestCloseIsBounded(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := compile("json")
	if err != nil {
		t.Fatal(err)
	}
	l := start(w, "", f, 1)
	l.SetLogger(quiet())
	l.wait = 20 * time.Millisecond
	e := entry()
	for range 1000 { // more than a pipe has
		l.Writer(0).Add(&e)
	}
	if err := l.Close(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// Texts can be longer than a buffer when they are escaped.
func TestLongTextsAreCut(t *testing.T) {
	for _, format := range []string{"json", "combined", strings.Repeat("${path}${request}", 32)} {
		l, path := open(t, format, 1)
		e := entry()
		e.Path = bytes.Repeat([]byte{1}, bufBytes/4)
		e.UserAgent = bytes.Repeat([]byte("\""), bufBytes/4)
		for range 3 {
			l.Writer(0).Add(&e)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		got := lines(t, path)
		if int(l.Dropped())+len(got) != 3 || len(got) == 0 {
			t.Fatalf("%.20s: %d lines and %d dropped", format, len(got), l.Dropped())
		}
		if format == "json" {
			var line struct{ Truncated bool }
			if err := json.Unmarshal([]byte(got[0]), &line); err != nil || !line.Truncated {
				t.Errorf("not marked as cut: %v", err)
			}
		}
	}
}

// While nothing is written a loop gets more buffers, up to the bound; no line of them is lost or out of order, and they are
// given up when they are not needed.
func TestBuffersGrowAndShrink(t *testing.T) {
	f, err := compile("${request_id}")
	if err != nil {
		t.Fatal(err)
	}
	w := writerOf(f)
	text := func(n int) []byte { return fmt.Appendf(nil, "%08000d", n) }
	var written []byte
	write := func() {
		for last := true; last; {
			var b []byte
			b, last = w.pending()
			written = append(written, b...)
			w.wrote(len(b), last)
		}
	}
	n := 0
	for ; w.dropped.Load() == 0; n++ {
		w.Add(&Entry{RequestID: text(n)})
	}
	if len(w.buffers) != buffersMax || n < 2*buffersMax {
		t.Fatalf("%d buffers had room for %d lines", len(w.buffers), n)
	}
	write()
	for i := range n - 1 { // the last one was dropped
		line, rest, _ := bytes.Cut(written, []byte("\n"))
		if !bytes.Equal(line, text(i)) {
			t.Fatalf("line %d is %q", i, line)
		}
		written = rest
	}
	same := text(0)
	for range (buffersMax + 2) * (calmTurns + 2) * bufBytes / 8000 {
		w.Add(&Entry{RequestID: same})
		write()
		written = written[:0]
		if len(w.buffers) == buffersKept {
			return
		}
	}
	t.Errorf("%d buffers are kept", len(w.buffers))
}
