package proxyproto

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	block4 = "\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\xd2\x00\x50"
	both4  = "192.0.2.1:1234 192.0.2.2:80"
	both6  = "[2001:db8::1]:1234 [2001:db8::2]:80"
)

func describe(h Header) string {
	if h.Local {
		return fmt.Sprintf("%d local %v", h.Version, h.Source.IsValid() || h.Destination.IsValid())
	}
	if !h.Source.IsValid() && !h.Destination.IsValid() {
		return fmt.Sprintf("%d none", h.Version)
	}
	return fmt.Sprintf("%d %v %v", h.Version, h.Source, h.Destination)
}

var valid = []struct{ name, in, want string }{
	{"tcp4", line("TCP4", "192.0.2.1", "192.0.2.2", "1234", "80"), "1 " + both4},
	{"ports 0 and 65535", line("TCP4", "0.0.0.0", "255.255.255.255", "0", "65535"), "1 0.0.0.0:0 255.255.255.255:65535"},
	{"tcp6", line("TCP6", "2001:DB8::1", "2001:db8:0:0:0:0:0:2", "1234", "80"), "1 " + both6},
	{"tcp6 of ipv4", line("TCP6", "::ffff:192.0.2.1", "::ffff:c000:202", "1234", "80"), "1 " + both4},
	{"unknown", "PROXY UNKNOWN\r\n", "1 none"},
	{"unknown with anything", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "1 none"},
	{"unknown at its longest", "PROXY UNKNOWN " + strings.Repeat("x", 91) + "\r\n", "1 none"},
	{"inet", binary2(0x21, 0x11, block4), "2 " + both4},
	{"inet6", binary2(0x21, 0x21, block("[2001:db8::1]:1234", "[2001:db8::2]:80")), "2 " + both6},
	{"inet6 of ipv4", binary2(0x21, 0x21, block("[::ffff:192.0.2.1]:1234", "[::ffff:192.0.2.2]:80")), "2 " + both4},
	{"inet datagram", binary2(0x21, 0x12, block4), "2 none"},
	{"unix", binary2(0x21, 0x31, strings.Repeat("\x00", unixBytes)), "2 none"},
	{"unspecified", binary2(0x21, 0x00, ""), "2 none"},
	{"unspecified with anything", binary2(0x21, 0x00, "\x03\x00"), "2 none"},
	{"local", binary2(0x20, 0x00, ""), "2 local false"},
	{"local with addresses", binary2(0x20, 0x11, block4), "2 local false"},
	{"local of an unknown family", binary2(0x20, 0xff, "xyz"), "2 local false"},
	{"tlvs", binary2(0x21, 0x11, block4, tlv{0x01, "h2"}, tlv{0x02, "example.com"}, tlv{0x20, "\x01\x00\x00\x00\x00"},
		tlv{0x04, ""}, tlv{0xea, "vpce"}), "2 " + both4},
	{"crc32c", binary2(0x21, 0x11, block4, tlv{0x02, "a"}, crcTLV, tlv{0x04, "\x00"}), "2 " + both4},
	{"longest", binary2(0x21, 0x11, block4, tlv{0x04, strings.Repeat("\x00", headerBytesMax-fixedBytes-inetBytes-3)}), "2 " + both4},
	// The checksum was computed bit by bit by another program, so that ours is not its own witness.
	{"crc32c of a known header",
		signature2 + "\x21\x11\x00\x13\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x01\x00\x02\x03\x00\x04\xe9\x16\x6d\x07",
		"2 127.0.0.1:1 127.0.0.1:2"},
}

