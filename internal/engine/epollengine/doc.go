// Package epollengine performs operations with epoll and non-blocking system calls.
//
// Every descriptor is registered once, edge-triggered and for both directions; nothing is modified
// afterwards. An edge is only noted. The system call that uses it is made when the operation's
// completion is about to be returned, so that a buffer is filled right before somebody reads it, and one
// hot buffer goes round instead of one per connection. A descriptor that waits holds no buffer.
package epollengine
