//go:build unix

package main

import (
	"os"
	"syscall"
)

// reloadSignal and reopenSignal are those by which nginx too is told.
var reloadSignal, reopenSignal os.Signal = syscall.SIGHUP, syscall.SIGUSR1
