//go:build !unix

package main

import "os"

// Where there are no such signals the admin API reloads, and an access log cannot be moved while it is open. A write to a pipe
// whose reader has gone is an error there in any case.
var reloadSignal, reopenSignal, brokenPipeSignal os.Signal
