package ringfile

// Chunks are memory that stays where it is, such as a mem.Pool's.
type Chunks interface {
	// Chunks is how many chunks there can be.
	Chunks() int
	// Chunk finds the chunk in which b lies as a whole: its number, below Chunks, and all its memory.
	Chunk(b []byte) (number int, memory []byte, ok bool)
}
