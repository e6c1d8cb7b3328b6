package filering

import "github.com/unio-go/unio/internal/ringfile"

// Config is what a ring is made with. The zero value is good.
type Config struct {
	// Memory is registered with the ring, piece by piece as it is used, if not nil. It must not be given back to the
	// system before the ring is closed.
	Memory ringfile.Chunks
	// Rings is how many shared rings there are; 0 means one for each eight of GOMAXPROCS.
	Rings int
}
