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

// All pairs of bytes, at the end and in the middle of texts of all lengths that are read differently, so that no carry from one
// byte makes a mistake in the next.
func TestPlainFindsTheFirst(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24} {
		s := bytes.Repeat([]byte{'~'}, n)
		for _, at := range []int{0, n/2 - 1, n - 2} {
			for pair := range 1 << 16 {
				s[at], s[at+1] = byte(pair), byte(pair>>8)
				for i := 0; i < n; i += 3 {
					if got, want := plain(s, i), indexSpecial(s, i); got != want {
						t.Fatalf("in %q from %d on: %d, want %d", s, i, got, want)
					}
				}
			}
			s[at], s[at+1] = '~', '~'
		}
	}
	if plain(nil, 0) != 0 || plain([]byte("\""), 0) != 0 || plain([]byte("a"), 0) != 1 || plain([]byte("a"), 1) != 1 {
		t.Error("the shortest texts are wrong")
	}
}
