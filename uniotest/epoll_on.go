//go:build linux && !unio_noepoll

package uniotest

// hasEpoll says that the engine epoll is in this build.
const hasEpoll = true
