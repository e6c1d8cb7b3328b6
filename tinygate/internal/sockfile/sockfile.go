// Package sockfile looks after the files of Unix sockets that a program listens on. Such a file outlives its process, when
// that is killed, and then stands in the way of the next one, although nobody listens on it.
package sockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// probeTimeout is how long a process that serves a socket may take to accept.
const probeTimeout = time.Second

// CheckUnused finds out whether a process serves path, or something else than a socket is there. Both are errors, which
// wrap syscall.EADDRINUSE and fs.ErrExist. A socket that nobody serves may be replaced.
func CheckUnused(path string) error {
	_, err := unused(path)
	return err
}

// unused is CheckUnused, and returns what is there; nil: nothing.
func unused(path string) (os.FileInfo, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is there and is not a socket: remove it, or take another path: %w", path, fs.ErrExist)
	}
	c, err := net.DialTimeout("unix", path, probeTimeout)
	switch {
	case err == nil:
		c.Close()
		return nil, fmt.Errorf("a running process serves %s: end it, or take another path: %w", path, syscall.EADDRINUSE)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return info, nil // its process is dead
	}
	return nil, fmt.Errorf("%s may be served by a running process: %w", path, err)
}

// Clear makes room at path: it removes a socket that nobody serves, and fails as CheckUnused does.
func Clear(path string) error {
	info, err := unused(path)
	if err != nil || info == nil {
		return err
	}
	File{path, info}.Remove()
	return nil
}

// File is the file of a socket as it was at a time.
type File struct {
	path string
	info os.FileInfo // nil: there was none
}

// Of is the file that is at path now.
func Of(path string) File {
	info, err := os.Lstat(path)
	if err != nil {
		return File{}
	}
	return File{path, info}
}

// Remove removes the file, unless another one is in its place by now, such as that of a successor. A number of an inode may be
// used again at once, so the time counts too.
func (f File) Remove() {
	if f.info == nil {
		return
	}
	now, err := os.Lstat(f.path)
	if err == nil && os.SameFile(f.info, now) && f.info.ModTime().Equal(now.ModTime()) {
		os.Remove(f.path)
	}
}
