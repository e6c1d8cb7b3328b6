//go:build !unix

package main

import "os"

// Where there are no such signals the admin API reloads, and an access log cannot be moved while it is open.
var reloadSignal, reopenSignal os.Signal
