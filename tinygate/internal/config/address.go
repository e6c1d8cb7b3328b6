package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

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
