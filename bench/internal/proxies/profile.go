package proxies

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/unio-go/unio/bench/internal/host"
)

// symbolGroups say what code of a proxy is for, by its symbol: the first that matches. Those of nginx are after its modules.
var symbolGroups = []struct {
	name    string
	symbols *regexp.Regexp
}{
	{"parse", regexp.MustCompile(`tinygate/internal/http1\.|^ngx_http_parse_|^ngx_http_(proxy_)?process_(request|header|status)`)},
	{"route", regexp.MustCompile(`tinygate/internal/(route|cluster)|^ngx_http_(find|core_find|update_location|upstream_(get|init)_)`)},
	{"log and metrics", regexp.MustCompile(`tinygate/internal/(access|log|metrics|seeing)|\(\*logger\)|log/slog\.|^ngx_http_log|^ngx_log`)},
	{"forward", regexp.MustCompile(`/tinygate/|^ngx_http|^ngx_output|^ngx_chain|^main\.`)},
	{"TLS", regexp.MustCompile(`^crypto/|^ngx_ssl|^(SSL|EVP|CRYPTO|BIO)_`)},
	{"unio", regexp.MustCompile(`github\.com/unio-go/unio`)},
	{"events and memory", regexp.MustCompile(`^ngx_`)},
	{"Go runtime", regexp.MustCompile(`^(runtime|internal/runtime|sync|internal/poll|syscall|gcWriteBarrier|time)\b`)},
}

const (
	kernelGroup  = "kernel"
	libraryGroup = "C library"
	otherGroup   = "other"
	unknownGroup = "without symbols"
)

// sampledLine is what perf script prints of a sample with -F ip,sym,dso: where it was, a symbol, and in parentheses the object.
var sampledLine = regexp.MustCompile(`^\s*[0-9a-f]+ (.*) \(([^()]*)\)\s*$`)

// groupOf says what a symbol is for.
func groupOf(symbol, object string) string {
	switch {
	case strings.HasPrefix(object, "[kernel") || strings.HasSuffix(object, ".ko") || strings.HasPrefix(object, "[guest.kernel"):
		return kernelGroup
	case object == "[vdso]":
		return kernelGroup
	case symbol == "[unknown]" || strings.HasPrefix(symbol, "0x"):
		return unknownGroup
	}
	if strings.Contains(object, "/libc.so") || strings.Contains(object, "/libc-") {
		return libraryGroup
	}
	for _, g := range symbolGroups {
		if g.symbols.MatchString(symbol) {
			return g.name
		}
	}
	return otherGroup
}

// split is the shares of the groups of symbols in what perf script has printed, the greatest first.
func split(script []byte) (string, error) {
	counts, total := map[string]int{}, 0
	for lines := bufio.NewScanner(bytes.NewReader(script)); lines.Scan(); {
		m := sampledLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		counts[groupOf(m[1], m[2])]++
		total++
	}
	if total == 0 {
		return "", errors.New("perf took no sample")
	}
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %.1f %%", name, 100*float64(counts[name])/float64(total))
	}
	return strings.Join(names, ", "), nil
}

// WriteProfile prints where CPU time went.
func WriteProfile(w io.Writer, profile []host.Fact) {
	if len(profile) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s: where the CPU time goes, by perf\n", Small.Title())
	for _, f := range profile {
		fmt.Fprintf(w, "  %-15s %s\n", f.Key, f.Value)
	}
}
