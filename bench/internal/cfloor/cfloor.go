// Package cfloor holds the two echo servers in C that a comparison measures itself against: what the kernel
// costs by epoll and by io_uring when nothing stands above it. They are compiled when a run starts; gcc alone
// suffices.
package cfloor

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed c/echo_epoll.c
var epollSource string

//go:embed c/echo_uring.c
var uringSource string

// Sources maps the name of each floor to its program text.
func Sources() map[string]string {
	return map[string]string{"c-epoll": epollSource, "c-uring": uringSource}
}

// ErrNoCompiler says that gcc is missing, so that there are no floors to compare with.
var ErrNoCompiler = errors.New("gcc is not installed")

// Build compiles one floor into dir and returns the path of the program.
func Build(dir, name string) (string, error) {
	source, ok := Sources()[name]
	if !ok {
		return "", fmt.Errorf("no floor is called %q", name)
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return "", ErrNoCompiler
	}
	prog := filepath.Join(dir, name)
	if err := os.WriteFile(prog+".c", []byte(source), 0o600); err != nil {
		return "", err
	}
	out, err := exec.Command(gcc, "-O2", "-o", prog, prog+".c").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("gcc: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return prog, nil
}
