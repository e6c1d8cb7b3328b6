package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// EditNames are the variables that the values of an Edit may have.
var EditNames = []string{
	"client_address", "request_id", "scheme", "host", "path", "method", "upstream", "server_name", "client_cert_subject",
	"client_cert_verify",
}

// RedirectNames are the variables that Redirect.To may have.
var RedirectNames = []string{"scheme", "host", "path", "query"}

// Dollar is what a dollar sign that the environment brought is written as in a text with variables, so that it begins none:
// it may be one of a secret. No file can have it.
const Dollar = "${$}"

// template returns a scalar in which the file may have the ${name} of names, with its ${env:NAME} expanded, and how many names
// it has. What the environment brought is not looked at, and not told. want says what would be right where it is none.
func (v value) template(want string, names []string) (text string, n int, ok bool) {
	if !v.isText(want) {
		return "", 0, false
	}
	all, ok := v.pieces(v.n.Value)
	if !ok {
		return "", 0, false
	}
	var b strings.Builder
	for i, p := range all {
		if p.env {
			b.WriteString(strings.ReplaceAll(p.text, "$", Dollar))
			continue
		}
		if !v.variables(p.text, names) {
			return "", 0, false
		}
		n += strings.Count(p.text, "${")
		if before, open := strings.CutSuffix(p.text, "$"); open && i < len(all)-1 { // a brace may come from the environment
			p.text = before + Dollar
		}
		b.WriteString(p.text)
	}
	return b.String(), n, true
}

// variables checks the ${name} of a text.
func (v value) variables(text string, names []string) bool {
	for {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			v.fail("${%s has no end; write ${name}", rest)
			return false
		}
		if !slices.Contains(names, name) {
			v.fail("${%s} is not known; %sthere are %s, and ${env:NAME}", name, guess(name, names), strings.Join(names, ", "))
			return false
		}
		text = after
	}
}

// isToken is RFC 9110 5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if !isLetter(c) && !isDigit(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// controlAt is the first control character that may not stand in a field value (RFC 9110 5.5), or -1.
func controlAt(s string) int {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// fieldValue checks a text that is sent as the value of a header field. The text is not told: it may be a secret that came
// from the environment.
func (v value) fieldValue(s string) bool {
	if i := controlAt(s); i >= 0 {
		v.fail("the value has the control character %U; a header's value is one line of text", s[i])
		return false
	}
	if strings.TrimSpace(s) != s {
		v.fail("the value begins or ends with a space, which does not arrive; take it out")
		return false
	}
	return true
}

// host reads the host of a condition: a name, an address, or "*." with a name.
func (v value) host() (string, bool) {
	s, ok := v.text("a host such as example.com")
	if !ok {
		return "", false
	}
	s = strings.ToLower(s)
	name, wild := strings.CutPrefix(s, "*.")
	switch {
	case s == "*":
		v.fail(`"*" is every host; take the key out`)
		return "", false
	case strings.Contains(name, "*"):
		v.fail(`%q has its * elsewhere; only the whole first label can be one: "*.example.com"`, s)
		return "", false
	}
	if cure := hostFault(name, wild); cure != "" {
		v.fail("%q is no host; %s", s, cure)
		return "", false
	}
	if s[0] == '[' { // as clients write it: hosts are compared as text
		s = "[" + netip.MustParseAddr(s[1:len(s)-1]).String() + "]"
	}
	return s, true
}

// hostFault is what to do about a host that cannot be one, or "".
func hostFault(s string, wild bool) string {
	if a, err := netip.ParseAddr(s); err == nil && !wild {
		if a.Is6() {
			return "write [" + a.WithZone("").String() + "]"
		}
		return ""
	}
	if inner, ok := strings.CutPrefix(s, "["); ok && !wild {
		inner, closed := strings.CutSuffix(inner, "]")
		if a, err := netip.ParseAddr(inner); err != nil || !closed || !a.Is6() || a.Zone() != "" {
			return "within brackets stands an IPv6 address, such as [2001:db8::1]"
		}
		return ""
	}
	if i := strings.Index(s, "://"); i >= 0 {
		return "write it without " + s[:i+3]
	}
	if h, _, ok := strings.Cut(s, "/"); ok {
		return "write " + strconv.Quote(h) + ", and the path as path, prefix or pattern"
	}
	if h, _, ok := strings.Cut(s, ":"); ok {
		return "write " + strconv.Quote(h) + ": a host fits with every port"
	}
	return nameFault(s)
}

// nameFault is hostFault for a name. An underscore is allowed since names of containers have it.
func nameFault(s string) string {
	if len(s) > 253 {
		return "a name has at most 253 bytes"
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" {
			return "write names with single dots between them, such as example.com"
		}
		if len(label) > 63 {
			return "a part of a name has at most 63 bytes"
		}
		for _, c := range label {
			switch {
			case c >= 0x80:
				return "write it as it is sent, in ASCII (xn--...)"
			case !isLetter(byte(c)) && !isDigit(byte(c)) && c != '-' && c != '_':
				return fmt.Sprintf("%q cannot stand in a name", c)
			}
		}
	}
	return ""
}

