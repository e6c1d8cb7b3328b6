package tidy

import (
	"bytes"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestVet runs the analyses of go vet over every module, as this machine builds it and with the debug checks in.
func TestVet(t *testing.T) {
	tree := mustLoad(t)
	for _, tags := range []string{"", "uniodebug", "unio_nouring", "unio_noepoll", "unio_nouring,unio_noepoll"} {
		t.Run("tags="+tags, func(t *testing.T) { mustSucceed(t, tree.Command(nil, "vet", "-tags="+tags, "work")) })
	}
}

// TestVetElsewhere vets every module, tests included, as other systems build it. It is what keeps them compiling.
func TestVetElsewhere(t *testing.T) {
	tree := mustLoad(t)
	for _, target := range []string{"linux/arm64", "darwin/arm64", "windows/amd64"} {
		t.Run(target, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(target, "/")
			env := []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}
			mustSucceed(t, tree.Command(env, "vet", "work"))
		})
	}
}

// TestBuildFor32Bits builds what is not a test or a benchmark where an int has 32 bits, and where system calls have other names in
// package syscall.
func TestBuildFor32Bits(t *testing.T) {
	tree := mustLoad(t)
	for _, goarch := range []string{"386", "arm"} {
		t.Run("linux/"+goarch, func(t *testing.T) {
			env := []string{"GOOS=linux", "GOARCH=" + goarch, "CGO_ENABLED=0"}
			mustSucceed(t, tree.Command(env, "build", "./...", "./tinygate/...", "./adapter/pebblevfs"))
		})
	}
}

// staticcheckBuilds are the builds whose findings are merged: what only one of them uses is not unused.
const staticcheckBuilds = `normal: -tags=
debug: -tags=uniodebug
`

// standIn matches a finding that is none: the neutral half of a file pair declares what its other half, in another
// build, makes use of.
var standIn = regexp.MustCompile(`(?m)^\S*_(off|other)\.go:.*\(U1000\)\n`)

// TestStaticcheck runs the staticcheck of internal/lint over every module. Its findings name the check; an explanation
// is at https://staticcheck.dev/docs/checks.
func TestStaticcheck(t *testing.T) {
	cmd := mustLoad(t).Command(nil, "tool", "staticcheck", "-matrix", "work")
	cmd.Stdin = strings.NewReader(staticcheckBuilds)
	out, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	if found := standIn.ReplaceAll(out, nil); err != nil && (len(found) > 0 || len(out) == 0) {
		t.Errorf("%s: %v: correct what it found:\n%s", strings.Join(cmd.Args, " "), err, found)
	}
}

func mustSucceed(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v: correct what it found:\n%s", strings.Join(cmd.Args, " "), err, &out)
	}
}
