// Package uringengine performs operations on sockets with Linux's io_uring.
//
// One ring serves one loop. A receive is a multishot request that the kernel answers again and again, each time with a
// piece of a buffer ring that all descriptors share; an accept likewise. So the steady state of a connection costs one
// entry for each send and none for receives, and all entries of a turn go to the kernel in one call.
//
// What a piece of memory is for decides how long it lives: blocks of the buffer ring, message headers and addresses are
// outside Go's heap and are given back only after the kernel's terminal completion.
package uringengine
