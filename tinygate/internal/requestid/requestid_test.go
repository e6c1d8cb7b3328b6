package requestid

import (
	"fmt"
	"strings"
	"testing"
)

func TestAppendHex(t *testing.T) {
	for _, v := range []uint64{0, 1, 0x0123456789abcdef, 0xfedcba9876543210, 0xffffffffffffffff, 0x9a9a9a9a09a09a0f} {
		if got, want := string(appendHex([]byte("x"), v)), fmt.Sprintf("x%016x", v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Ids of several sources must all differ, be of one form and be valid to the next gate.
func TestIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 8 {
		s := New()
		for range 10_000 {
			id := s.Append(nil)
			if len(id) != 32 || strings.Trim(string(id), "0123456789abcdef") != "" || !Valid(id) {
				t.Fatalf("%q is not of the form", id)
			}
			seen[string(id)] = true
		}
	}
	if len(seen) != 80_000 {
		t.Errorf("%d different ids of 80000", len(seen))
	}
}

func TestValid(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, strings.Repeat("f", BytesMax): true, "6ba7b810-9dad-11d1-80b4-00c04fd430c8": true,
		"Root=1-67891233-abcdef012345678912345678": true, "aGVsbG8+/w==": true, "host:123@x~y_z.1": true,
		"": false, strings.Repeat("f", BytesMax+1): false, "a b": false, "a\tb": false, "a\r\nX: y": false, "a\x00": false,
		"a\"b": false, "a\\b": false, "a,b": false, "a;b": false, "<a>": false, "é": false, "a%0a": false, "${a}": false, "'": false,
	} {
		if Valid([]byte(id)) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add([]byte("a-b"))
	f.Add([]byte("\x7f\x80"))
	f.Fuzz(func(t *testing.T, id []byte) {
		if Valid(id) && strings.ContainsFunc(string(id), func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"'\,;<>%$`, r)
		}) {
			t.Errorf("%q", id)
		}
	})
}

func TestDoesNotAllocate(t *testing.T) {
	s, dst := New(), make([]byte, 0, 32)
	if n := testing.AllocsPerRun(1000, func() { Valid(s.Append(dst)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	s, dst := New(), make([]byte, 0, 32)
	b.ReportAllocs()
	for b.Loop() {
		dst = s.Append(dst[:0])
	}
}

func BenchmarkValid(b *testing.B) {
	id := New().Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if !Valid(id) {
			b.Fatal("refused")
		}
	}
}
