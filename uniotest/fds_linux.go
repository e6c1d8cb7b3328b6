package uniotest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// fdFolder lists the descriptors of the process as links to what they are, proc_pid_fd(5).
const fdFolder = "/proc/self/fd"

// takeFDs is every open descriptor. One whose number has gone to something else counts as new: sockets and pipes have
// their inode in the link.
func takeFDs() snapshot {
	s := snapshot{}
	entries, err := os.ReadDir(fdFolder)
	if err != nil {
		return s
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(fdFolder, e.Name()))
		if err != nil || strings.HasSuffix(target, "/fd") {
			continue // the descriptor by which the folder is read
		}
		s[e.Name()+" "+target] = fmt.Sprintf("%s -> %s%s", e.Name(), target, addresses(e.Name(), target))
	}
	return s
}

// addresses tells which connection a socket is.
func addresses(name, target string) string {
	fd, err := strconv.Atoi(name)
	if err != nil || !strings.HasPrefix(target, "socket:") {
		return ""
	}
	text := ""
	if a, err := syscall.Getsockname(fd); err == nil {
		text = ", local " + address(a)
	}
	if a, err := syscall.Getpeername(fd); err == nil {
		text += ", peer " + address(a)
	}
	return text
}

func address(a syscall.Sockaddr) string {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return fmt.Sprintf("%d.%d.%d.%d:%d", a.Addr[0], a.Addr[1], a.Addr[2], a.Addr[3], a.Port)
	case *syscall.SockaddrInet6:
		return fmt.Sprintf("[%x]:%d", a.Addr, a.Port)
	case *syscall.SockaddrUnix:
		return strconv.Quote(a.Name)
	}
	return "unknown"
}
