// Package cfloor holds the programs in C that a comparison measures itself against: what the kernel costs when nothing
// stands above it. They are compiled when a run starts. Two are echo servers, by epoll and by io_uring, for which gcc alone
// suffices; the one that performs no-ops is written with liburing.
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

//go:embed c/nop_uring.c
var nopSource string

// NopUring is the name of the floor that performs no-ops.
const NopUring = "c-nop"

// libraries are what a floor is linked with.
var libraries = map[string]string{NopUring: "uring"}

// Sources maps the name of each floor to its program text.
func Sources() map[string]string {
	return map[string]string{"c-epoll": epollSource, "c-uring": uringSource, NopUring: nopSource}
}

// ErrNoCompiler says that gcc is missing, so that there are no floors to compare with.
var ErrNoCompiler = errors.New("gcc is not installed")

// ErrNoLiburing says that a floor is missing because the library that it is written with is.
var ErrNoLiburing = errors.New("liburing, with its header, is not installed")

// has reports whether the compiler finds a library and its header.
func has(gcc, lib string) bool {
	cmd := exec.Command(gcc, "-x", "c", "-o", os.DevNull, "-", "-l"+lib)
	cmd.Stdin = strings.NewReader("#include <lib" + lib + ".h>\nint main(void) { return 0; }\n")
	return cmd.Run() == nil
}

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
	args := []string{"-O2", "-o", prog, prog + ".c"}
	lib, needs := libraries[name]
	if needs {
		args = append(args, "-l"+lib)
	}
	out, err := exec.Command(gcc, args...).CombinedOutput()
	if needs && strings.Contains(string(out), lib) && !has(gcc, lib) {
		return "", ErrNoLiburing
	}
	if err != nil {
		return "", fmt.Errorf("gcc: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return prog, nil
}
