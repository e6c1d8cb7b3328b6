// Package server holds the contenders of package compare that are written in Go: small echo servers on package net, on gnet
// and on unio's engines, and HTTP servers by net/http, by fasthttp and by a task. A server is a process of its own, so that
// no contender shares a heap, a scheduler or a thread with another.
package server
