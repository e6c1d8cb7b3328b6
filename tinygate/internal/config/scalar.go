package config

import (
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// off is how a file says that a bound or a power is not wanted. It is a word because a zero would have to be explained
// at each key.
const off = "off"

// word reads one of some words.
func (v value) word(into *string, words ...string) {
	want := oneOf(words)
	s, ok := v.text(want)
	if !ok {
		return
	}
	if !slices.Contains(words, s) {
		v.fail("%q is not known; %sthere are %s", s, guess(s, words), strings.Join(words, ", "))
		return
	}
	*into = s
}

// oneOf is a list of words with "or" before the last.
func oneOf(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " or " + words[n]
	}
	return strings.Join(words, "")
}

// flag reads true or false. The other words of YAML 1.1 are refused, since YAML 1.2 takes them for texts.
func (v value) flag(into *bool) {
	s, ok := v.text("true or false")
	switch {
	case !ok:
	case s == "true" || s == "false":
		*into = s == "true"
	default:
		v.fail("%q is neither; write true or false", s)
	}
}

// number reads a whole number from lo to hi.
func (v value) number(into *int, lo, hi int) {
	s, ok := v.text("a whole number from " + strconv.Itoa(lo) + " to " + strconv.Itoa(hi))
	if !ok {
		return
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil || !isDigit(s[len(s)-1]) || s[0] == '+':
		v.fail("%q is no whole number; write one from %d to %d", s, lo, hi)
	case n < lo || n > hi:
		v.fail("%d is out of range; write a number from %d to %d", n, lo, hi)
	default:
		*into = n
	}
}

// numberOrOff reads a number from 1 to hi, or off, which is 0.
func (v value) numberOrOff(into *int, hi int) {
	if v.is(off) {
		*into = 0
		return
	}
	if v.is("0") {
		v.fail("0 is no bound; write %s for none", off)
		return
	}
	v.number(into, 1, hi)
}

// percent reads 1% to 100%.
func (v value) percent(into *int) {
	const want = "a share from 1% to 100%"
	s, ok := v.text(want)
	if !ok {
		return
	}
	digits, unit := strings.CutSuffix(s, "%")
	n, err := strconv.ParseUint(digits, 10, 16)
	switch {
	case err == nil && !unit:
		v.fail("%q has no unit; write %d%%", s, n)
	case err != nil || n < 1 || n > 100:
		v.fail("%q is no share; write one from 1%% to 100%%", s)
	default:
		*into = int(n)
	}
}

// duration reads a time from lo to hi, and off as 0 where that has a meaning.
func (v value) duration(into *time.Duration, lo, hi time.Duration, mayBeOff bool) {
	if mayBeOff && v.is(off) {
		*into = 0
		return
	}
	const want = "a time with its unit, such as 500ms, 10s or 2m"
	s, ok := v.text(want)
	if !ok {
		return
	}
	d, err := time.ParseDuration(s)
	_, bare := strconv.ParseFloat(s, 64)
	switch {
	case bare == nil && mayBeOff && d == 0 && err == nil:
		v.fail("0 is no time; write %s for no bound", off)
	case bare == nil:
		v.fail("%s has no unit; write %[1]ss for seconds, or %[1]sms", s)
	case err != nil:
		v.fail("%q is no time; write one with its unit, such as 500ms, 10s or 2m", s)
	case d < lo || d > hi:
		v.fail("%v is out of range; write a time from %v to %v", brief(d), brief(lo), brief(hi))
	default:
		*into = d
	}
}

// brief is a time without the zero parts that time.Duration prints.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// units of sizes. Those of ten are what disks and some people count in.
var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// size reads a number of bytes from lo to hi, and off as 0 where that has a meaning.
func (v value) size(into *int64, lo, hi int64, mayBeOff bool) {
	if mayBeOff && v.is(off) {
		*into = 0
		return
	}
	s, ok := v.text("a size with its unit, such as 512B, 16KiB or 10MB")
	if !ok {
		return
	}
	n, known := parseSize(s)
	_, bare := strconv.ParseUint(s, 10, 64)
	switch {
	case bare == nil && s == "0" && mayBeOff:
		v.fail("0 is no size; write %s for no bound", off)
	case bare == nil:
		v.fail("%s has no unit; write %[1]sB, or a number of KiB, MiB or MB", s)
	case !known:
		v.fail("%q is no size; write a whole number with its unit, such as 512B, 16KiB or 10MB", s)
	case n < lo || n > hi:
		v.fail("%s is out of range; write a size from %s to %s", s, sizeText(lo), sizeText(hi))
	default:
		*into = n
	}
}

