//go:build unix

package main

import (
	"os"
	"syscall"
)

// reloadSignal and reopenSignal are those by which nginx too is told.
var reloadSignal, reopenSignal os.Signal = syscall.SIGHUP, syscall.SIGUSR1

// brokenPipeSignal comes with a write to a pipe or socket whose reader has gone.
var brokenPipeSignal os.Signal = syscall.SIGPIPE
