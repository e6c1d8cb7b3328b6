package accesslog

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// valid is what a reader of JSON can be given: each byte that is not UTF-8 is U+FFFD.
func valid(s []byte) string { return string([]rune(string(s))) }

func writerOf(f *format) *Writer {
	l := &Log{format: f, wake: make(chan struct{}, 1)}
	return newWriter(l)
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte("/a"), []byte("x=\"\\"), []byte("Mozilla \xff\xc3\x28 \u2028 \u009b"), "refused", int64(1), int64(1e9), 200)
	f.Add([]byte("\x00\x1f\x7f"), []byte("\xed\xa0\x80"), []byte("1234567\"1234567\x80"), "\n", int64(-1), int64(-5), -3)
	f.Fuzz(func(t *testing.T, path, query, agent []byte, fail string, n, took int64, status int) {
		format, err := compile("json")
		if err != nil {
			t.Fatal(err)
		}
		w := writerOf(format)
		e := entry()
		e.Path, e.Query, e.UserAgent, e.Error = path, query, agent, fail
		e.BytesSent, e.Status, e.Duration = n, status, time.Duration(took)
		w.Add(&e)
		b, _ := w.pending()
		if format.bound(&e) > bufBytes {
			if len(b) == 0 || len(b) > bufBytes || !json.Valid(b) {
				t.Fatalf("cut line of %d bytes is wrong", len(b))
			}
			return
		}
		if len(b) > format.bound(&e) {
			t.Fatalf("%d bytes, the bound says %d", len(b), format.bound(&e))
		}
		checkLine(t, b)
		var got struct {
			Path, Query, User_agent, Error string
			Bytes_sent                     int64
			Status                         int
			Duration                       float64
			Time                           time.Time
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v in %q", err, b)
		}
		if got.Path != valid(path) || got.Query != valid(query) || got.User_agent != valid(agent) || got.Error != valid([]byte(fail)) {
			t.Errorf("texts do not come back from %q", b)
		}
		us := float64(max(took, 0)/1000) / 1e6
		if got.Bytes_sent != n || got.Status != status || got.Duration != us || !got.Time.Equal(e.Time) {
			t.Errorf("numbers do not come back from %q", b)
		}
	})
}

// checkLine wants one line that no terminal and no reader takes for something else.
func checkLine(t *testing.T, b []byte) {
	t.Helper()
	line, ok := strings.CutSuffix(string(b), "\n")
	if !ok || !utf8.ValidString(line) {
		t.Fatalf("not a line of UTF-8: %q", b)
	}
	for _, r := range line {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			t.Fatalf("%q has the character %q", b, r)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("${combined}", []byte("a b\" \\"), "up\n")
	f.Add("${path} ${query}${request}$", []byte("\xff"), "")
	f.Add("${", []byte{}, "x")
	f.Fuzz(func(t *testing.T, text string, hostile []byte, name string) {
		format, err := compile(text)
		if err != nil || format.json {
			return
		}
		w := writerOf(format)
		e := entry()
		e.Path, e.Query, e.UserAgent, e.Referer, e.Upstream, e.Method = hostile, hostile, hostile, hostile, name, hostile
		w.lost = 1 << 63
		w.Add(&e)
		b, _ := w.pending()
		if len(b) == 0 || len(b) > bufBytes || b[len(b)-1] != '\n' || strings.Count(string(b), "\n") != 2 {
			t.Fatalf("format %q gives %q", text, b)
		}
		if bound := format.bound(&e); bound <= bufBytes && len(b) > bound {
			t.Fatalf("%d bytes, the bound says %d", len(b), bound)
		}
		for _, c := range b {
			if c >= 0x80 && !strings.ContainsRune(text, rune(c)) && utf8.ValidString(text) && isASCII(text) {
				t.Fatalf("%q has a byte %#x", b, c)
			}
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
