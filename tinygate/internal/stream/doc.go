// Package stream is a connection as the gate uses it, plain or with TLS.
//
// It is one concrete type of two words: a plain connection is asked for nothing but whether it is one. What TLS does
// beneath is package uniotls's: signatures and callbacks run off the loop, an idle connection holds no buffer, and what
// wakes who waits is data or the end, never a session ticket.
package stream
