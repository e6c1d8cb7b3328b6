package iptext

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

var texts = []string{
	"1.2.3.4", "0.0.0.0", "255.255.255.255", "::", "::1", "1::", "fe80::a:B", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
	"::2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "2001:db8::1", "1::1.2.3.4",
	"", ".", ":", ":::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\x00",
	"1..3.4", "1.2.3.", "+1.2.3.4", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "1:", ":1", "::1:",
	"1:2:3:4:5:6:7:8::", "::1.2.3", "::1.2.3.256", "1:2:3:4:5:6:7:1.2.3.4", "::g", "fe80::1%eth0", "[::1]", "1.2.3.4:80",
	"::1.2.3.4:5", "0000::00000", "1234.1.1.1", "65535.1", "a.b.c.d", "::ffff:1.2.3.4.", "1:2:3:4:5:6:7:8:", "::0:0:0:0:0:0:0:0",
}

var errZone = errors.New("zones are not for text from outside")

// check compares with net/netip.
func check(t *testing.T, text string) {
	t.Helper()
	want, err := netip.ParseAddr(text)
	if strings.Contains(text, "%") {
		want, err = netip.Addr{}, errZone
	}
	got, ok := Parse([]byte(text))
	if ok != (err == nil) || ok && got != want {
		t.Errorf("%q: %v, %v; net/netip has %v, %v", text, got, ok, want, err)
	}
}

func TestAgreesWithNetip(t *testing.T) {
	for _, text := range texts {
		check(t, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(check)
}

func TestDoesNotAllocate(t *testing.T) {
	b4, b6, bad := []byte("192.0.2.1"), []byte("2001:db8::1"), []byte("unknown")
	if n := testing.AllocsPerRun(100, func() {
		Parse(b4)
		Parse(b6)
		Parse(bad)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, text := range []string{"192.0.2.123", "2001:db8:1234::1"} {
		b.Run(text, func(b *testing.B) {
			in := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := Parse(in); !ok {
					b.Fatal("not understood")
				}
			}
		})
	}
}
