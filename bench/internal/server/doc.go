// Package server holds the contenders of the echo comparison that are written in Go: one small echo server
// each on package net, on gnet, and on unio's engines. A server is a process of its own, so that no contender
// shares a heap, a scheduler or a thread with another.
package server
