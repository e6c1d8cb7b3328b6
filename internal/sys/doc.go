// Package sys is the one door to the system calls that package net does not offer: epoll, eventfd, calls
// on raw descriptors that never block, socket addresses as the kernel writes them, socket options,
// threads and limits.
//
// It has no state and no policy. Functions that return a [syscall.Errno] are for hot paths: they
// allocate nothing, and zero is success. A function whose comment says raw enters the kernel without
// telling Go's scheduler, which is right only because it cannot sleep there.
package sys
