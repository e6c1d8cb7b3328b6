package vfstest

import (
	"os"
	"path/filepath"
	"strings"
)

// openBelow lists the process's descriptors of what is, or was, in a directory.
func openBelow(dir string) (paths []string) {
	if dir == "" {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		path, err := os.Readlink(fd)
		if err == nil && (path == dir || strings.HasPrefix(path, dir+"/")) {
			paths = append(paths, path)
		}
	}
	return paths
}
