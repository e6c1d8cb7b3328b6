package admin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/unio-go/unio/tinygate/internal/sockfile"
)

// socketMode lets nobody else connect; to connect, one has to be allowed to write (unix(7)).
const socketMode = 0o600

// listen listens on a Unix socket or a loopback address. remove takes the socket's file away at the end.
func listen(address string) (ln net.Listener, remove func(), err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return listenUnix(path)
	}
	if err := checkLoopback(address); err != nil {
		return nil, nil, err
	}
	ln, err = net.Listen("tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("admin: %w", err)
	}
	if a, ok := ln.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() { // a localhost that leads elsewhere
		ln.Close()
		return nil, nil, notLoopback(ln.Addr().String())
	}
	return ln, func() {}, nil
}

func notLoopback(address string) error {
	return fmt.Errorf("admin: %s is not a loopback address, and the API has no authentication: "+
		"take unix:PATH or 127.0.0.1:PORT, and a reverse proxy with authentication before it if it has to be reached from elsewhere", address)
}

// checkLoopback wants HOST:PORT with a loopback address or localhost. Another name is refused, whatever it resolves to now.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("admin: %q is neither unix:PATH nor a loopback HOST:PORT: %w", address, err)
	}
	if !isLoopback(host) {
		return notLoopback(address)
	}
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// listenUnix listens on path. The socket is made in a folder that nobody else may enter and moved to its place with its mode
// set, so that there is no moment in which others may connect, nor one without a socket when it replaces a stale one. How
// long path may be is told by package config, which knows where the socket is made.
func listenUnix(path string) (net.Listener, func(), error) {
	if path == "" || path[0] == '@' || path[0] == 0 {
		return nil, nil, fmt.Errorf("admin: unix:%s: a path is needed; abstract sockets have no mode, so anyone could connect", path)
	}
	if err := sockfile.CheckUnused(path); err != nil {
		return nil, nil, fmt.Errorf("admin: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".t")
	if err != nil {
		return nil, nil, fmt.Errorf("admin: the socket's directory has to be there, and writable for this process: %w", err)
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: made})
	if err != nil {
		if errors.Is(err, syscall.EINVAL) {
			return nil, nil, fmt.Errorf("admin: unix:%s: the path is too long for a socket, take a shorter one: %w", path, err)
		}
		return nil, nil, fmt.Errorf("admin: %w", err)
	}
	ln.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, socketMode), os.Rename(made, path)); err != nil {
		return nil, nil, fmt.Errorf("admin: %w", errors.Join(err, ln.Close()))
	}
	return ln, sockfile.Of(path).Remove, nil
}