// parseSize reads a number and a unit.
func parseSize(s string) (int64, bool) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 62)
		if err != nil || int64(n) > math.MaxInt64/u.bytes {
			return 0, false
		}
		return int64(n) * u.bytes, true
	}
	return 0, false
}

// sizeText is a size in the largest unit of two that it is a whole number of.
func sizeText(n int64) string {
	for _, u := range []int{2, 1, 0} {
		if n%units[u].bytes == 0 && n > 0 {
			return strconv.FormatInt(n/units[u].bytes, 10) + units[u].name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// sizeInt is size for what is kept as an int.
func (v value) sizeInt(into *int, lo, hi int) {
	n := int64(*into)
	v.size(&n, int64(lo), int64(hi), false)
	*into = int(n)
}

// statuses reads a status or a range of them, such as 502 or 500-504, within lo to hi.
func (v value) statuses(lo, hi int) (from, to int, ok bool) {
	s, ok := v.text("a status such as 502, or a range such as 500-504")
	if !ok {
		return 0, 0, false
	}
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	switch {
	case err1 != nil || err2 != nil:
		v.fail("%q is no status; write one such as 502, or a range such as 500-504", s)
	case from < lo || to > hi:
		v.fail("%s is out of range; a status from %d to %d can stand here", s, lo, hi)
	case from > to:
		v.fail("%s ends before it begins; write %d-%d", s, to, from)
	default:
		return from, to, true
	}
	return 0, 0, false
}

// status reads one status.
func (v value) status(into *int, statuses ...int) {
	n := *into
	v.number(&n, 200, 599)
	if len(statuses) > 0 && !slices.Contains(statuses, n) {
		var words []string
		for _, s := range statuses {
			words = append(words, strconv.Itoa(s))
		}
		v.fail("%d does not fit; write %s", n, oneOf(words))
		return
	}
	*into = n
}

// peers reads networks, and "unix" for who connects to a Unix socket and has no address.
func (v value) peers(into *[]netip.Prefix, unix *bool) {
	const want = "a network such as 10.0.0.0/8, unix, or a list of them"
	for _, e := range v.list(want) {
		s, ok := e.text(want)
		if ok && s == "unix" {
			*unix = true
		} else if ok {
			if p, ok := e.prefix(s); ok {
				*into = append(*into, p)
			}
		}
	}
}

// prefixes reads networks, each as ADDRESS/BITS or as an ADDRESS, which is a network of one.
func (v value) prefixes(into *[]netip.Prefix) {
	const want = "a network such as 10.0.0.0/8, or a list of them"
	for _, e := range v.list(want) {
		if s, ok := e.text(want); ok {
			if p, ok := e.prefix(s); ok {
				*into = append(*into, p)
			}
		}
	}
}

func (v value) prefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		v.fail("%q is no network; write one such as 10.0.0.0/8, 2001:db8::/32 or 10.0.0.1", s)
	case p.Addr().Is4In6():
		v.fail("%s is IPv4 within IPv6; write it as IPv4, such as 10.0.0.0/8", s)
	case p != p.Masked():
		v.fail("%s has bits behind its length; write %v for the network, or %v for the address", s, p.Masked(), p.Addr())
	default:
		return p, true
	}
	return netip.Prefix{}, false
}

// file reads the path of a file, which is relative to the folder of the configuration, and remembers its place.
func (v value) file(cfg *Config) (string, bool) {
	s, ok := v.text("the path of a file")
	if !ok {
		return "", false
	}
	if s == "" || strings.ContainsRune(s, 0) {
		v.fail("%q is no path; write the path of a file", s)
		return "", false
	}
	if !filepath.IsAbs(s) {
		s = filepath.Join(filepath.Dir(cfg.file), s)
	}
	if _, there := cfg.places[s]; !there {
		cfg.places[s] = v.place()
	}
	return s, true
}
