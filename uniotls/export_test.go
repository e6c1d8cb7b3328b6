package uniotls

// QueueBytesMax is the bound of what Pending tells.
const QueueBytesMax = queueBytesMax

// Pending is how many sealed bytes the connection below has not taken.
func Pending(c *Conn) int64 { return c.wire.pending.Load() }
