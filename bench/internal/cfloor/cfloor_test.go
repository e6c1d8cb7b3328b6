package cfloor

import (
	"errors"
	"runtime"
	"testing"
)

func TestFloorsCompile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("epoll and io_uring are Linux interfaces")
	}
	for name := range Sources() {
		if _, err := Build(t.TempDir(), name); errors.Is(err, ErrNoCompiler) || errors.Is(err, ErrNoLiburing) {
			t.Skip(err)
		} else if err != nil {
			t.Error(name, err)
		}
	}
}

func TestUnknownFloor(t *testing.T) {
	if _, err := Build(t.TempDir(), "c-kqueue"); err == nil {
		t.Error("no error")
	}
}
