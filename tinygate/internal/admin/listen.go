package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// socketMode lets nobody else connect; to connect, one has to be allowed to write (unix(7)).
const socketMode = 0o600

// probeTimeout is how long a process that serves a socket may take to accept.
const probeTimeout = time.Second

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
// set, so that there is no moment in which others may connect, nor one without a socket when it replaces a stale one.
func listenUnix(path string) (net.Listener, func(), error) {
	if path == "" || path[0] == '@' || path[0] == 0 {
		return nil, nil, fmt.Errorf("admin: unix:%s: a path is needed; abstract sockets have no mode, so anyone could connect", path)
	}
	if err := checkUnused(path); err != nil {
		return nil, nil, err
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
	ours, err := os.Lstat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("admin: %w", errors.Join(err, ln.Close()))
	}
	return ln, func() {
		if now, err := os.Lstat(path); err == nil && os.SameFile(ours, now) { // not that of a successor
			os.Remove(path)
		}
	}, nil
}

// checkUnused finds out whether a process serves path, or something else is there.
func checkUnused(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("admin: %s is there and is not a socket: remove it, or take another path: %w", path, fs.ErrExist)
	}
	c, err := net.DialTimeout("unix", path, probeTimeout)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("admin: a running process serves %s: end it, or take another path: %w", path, syscall.EADDRINUSE)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil // its process is dead
	}
	return fmt.Errorf("admin: %s may be served by a running process: %w", path, err)
}
