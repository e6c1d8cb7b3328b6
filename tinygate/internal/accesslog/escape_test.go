package accesslog

import (
	"bytes"
	"testing"
)

// indexSpecial says byte by byte what plain says eight bytes at a time.
func indexSpecial(s []byte, i int) int {
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return i
		}
	}
	return i
}

// Pairs of bytes, at the ends and in the middle of texts of all lengths that are read differently, so that no carry from one
// byte makes a mistake in the next. One of each pair is near a limit.
func TestPlainFindsTheFirst(t *testing.T) {
	limits := []byte("\x00\x01\x1e\x1f !\"#[\\]}~\x7f\x80\x81\x9f\xa0\xa1\xa2\xdc\xdd\xfe\xff")
	for _, n := range []int{2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24} {
		s := bytes.Repeat([]byte{'~'}, n)
		for _, at := range []int{0, n/2 - 1, n - 2} {
			for c := range 256 {
				for _, l := range limits {
					s[at], s[at+1] = byte(c), l
					checkPlain(t, s)
					s[at], s[at+1] = l, byte(c)
					checkPlain(t, s)
				}
			}
			s[at], s[at+1] = '~', '~'
		}
	}
	for _, s := range []string{"", "\"", "a"} {
		checkPlain(t, []byte(s))
	}
}

func checkPlain(t *testing.T, s []byte) {
	for i := 0; i <= len(s); i += 3 {
		if got, want := plain(s, i), indexSpecial(s, i); got != want {
			t.Fatalf("in %q from %d on: %d, want %d", s, i, got, want)
		}
	}
	b := append(make([]byte, 0, 64), "before"...)
	if ok := copyPlain(b, s); ok != (indexSpecial(s, 0) == len(s)) {
		t.Fatalf("%q was copied: %v", s, ok)
	} else if ok && string(b[:len(b)+len(s)]) != "before"+string(s) {
		t.Fatalf("%q was not copied", s)
	}
}
