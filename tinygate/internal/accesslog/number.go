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
	rest := uint32(us % 1e6)
	p, q, r := &twoDigits[rest/10000], &twoDigits[rest/100%100], &twoDigits[rest%100]
	return append(appendCount(b, int64(us/1e6)), '.', p[0], p[1], q[0], q[1], r[0], r[1])
}

// twoDigits are those of the numbers below 100.
var twoDigits = func() (t [100][2]byte) {
	for i := range t {
		t[i] = [2]byte{byte('0' + i/10), byte('0' + i%10)}
	}
	return t
}()

// appendCount appends a number that mostly has one digit, or three as a status has.
func appendCount(b []byte, n int64) []byte {
	switch {
	case n >= 0 && n < 10:
		return append(b, byte('0'+n))
	case n >= 100 && n < 1000:
		p := &twoDigits[n%100]
		return append(b, byte('0'+n/100), p[0], p[1])
	}
	return strconv.AppendInt(b, n, 10)
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
	return clock{second: -1 << 63, utc: make([]byte, 0, numberMax), local: make([]byte, 0, numberMax)}
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