// addressRole is what an address is for.
type addressRole struct {
	what     string // "a server"
	example  string
	noHost   bool // the host may be left out
	anyPort  bool // port 0: one that is free
	loopback bool // nothing that others reach
}

var (
	listenAddress = addressRole{what: "a listener", example: ":8080, 127.0.0.1:8080 or unix:/run/gate.sock", noHost: true, anyPort: true}
	serverAddress = addressRole{what: "a server", example: "10.0.0.1:80, web.internal:80 or unix:/run/web.sock"}
	adminAddress  = addressRole{what: "the admin address", example: "127.0.0.1:9000 or unix:/run/gate-admin.sock",
		anyPort: true, loopback: true}
)

// address reads HOST:PORT or unix:PATH.
func (v value) address(role addressRole) (string, bool) {
	s, ok := v.text("an address such as " + role.example)
	if !ok {
		return "", false
	}
	if path, unix := strings.CutPrefix(s, "unix:"); unix {
		return s, v.unix(path) && (!role.loopback || v.adminSocket(path))
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		cure := "write " + strings.TrimSuffix(rest, "/")
		if scheme == "https" && role == serverAddress {
			cure += ", and tls: true beside the servers of its upstream"
		}
		v.fail("%q is a URL; %s", s, cure)
		return "", false
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		v.fail("%q is not HOST:PORT; %s", s, role.cure(s))
		return "", false
	}
	if cure := role.fault(host, port); cure != "" {
		v.fail("%q cannot be %s; %s", s, role.what, cure)
		return "", false
	}
	return strings.ToLower(s), true
}

// socketPathMax is what sun_path of unix(7) holds beside its NUL.
const socketPathMax = 107

// unix checks the path of a socket.
func (v value) unix(path string) bool {
	if path == "" || len(path) > socketPathMax || strings.ContainsRune(path, 0) {
		v.fail("unix:%s has no possible path; write unix:/run/name.sock, at most %d bytes", path, socketPathMax)
		return false
	}
	return true
}

// adminMade is where package admin makes a socket, below the folder that it is for, at its longest.
const adminMade = "/.t4294967295/s"

// adminSocket checks what else is true of a socket that only its user may use.
func (v value) adminSocket(path string) bool {
	if path[0] == '@' {
		v.fail("unix:%s has no rights, so that anyone could connect; write unix:/run/name.sock", path)
		return false
	}
	if folderMax := socketPathMax - len(adminMade); len(filepath.Dir(path)) > folderMax {
		v.fail("the folder of unix:%s is too long for what is made in it; write one of at most %d bytes", path, folderMax)
		return false
	}
	return true
}

// cure is for what has no port that can be told from the host.
func (role addressRole) cure(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return "add the port: " + netip.AddrPortFrom(a, 80).String()
	}
	if strings.Count(s, ":") > 1 {
		return "write IPv6 as [ADDRESS]:PORT"
	}
	if _, err := strconv.Atoi(s); err == nil {
		if role.noHost {
			return "write :" + s + ", or for this machine only 127.0.0.1:" + s
		}
		return "add the host: 127.0.0.1:" + s
	}
	return "add the port: " + s + ":80"
}

func (role addressRole) fault(host, port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil:
		return "the port is a number from 1 to 65535"
	case n == 0 && !role.anyPort:
		return "port 0 cannot be reached"
	case host == "" && role.noHost:
		return ""
	case host == "":
		return "add the host, such as 127.0.0.1:" + port
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		if role.loopback && host != "localhost" {
			return "only this machine may reach it: write 127.0.0.1:" + port
		}
		if isNumeric(host) {
			return "IPv4 has four numbers from 0 to 255, without zeros in front"
		}
		return nameFault(host)
	}
	if role.loopback && !a.IsLoopback() {
		return "only this machine may reach it: write 127.0.0.1:" + port
	}
	if role == serverAddress && a.IsUnspecified() {
		return "it is no place to reach; write the server's own address, such as 127.0.0.1:" + port
	}
	return ""
}

// isNumeric recognises numbers with dots between them, which no name is: the last label of a name is not a number (RFC 3696 2). What is
// mistyped would else be looked up for ever.
func isNumeric(host string) bool {
	return strings.Contains(host, ".") && strings.Trim(host, "0123456789.") == ""
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
