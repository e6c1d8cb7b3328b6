package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	// headBytes is the size of a head.
	headBytes = 16
	// RecordMax is the size of the largest record.
	RecordMax = 64 << 10
)

// Kinds of requests and answers.
const (
	kindAppend   = 'A'
	kindRead     = 'R'
	kindAppended = 'a'
	kindPart     = 'r'
	kindError    = 'e'
)

// head is what requests and answers begin with.
type head struct {
	kind   byte
	length int
	at     uint64 // checksum or offset
}

func (h head) put(p []byte) {
	p[0], p[1], p[2], p[3] = h.kind, 0, 0, 0
	binary.LittleEndian.PutUint32(p[4:], uint32(h.length))
	binary.LittleEndian.PutUint64(p[8:], h.at)
}

func parseHead(p []byte) head {
	return head{kind: p[0], length: int(binary.LittleEndian.Uint32(p[4:])), at: binary.LittleEndian.Uint64(p[8:])}
}

var table = crc32.MakeTable(crc32.Castagnoli)

// sum begins the checksum of a record with its head.
func (h head) sum() uint32 {
	var p [headBytes]byte
	h.put(p[:])
	return crc32.Checksum(p[:8], table)
}

// checkAppend refuses an append that cannot be one.
func (h head) checkAppend() error {
	if h.length < 0 || h.length > RecordMax {
		return fmt.Errorf("a record of %d bytes: at most %d", h.length, RecordMax)
	}
	return nil
}