var invalids = []struct {
	name, in string
	want     error
}{
	{"http", "GET / HTTP/1.1\r\n\r\n", ErrMissing},
	{"tls", "\x16\x03\x01\x02\x00", ErrMissing},
	{"ssh", "SSH-2.0-x\r\n", ErrMissing},
	{"lower case", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", ErrMissing},
	{"tab", "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n", ErrMissing},
	{"empty line before", "\r\nPROXY UNKNOWN\r\n", ErrMissing},
	{"no CRLF in 107", "PROXY UNKNOWN" + strings.Repeat("x", 94), errLine},
	{"CRLF at 108", "PROXY UNKNOWN" + strings.Repeat("x", 93) + "\r\n", errLine},
	{"LF alone", "PROXY UNKNOWN\n" + strings.Repeat("x", 93), errLine},
	{"LF alone, then a CRLF", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\nGET / HTTP/1.1\r\n", errWords},
	{"nothing", "PROXY \r\n", errWords},
	{"family", line("UDP4", "1.2.3.4", "1.2.3.4", "1", "2"), errWords},
	{"family in lower case", line("tcp4", "1.2.3.4", "1.2.3.4", "1", "2"), errWords},
	{"unknown and more", "PROXY UNKNOWNS\r\n", errWords},
	{"two spaces", "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", errWords},
	{"two spaces before the family", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", errWords},
	{"space at the end", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", errWords},
	{"a port is missing", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", errWords},
	{"one too many", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", errWords},
	{"tcp4 of ipv6", line("TCP4", "::1", "::2", "1", "2"), errAddress},
	{"tcp6 of ipv4 text", line("TCP6", "1.2.3.4", "1.2.3.4", "1", "2"), errAddress},
	{"mixed", line("TCP4", "1.2.3.4", "::1", "1", "2"), errAddress},
	{"octal", line("TCP4", "01.2.3.4", "1.2.3.4", "1", "2"), errAddress},
	{"256", line("TCP4", "1.2.3.256", "1.2.3.4", "1", "2"), errAddress},
	{"zone", line("TCP6", "fe80::1%eth0", "fe80::2", "1", "2"), errAddress},
	{"brackets", line("TCP6", "[::1]", "::2", "1", "2"), errAddress},
	{"name", line("TCP4", "localhost", "1.2.3.4", "1", "2"), errAddress},
	{"port with a zero", line("TCP4", "1.2.3.4", "1.2.3.4", "01", "2"), errPort},
	{"port 00", line("TCP4", "1.2.3.4", "1.2.3.4", "1", "00"), errPort},
	{"port 65536", line("TCP4", "1.2.3.4", "1.2.3.4", "65536", "2"), errPort},
	{"port of six digits", line("TCP4", "1.2.3.4", "1.2.3.4", "123456", "2"), errPort},
	{"port +1", line("TCP4", "1.2.3.4", "1.2.3.4", "+1", "2"), errPort},
	{"port 0x1", line("TCP4", "1.2.3.4", "1.2.3.4", "0x1", "2"), errPort},
	{"no port", line("TCP4", "1.2.3.4", "1.2.3.4", "", "2"), errPort},
	{"CR within", line("TCP4", "1.2.3.4", "1.2.3.4", "1", "2\r"), errPort},
	{"signature of version 2 spoiled", "\r\n\r\n\x00\r\nQUIX\n\x21\x11", ErrMissing},
	{"version 1 in binary", binary2(0x11, 0x11, block4), errVersion},
	{"version 3", binary2(0x31, 0x11, block4), errVersion},
	{"command 2", binary2(0x22, 0x11, block4), errCommand},
	{"family 4", binary2(0x21, 0x41, block4), errFamily},
	{"transport 3", binary2(0x21, 0x13, block4), errFamily},
	{"inet without a transport", binary2(0x21, 0x10, block4), errFamily},
	{"unspecified with a transport", binary2(0x21, 0x01, ""), errFamily},
	{"too long", string(signature2) + "\x21\x11\xff\xff", errTooLong},
	{"too long by one", string(signature2) + "\x21\x11\x0f\xf1", errTooLong},
	{"local too long", string(signature2) + "\x20\x00\xff\xff", errTooLong},
	{"inet too short", binary2(0x21, 0x11, block4[1:]), errAddresses},
	{"inet6 too short", binary2(0x21, 0x21, block4), errAddresses},
	{"unix too short", binary2(0x21, 0x31, block4), errAddresses},
	{"half a TLV", binary2(0x21, 0x11, block4+"\x01\x00"), errTLV},
	{"TLV past the end", binary2(0x21, 0x11, block4+"\x01\x00\x02x"), errTLV},
	{"crc32c", binary2(0x21, 0x11, block4, tlv{tlvCRC, "\x01\x02\x03\x04"}), errCRC},
	{"crc32c of three bytes", binary2(0x21, 0x11, block4, tlv{tlvCRC, "\x01\x02\x03"}), errCRCForm},
	{"two crc32c", binary2(0x21, 0x11, block4, crcTLV, crcTLV), errCRCForm},
}

func TestValid(t *testing.T) {
	for _, c := range valid {
		t.Run(c.name, func(t *testing.T) {
			h, n, err := Parse([]byte(c.in + "GET / HTTP/1.1\r\n"))
			if err != nil || n != len(c.in) || describe(h) != c.want {
				t.Errorf("got %s, %d, %v; want %s, %d", describe(h), n, err, c.want, len(c.in))
			}
			checkCuts(t, []byte(c.in))
		})
	}
}

func TestInvalid(t *testing.T) {
	for _, c := range invalids {
		t.Run(c.name, func(t *testing.T) {
			h, n, err := Parse([]byte(c.in))
			if !errors.Is(err, c.want) || n != 0 || h != (Header{}) {
				t.Errorf("got %s, %d, %v; want %v", describe(h), n, err, c.want)
			}
			if errors.Is(err, ErrMissing) == errors.Is(err, ErrInvalid) {
				t.Errorf("%v is not one of the two causes", err)
			}
			checkCuts(t, []byte(c.in))
		})
	}
}

// dirt lies behind the received end; each would end or spoil a header if it were looked at.
var dirt = []string{"\r\n", "\x00", "\xff", "PROXY UNKNOWN\r\n", signature2 + "\x20\x00\x00\x00", " 1 2\r\n"}

// checkCuts feeds what has come after each byte, in a buffer with old bytes behind the received end. Once there is an answer
// it must stay, and it must be that of the whole.
func checkCuts(t *testing.T, msg []byte) {
	t.Helper()
	type answer struct {
		h   Header
		n   int
		err error
	}
	ask := func(b []byte) answer {
		h, n, err := Parse(b)
		return answer{h, n, err}
	}
	whole := ask(msg[:len(msg):len(msg)])
	buf := make([]byte, len(msg)+64)
	answered := false
	for k := 0; k <= len(msg); k++ {
		filth := dirt[k%len(dirt)]
		for i := copy(buf, msg[:k]); i < len(buf); i++ {
			buf[i] = filth[(i-k)%len(filth)]
		}
		got := ask(buf[:k])
		if got == (answer{}) && !answered {
			continue
		}
		answered = true
		if got != whole || got.n > k {
			t.Fatalf("%q cut at %d, with %q behind it: %+v, whole: %+v", msg, k, filth, got, whole)
		}
	}
	if !answered && whole != (answer{}) {
		t.Fatalf("%q: nothing, whole: %+v", msg, whole)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range valid {
		f.Add([]byte(c.in + "GET /"))
	}
	for _, c := range invalids {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		if len(msg) > 2*headerBytesMax {
			return
		}
		checkCuts(t, msg)
		h, n, err := Parse(msg)
		switch {
		case err != nil && (n != 0 || h != (Header{})):
			t.Errorf("an error with a header: %+v, %d, %v", h, n, err)
		case n > headerBytesMax || h.Version == 1 && n > lineBytesMax:
			t.Errorf("a header of %d bytes", n)
		case h.Source.IsValid() != h.Destination.IsValid(), h.Local && h.Source.IsValid():
			t.Errorf("%+v", h)
		case n == 0 && err == nil && len(msg) >= headerBytesMax:
			t.Error("asks for more than the longest header")
		}
	})
}

// Who reads what is missing, again and again, ends behind the header, however short the rest was said to be.
func TestMissingEndsWithTheHeader(t *testing.T) {
	for _, c := range valid {
		have := 1
		for {
			n := Missing([]byte(c.in[:have]))
			if have += n; n < 1 || have > len(c.in) {
				t.Fatalf("%s: wants %d bytes, to %d of %d", c.name, n, have, len(c.in))
			}
			if _, used, err := Parse([]byte(c.in[:have])); err != nil || used > 0 {
				if err != nil || used != len(c.in) {
					t.Errorf("%s: %d of %d bytes, %v", c.name, used, len(c.in), err)
				}
				break
			}
		}
	}
}

func TestDoesNotAllocate(t *testing.T) {
	one, two, bad := []byte(valid[0].in), []byte(binary2(0x21, 0x21, block("[::1]:1", "[::2]:2"), crcTLV)), []byte("PROXY x\r\n")
	if n := testing.AllocsPerRun(100, func() {
		Parse(one)
		Parse(two)
		Parse(bad)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	for name, in := range map[string]string{"1": valid[0].in, "2": binary2(0x21, 0x11, block4), "2crc": binary2(0x21, 0x11, block4, crcTLV)} {
		b.Run("version="+name, func(b *testing.B) {
			in := []byte(in)
			b.ReportAllocs()
			for b.Loop() {
				if _, n, _ := Parse(in); n == 0 {
					b.Fatal("refused")
				}
			}
		})
	}
}
