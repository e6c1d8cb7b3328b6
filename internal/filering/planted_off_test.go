//go:build !unio_planted && linux && !unio_nouring

package filering

// randomOrders is how many orders of many callers are drawn.
const randomOrders = uint64(2000)
