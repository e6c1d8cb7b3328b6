// Package coro runs straight-line code in coroutines that park and resume without the Go scheduler, and tells which
// goroutine a call comes from.
//
// A coroutine is made by iter.Pull, whose rules the runtime enforces by ending the process (runtime/coro.go, Go 1.26): it
// is resumed by one goroutine at a time, and when its creator was locked to a thread, every switch happens on that thread
// with the same count of LockOSThread. Package loop keeps these rules; nobody else creates a [Coro].
package coro
