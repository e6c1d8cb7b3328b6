package cfloor

import (
	"errors"
	"runtime"
	"testing"
)

func TestFloorsCompile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("lacks: epoll and io_uring, which are Linux interfaces")
	}
	for name := range Sources() {
		t.Run(name, func(t *testing.T) {
			_, err := Build(t.TempDir(), name)
			if errors.Is(err, ErrNoCompiler) || errors.Is(err, ErrNoLiburing) {
				t.Skipf("lacks: a compiler, or its library: %v", err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnknownFloor(t *testing.T) {
	if _, err := Build(t.TempDir(), "c-kqueue"); err == nil {
		t.Error("no error")
	}
}
