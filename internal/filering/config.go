package filering

// Config is what a ring is made with. The zero value is good.
type Config struct {
	// Memory is registered with the ring, piece by piece as it is used, if not nil. It must not be given back to the
	// system before the ring is closed.
	Memory Memory
	// Rings is how many shared rings there are; 0 means one for each eight of GOMAXPROCS.
	Rings int
}

// Memory is made of chunks that stay where they are, such as a mem.Pool.
type Memory interface {
	// Chunks is how many chunks there can be.
	Chunks() int
	// Chunk finds the chunk in which b lies as a whole: its number, below Chunks, and all its memory.
	Chunk(b []byte) (number int, memory []byte, ok bool)
}
