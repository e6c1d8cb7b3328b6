package accesslog

import (
	"crypto/tls"
	"strconv"
	"time"
)

// numberMax is the most bytes of a number or a time.
const numberMax = 32

// appendSeconds appends d as seconds with six places. A negative d is a clock that was set back, and no time.
func appendSeconds(b []byte, d time.Duration) []byte {
	us := uint64(max(d, 0)) / 1000
	s, rest := us/1e6, uint32(us%1e6)
	if s < 10 {
		b = append(b, byte('0'+s))
	} else {
		b = strconv.AppendUint(b, s, 10)
	}
	high, low := rest/1000, rest%1000
	return append(b, '.', byte('0'+high/100), byte('0'+high/10%10), byte('0'+high%10),
		byte('0'+low/100), byte('0'+low/10%10), byte('0'+low%10))
}

// appendStatus appends a number that mostly has three digits.
func appendStatus(b []byte, n int) []byte {
	if n >= 100 && n <= 999 {
		return append(b, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
	}
	return strconv.AppendInt(b, int64(n), 10)
}

func tlsName(version uint16) string {
	switch version {
	case tls.VersionTLS10:
		return "1.0"
	case tls.VersionTLS11:
		return "1.1"
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	case 0:
		return ""
	}
	return "other"
}

// clock keeps the text of the last second, because most requests come within the same one.
type clock struct {
	second int64
	utc    []byte // "2006-01-02T15:04:05."
	local  []byte // Apache's, in local time
}

func newClock() clock {
	c := clock{second: -1 << 63, utc: make([]byte, 0, numberMax), local: make([]byte, 0, numberMax)}
	return c
}

func (c *clock) set(t time.Time) {
	if s := t.Unix(); s != c.second {
		c.second = s
		c.utc = t.UTC().AppendFormat(c.utc[:0], "2006-01-02T15:04:05.")
		c.local = t.Local().AppendFormat(c.local[:0], "02/Jan/2006:15:04:05 -0700")
	}
}

// appendUTC appends t, whose second is set.
func (c *clock) appendUTC(b []byte, t time.Time) []byte {
	ms := uint32(t.Nanosecond()) / 1e6
	return append(append(b, c.utc...), byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}
