//go:build !race

package loop

// setSince is for an operation whose Since anybody may read. A plain store is enough: a read that races with it finds
// what has been written before or after, never a mixture (go.dev/ref/mem, "Implementation Restrictions for Programs
// Containing Data Races"), and an atomic one is a locked instruction for each message.
func setSince(p *uint32, v uint32) { *p = v }
